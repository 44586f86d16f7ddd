"""The content of an adapter's file, whoever wrote it: one `StoredLayer` for each layer, and `Change`s of the base."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.formats.tensors import TensorFile


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """The adapter of one layer in a file.

    Attributes:
        name: the layer as the file names it.
        sketch: the adapter without numbers, of which sizes and settings count.
        adapter: reads the numbers and returns the adapter.
        spares_bias: whether it acts on XW alone, as PEANUT does, not on XW + b.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, formats, save
        >>> folder = save(adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"]), tempfile.mkdtemp())
        >>> (layer,) = formats.open_adapter(folder).layers
        >>> str(layer.name), layer.sketch["input"].A.is_meta, layer.adapter()["input"].A.shape
        ('0', True, torch.Size([16, 8]))
    """

    name: Name
    sketch: Adapter
    adapter: Callable[[], Adapter]
    spares_bias: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A new value for one parameter of the base, as PEFT has it: modules_to_save, trained biases, resized embeddings.

    It is part of no layer's adapter: ``load`` puts it in only when told to, and removing the adapter leaves it there.

    Attributes:
        name: its module as the file names it.
        leaf: "weight" or "bias".
        source: the file.
        key: the tensor in it.
    """

    name: Name
    leaf: str
    source: TensorFile
    key: str

    def __str__(self) -> str:
        return f"{self.name}.{self.leaf}"


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """An adapter in a file or folder, whose numbers are not read yet.

    Attributes:
        path: the file or folder that was opened.
        format: "ioadapt_theory", "PEFT", "diffusers" or "kohya/LyCORIS".
        layers: one for each adapted layer.
        changes: changes of the base's own tensors.
        unread: keys that are not read, and what they are.
        base: name of the model that it was trained on, or baked for, where the file has it.
        prints: fingerprints of the base's layers, where the file has them.
        task_type: the task of PEFT's configuration, by which its Auto classes choose the model.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, save
        >>> from ioadapt_theory.formats import open_adapter
        >>> file = open_adapter(save(adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"]), tempfile.mkdtemp()))
        >>> file.format, len(file.layers), file.base, [*file.prints]  # the base has no name, but it has fingerprints
        ('ioadapt_theory', 1, None, ['0'])
    """

    path: Path
    format: str
    layers: tuple[StoredLayer, ...]
    changes: tuple[Change, ...]
    unread: Mapping[str, str]
    base: str | None
    prints: Mapping[str, object]
    task_type: str | None = None

    @property
    def components(self) -> set[str]:
        """Components of a pipeline that its layers are of; {""} where it names none."""
        return {layer.name.component for layer in self.layers}

    def check(self) -> None:
        """Read every number, one layer at a time; FileFormatError where one cannot be read or is not finite."""
        for layer in self.layers:
            layer.adapter()
        for change in self.changes:
            change.source[change.key]
