"""Adapters' files as checkpoints to be compared: the change AB of every layer, or a base with the adapter in it.

Factors say nothing: (A R, R⁻¹B) is the same adapter for every invertible R.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.base_weights import BaseLayer, TensorWeights, checkpoint_weights
from ioadapt_theory.adapters.bases import SizesAlone
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import layers
from ioadapt_theory.adapters.moving.transfer import put
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo, torch_dtype
from ioadapt_theory.checkpoints.files.computed import Computed
from ioadapt_theory.checkpoints.names.resolve import resolve
from ioadapt_theory.checkpoints.renaming import as_modules
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.formats.match import fitted, match, require_complete
from ioadapt_theory.formats.open import Item, Opened, open_adapter


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
    """The change that each adapter's file makes; see `changes`."""
    return changes([open_adapter(source, scaled=False) for source in sources])


def with_adapter_at(base: Checkpoint, source: str) -> Checkpoint:
    """A base with the adapter of a file merged into it; see `with_adapter`."""
    return with_adapter(base, open_adapter(source))


def changes(opened: Sequence[Opened]) -> list[Checkpoint]:
    """The change of the weight that each adapter makes, layer by layer; flattened names as the other files spell them.

    Raises:
        UnsupportedError: an adapter whose change depends on the weights that it is put on.
    """
    spelled = {item.name.path for file in opened for item in file.items if not item.name.flat}
    found: list[Checkpoint] = []
    for file in opened:
        names = resolve([item.name for item in file.items if item.name.flat], spelled).layers
        made = {}
        for item in file.items:
            name = names.get(item.name, (item.name.path,))[0]
            rows, columns, channels = _alone(file, item)
            shape = (columns, channels, *([rows // channels] if rows > channels else []))
            made[f"{name}.weight"] = TensorInfo(f"{name}.weight", "F32", shape), _change(item)
        found.append(AdapterCheckpoint(file.path.stem if file.path.is_file() else file.path.name, str(file.path), made))
    return found


def with_adapter(base: Checkpoint, opened: Opened, component: str | None = None) -> Checkpoint:
    """A base with the adapter merged into it, whatever its family and placement.

    Raises:
        InvalidValueError: not all of the adapter fits the base.
    """
    named = as_modules(base)
    weights = checkpoint_weights(named)
    matched = match(opened, weights, component)
    require_complete(opened, matched)
    made: dict[str, tuple[TensorInfo, Callable[[], Tensor]]] = {}
    for layer, item in matched.found.items():
        for leaf in ("weight", "bias"):
            key = f"{layer}.{leaf}"
            if key in named.tensors:
                info = named.tensors[key]
                made[key] = info, _merged(item, weights, layer, leaf)
    return AdapterCheckpoint(f"{base.name}+{opened.path.stem}", f"{base.source}+{opened.path}", made, named)


def _alone(file: Opened, item: Item) -> tuple[int, int, int]:
    """The sizes of an adapter that is one change of the weight."""
    (placement, phi), *more = item.sketch.parts()
    if more or placement is not Placement.WEIGHT or item.sketch.family == "dora":
        found = f"a {item.sketch.family} in {'+'.join(item.sketch)} placement"
        msg = f"{file.path}: what {item.name} changes depends on the base, as {found} does; compare BASE+{file.path}."
        raise UnsupportedError(msg)
    return phi.size


def _change(item: Item) -> Callable[[], Tensor]:
    def made() -> Tensor:
        phi: Any
        ((_, phi),) = item.adapter().parts()
        return (phi.scaling * phi.delta(SizesAlone(*phi.size))).detach().mT

    return made


def _merged(item: Item, weights: TensorWeights, layer: str, leaf: str) -> Callable[[], Tensor]:
    def made() -> Tensor:
        base = weights.layer(layer)
        tensors = merged(fitted(item, weights.outline(layer)), base)
        value = tensors.get(leaf)
        if leaf == "bias":
            return base.bias if value is None else value  # type: ignore[return-value]
        return weights.as_stored(layer, tensors["weight"])

    return made


def merged(adapter: Adapter, base: BaseLayer) -> dict[str, Tensor]:
    """Weight and bias of a layer with the adapter in it, as torch stores them."""
    (rows, columns), taps = base.matrix.shape, base.kernel
    kinds: dict[int, Any] = {0: nn.Linear, 1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
    channels = rows // torch.Size(taps).numel()
    sizes = (channels, columns, *([taps] if taps else []))
    module = kinds[len(taps)](*sizes, bias=base.bias is not None, device="meta")
    module.weight = nn.Parameter(base.matrix.mT.reshape(columns, channels, *taps), requires_grad=False)
    if base.bias is not None:
        module.bias = nn.Parameter(base.bias, requires_grad=False)
    model = nn.ModuleDict({"layer": module})
    put(model, {"layer": adapter}, "default")
    return layers(model)["layer"].merged_tensors()
