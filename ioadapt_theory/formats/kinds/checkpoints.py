"""Adapters' files as checkpoints to be compared: the change AB of every layer, or a base with the adapter in it.

Factors say nothing: (A R, R⁻¹B) is the same adapter for every invertible R.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from ioadapt_theory.adapters.base_weights import TensorWeights, checkpoint_weights
from ioadapt_theory.adapters.bases import SizesAlone
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.moving.bake import change
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo, torch_dtype
from ioadapt_theory.checkpoints.files.computed import Computed
from ioadapt_theory.checkpoints.names.resolve import resolve
from ioadapt_theory.checkpoints.renaming import as_modules
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats.adapter_file import AdapterFile, StoredLayer
from ioadapt_theory.formats.match import fitted, match, require_complete
from ioadapt_theory.formats.reading import open_adapter


class AdapterCheckpoint(Computed):
    """Tensors that are computed when they are read, beside those of another checkpoint."""

    def __init__(
        self,
        name: str,
        source: str,
        computed: Mapping[str, tuple[TensorInfo, Callable[[], Tensor]]],
        beside: Checkpoint | None = None,
    ) -> None:
        """``computed`` has what each tensor is and how it is made; ``beside`` has all others."""
        self.name, self.source = name, source
        self.revision, self.metadata = (beside.revision, beside.metadata) if beside else (None, {})
        self._computed, self._beside = computed, beside
        self.tensors = {**(beside.tensors if beside else {}), **{n: info for n, (info, _) in computed.items()}}

    def make(self, name: str) -> Tensor:
        """See `Computed.make`."""
        return self._computed[name][1]().to(torch_dtype(self.tensors[name].dtype))

    def filler(self, name: str, out: Tensor) -> Callable[[int], None]:
        """See `Checkpoint.filler`."""
        if self._beside is not None and name not in self._computed:
            return self._beside.filler(name, out)
        return super().filler(name, out)

    def close(self) -> None:
        """Close what lies beside."""
        if self._beside is not None:
            self._beside.close()


def changes_of(sources: Sequence[str]) -> list[Checkpoint]:
    """Return the change of the weight that each adapter's file makes, layer by layer.

    Flattened names are spelled as the other files spell them.

    Raises:
        UnsupportedError: an adapter whose change depends on the weights that it is put on.
    """
    files = [open_adapter(source, scaled=False) for source in sources]
    spelled = {layer.name.path for file in files for layer in file.layers if not layer.name.flat}
    checkpoints: list[Checkpoint] = []
    for file in files:
        names = resolve([layer.name for layer in file.layers if layer.name.flat], spelled).layers
        computed = {}
        for layer in file.layers:
            key = f"{names.get(layer.name, (layer.name.path,))[0]}.weight"
            rows, columns, channels = _size(file, layer)
            shape = (columns, channels, *([rows // channels] if rows > channels else []))
            computed[key] = TensorInfo(key, "F32", shape), partial(_change, layer)
        name = file.path.stem if file.path.is_file() else file.path.name
        checkpoints.append(AdapterCheckpoint(name, str(file.path), computed))
    return checkpoints


def with_adapter_at(base: Checkpoint, source: str) -> Checkpoint:
    """Return a base with the adapter of a file merged into it, whatever its family and placement.

    Raises:
        InvalidValueError: not all of the adapter fits the base.
    """
    file, named = open_adapter(source), as_modules(base)
    weights = checkpoint_weights(named)
    matched = match(file, weights)
    require_complete(file, matched)
    computed: dict[str, tuple[TensorInfo, Callable[[], Tensor]]] = {}
    for layer, stored in matched.layers.items():
        for leaf in ("weight", "bias"):
            key = f"{layer}.{leaf}"
            if key in named.tensors:
                computed[key] = named.tensors[key], partial(_merged, stored, weights, layer, leaf)
    return AdapterCheckpoint(f"{base.name}+{file.path.stem}", f"{base.source}+{file.path}", computed, named)


def _size(file: AdapterFile, layer: StoredLayer) -> tuple[int, int, int]:
    """The sizes of an adapter that is one change of the weight."""
    (placement, phi), *more = layer.sketch.parts()
    if more or placement is not Placement.WEIGHT or layer.sketch.family == "dora":
        kind = f"a {layer.sketch.family} in {'+'.join(layer.sketch)} placement"
        msg = f"{file.path}: what {layer.name} changes depends on the base, as {kind} does; compare BASE+{file.path}."
        raise UnsupportedError(msg)
    return phi.size


def _change(layer: StoredLayer) -> Tensor:
    phi: Any
    ((_, phi),) = layer.adapter().parts()
    return (phi.scaling * phi.delta(SizesAlone(*phi.size))).detach().mT


def _merged(stored: StoredLayer, weights: TensorWeights, layer: str, leaf: str) -> Tensor:
    base = weights.layer(layer)
    delta, moved = change(fitted(stored, weights.outline(layer)), base.matrix, base.bias)
    if leaf == "bias":
        assert base.bias is not None  # the checkpoint has this tensor
        return base.bias if moved is None else base.bias + moved
    if moved is not None and base.bias is None:
        msg = f"{layer}: the adapter has a bias and the layer has none, so it cannot be merged."
        raise UnsupportedError(msg)
    w = base.matrix + delta
    return weights.as_stored(layer, w.mT.reshape(w.shape[1], -1, *base.kernel))
