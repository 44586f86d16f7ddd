"""The content of an adapter file in any format: a `StoredLayer` for each layer, and `Change`s of the base."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.checkpoints.checkpoint import Ranges
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.formats.tensors import OURS, TensorFile

DIFFUSERS_CONFIG = "lora_adapter_metadata"
"""Key in the header under which diffusers stores PEFT's configuration, {"unet.r": 4, ...} with components."""

PARAMETERS: Final = {
    **{"down": "A", "up": "B", "magnitude": "m", "dora_scale": "m", "diff": "Delta"},
    **{"hada_w1_a": "B1", "hada_w1_b": "A1", "hada_w2_a": "B2", "hada_w2_b": "A2"},
    **{"lokr_w1": "C", "lokr_w2": "D", "lokr_w2_a": "B", "lokr_w2_b": "A"},
}
"""Role of a tensor in a file -> the parameter of our adapter that it stores, transposed."""
SCALED: Final = ("up", "hada_w1_a", "lokr_w1", "diff")
"""The tensor of each family that takes up a new scaling."""


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """The stored adapter of one layer.

    Attributes:
        name: the layer's name in the file.
        sketch: the adapter on the meta device, with sizes and settings.
        adapter: a function that reads the values and returns the adapter.
        keys: role of a tensor ("down", "up", "alpha", ...) -> its key in the file.
        rows: the outputs of the stored layer that this part of it adapts, or None for the whole layer.
        cut_from: the number of tokens in the file, if it was changed to that of another head.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, formats, save
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="input")
        >>> folder = save(model, tempfile.mkdtemp())
        >>> (layer,) = formats.open_adapter(folder).layers
        >>> str(layer.name), layer.sketch["input"].A.is_meta, layer.adapter()["input"].A.shape
        ('0', True, torch.Size([16, 8]))
    """

    name: Name
    sketch: Adapter
    adapter: Callable[[], Adapter]
    keys: Mapping[str, str] = field(default_factory=dict)
    rows: Ranges | None = None
    cut_from: int | None = None

    def tensors_of(self, adapter: Adapter) -> dict[str, Tensor] | None:
        """Return the tensors by which this file would store another adapter for the layer, or None if it cannot."""
        parts, others = dict(adapter.parts()), dict(self.sketch.parts())
        if self.rows is not None or parts.keys() != others.keys() or len(parts) > 1 or adapter.shift is not None:
            return None
        ((side, phi),) = parts.items()
        factors = {role: PARAMETERS[role] for role in self.keys if role in PARAMETERS}
        if type(phi) is not type(others[side]) or {*factors.values()} != {name for name, _ in phi.named_parameters()}:
            return None
        scale, tensors = phi.scaling / (others[side].scaling or 1.0), dict[str, Tensor]()
        for role, name in factors.items():
            p, shape = phi.get_parameter(name).detach(), others[side].get_parameter(name).shape
            if p.shape != shape:
                return None
            tensors[role] = (p.mT if p.ndim > 1 else p) * (scale if role in SCALED else 1.0)
        return tensors


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
        source: the opened file of tensors.
        config: PEFT's configuration, or None if the adapter is not a PEFT folder.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, save
        >>> from ioadapt_theory.formats import open_adapter
        >>> model = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], placement="input")
        >>> file = open_adapter(save(model, tempfile.mkdtemp()))
        >>> file.format, len(file.layers), file.base
        ('ioadapt_theory', 1, None)
    """

    path: Path
    format: str
    layers: tuple[StoredLayer, ...]
    changes: tuple[Change, ...]
    unread: Mapping[str, str]
    base: str | None
    source: TensorFile
    config: Mapping[str, Any] | None = None

    @property
    def components(self) -> set[str]:
        """Components of a pipeline to which the layers belong; {""} if the file names none."""
        return {layer.name.component for layer in self.layers}

    def left_out(self, *used: str) -> dict[str, int]:
        """Return the number of layers in each component other than those in ``used``."""
        counts = Counter(layer.name.component for layer in self.layers)
        return {component: n for component, n in counts.items() if component not in used}

    def kept(self) -> dict[str, str]:
        """Return the file's metadata without what describes its tensors and without our own entries."""
        mine = {"format", "left_out", "made_by", DIFFUSERS_CONFIG}
        return {k: v for k, v in self.source.metadata.items() if k not in mine and not k.startswith(OURS)}

    def check(self) -> None:
        """Read all values, layer by layer; raise FileFormatError if one is not finite, SourceError if reading fails."""
        for layer in self.layers:
            layer.adapter()
        for change in self.changes:
            change.source[change.key]
