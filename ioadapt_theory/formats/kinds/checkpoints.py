"""Adapters' files as checkpoints to be compared: the change AB of every layer, or a base with the adapter in it.

Factors say nothing: (A R, R⁻¹B) is the same adapter for every invertible R.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from ioadapt_theory.adapters.base_weights import checkpoint_weights
from ioadapt_theory.adapters.bases import SizesAlone
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.moving.bake import change
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, Computed, TensorInfo, View, torch_dtype
from ioadapt_theory.checkpoints.names.resolve import resolve
from ioadapt_theory.checkpoints.renaming import as_modules
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats.adapter_file import AdapterFile, StoredLayer
from ioadapt_theory.formats.match import fitted, match
from ioadapt_theory.formats.reading import open_adapter

Recipes = Mapping[str, tuple[TensorInfo, Callable[[], Tensor]]]


class AdapterTensors(Computed):
    """Tensors that are made of an adapter when they are read."""

    def __init__(self, name: str, source: str, tensors: Recipes, base: Checkpoint | None = None) -> None:
        """Take the tensors, how each is made, and the checkpoint that this reads."""
        self.name, self.source, self._recipes, self._base = name, source, tensors, base
        self.tensors = {key: info for key, (info, _) in tensors.items()}

    def make(self, name: str) -> Tensor:
        """See `Computed.make`."""
        info, call = self._recipes[name]
        return call().to(torch_dtype(info.dtype))

    def parts(self, names: Collection[str] | None = None) -> Mapping[Checkpoint, Collection[str]]:
        """See `Checkpoint.parts`: all of the base, whose layers are read with their biases."""
        return {} if self._base is None else {self._base: self._base.tensors if names is None or names else ()}


def changes_of(sources: Sequence[str]) -> list[Checkpoint]:
    """Return each adapter's change of the weights by layer, which has to be the same on any base."""
    files = [open_adapter(source, scaled=False) for source in sources]
    dotted = {layer.name.path for file in files for layer in file.layers if not layer.name.flat}
    checkpoints: list[Checkpoint] = []
    for file in files:
        names = resolve([layer.name for layer in file.layers if layer.name.flat], dotted).layers
        computed = {}
        for layer in file.layers:
            key = f"{names.get(layer.name, (layer.name.path,))[0]}.weight"
            rows, columns, channels = _size(file, layer)
            shape = (columns, channels, *([rows // channels] if rows > channels else []))
            computed[key] = TensorInfo(key, "F32", shape), partial(_change, layer)
        name = file.path.stem if file.path.is_file() else file.path.name
        checkpoints.append(AdapterTensors(name, str(file.path), computed))
    return checkpoints


def with_adapter_at(base: Checkpoint, source: str) -> Checkpoint:
    """Return a base with the adapter of a file merged into it, of any family and placement; all of it has to fit."""
    named = as_modules(base)
    weights = checkpoint_weights(named)
    file = open_adapter(source)
    matched = match(file, weights)
    matched.require_complete()

    def merged(layer: str, leaf: str) -> Tensor:
        b = weights.layer(layer)
        delta, moved = change(fitted(matched.layers[layer], weights.outline(layer)), b.matrix, b.bias)
        if leaf == "bias":
            assert b.bias is not None  # the checkpoint has this tensor
            return b.bias if moved is None else b.bias + moved
        if moved is not None and b.bias is None:
            msg = f"{layer}: the adapter has a bias and the layer has none, so it cannot be merged."
            raise UnsupportedError(msg)
        w = b.matrix + delta
        return weights.as_stored(layer, w.mT.reshape(w.shape[1], -1, *b.kernel))

    tensors = {f"{layer}.{leaf}": (layer, leaf) for layer in matched.layers for leaf in ("weight", "bias")}
    computed = {key: (named.tensors[key], partial(merged, *at)) for key, at in tensors.items() if key in named.tensors}
    name, place = f"{base.name}+{file.path.stem}", f"{base.source}+{file.path}"
    changed = AdapterTensors(name, place, computed, named)
    origins = {key: (changed if key in computed else named, key) for key in named.tensors}
    merged_base = View(name, place, origins)
    merged_base.revision, merged_base.metadata = base.revision, base.metadata
    return merged_base


def _size(file: AdapterFile, layer: StoredLayer) -> tuple[int, int, int]:
    """Return the sizes of an adapter that is one change of the weight."""
    (placement, phi), *more = layer.sketch.parts()
    if more or placement is not Placement.WEIGHT or layer.sketch.family == "dora":
        kind = f"a {layer.sketch.family} in {'+'.join(layer.sketch)} placement"
        msg = f"{file.path}: the change of {layer.name} depends on the base, as {kind} does; compare BASE+{file.path}."
        raise UnsupportedError(msg)
    return phi.size


def _change(layer: StoredLayer) -> Tensor:
    phi: Any = layer.adapter()[Placement.WEIGHT]
    return (phi.scaling * phi.delta(SizesAlone(*phi.size))).detach().mT
