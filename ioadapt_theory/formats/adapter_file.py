"""The content of an adapter file in any format: a `StoredLayer` for each layer, and `Change`s of the base."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.formats.tensors import TensorFile


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """The stored adapter of one layer.

    Attributes:
        name: the layer's name in the file.
        sketch: the adapter on the meta device, with sizes and settings.
        adapter: a function that reads the values and returns the adapter.
        spares_bias: whether the adapter acts on the layer's output before the bias is added, as PEANUT does.

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
    """A new value for one parameter of the base: PEFT's modules_to_save, a trained bias, or a resized embedding.

    It is not part of the adapter: ``load`` applies it only with alter_base=True, and ``remove`` does not undo it.

    Attributes:
        name: the module's name in the file.
        leaf: "weight" or "bias".
        source: the file.
        key: the tensor's key in the file.
    """

    name: Name
    leaf: str
    source: TensorFile
    key: str

    def __str__(self) -> str:
        return f"{self.name}.{self.leaf}"


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """An adapter in a file or folder, whose values are read later.

    Attributes:
        path: the file or folder that was opened.
        format: "ioadapt_theory", "PEFT", "diffusers" or "kohya/LyCORIS".
        layers: the stored layers.
        changes: changes of the base's own tensors.
        unread: key that is not read -> the reason.
        base: name of the model that the adapter was trained on or baked for; None if the file does not name it.
        prints: layer of the base -> fingerprint of its weights; empty if the file stores none.
        task_type: PEFT's task_type, by which its Auto classes choose the model class; None if there is none.

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
        """Components of a pipeline to which the layers belong; {""} if the file names none."""
        return {layer.name.component for layer in self.layers}

    def check(self) -> None:
        """Read all values, layer by layer; raise FileFormatError if one is not finite, SourceError if reading fails."""
        for layer in self.layers:
            layer.adapter()
        for change in self.changes:
            change.source[change.key]
