"""Conversion of an adapter's parts (its changes by placement) to low-rank factors, and of factors to adapters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placed, Placement
from ioadapt_theory.adapters.families import LoRA, Spec
from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.adapters.matrices import Operator, operator
from ioadapt_theory.adapters.model import function_of, naming
from ioadapt_theory.maps.moments import Factors

BIAS = "bias"


@dataclass(frozen=True, slots=True)
class Part:
    """The change that an adapter makes with one placement in one layer.

    Attributes:
        placement: "weight", "input", "output", or "bias" for the bias that the adapter adds.
        factors: A and B, with the scaling in B; if ``low`` is False, a change of any rank as A, and an empty B.
        low: whether the change has low rank; False for tuned models and for families other than LoRA, until truncated.
    """

    layer: str
    placement: str
    factors: Factors
    low: bool = False
    scaling: float = 1.0
    dtype: torch.dtype = torch.float32

    @property
    def key(self) -> str:
        return f"{self.layer}:{self.placement}"

    @property
    def rank(self) -> int:
        return self.factors[0].shape[1]

    @classmethod
    def of(cls, layer: str, placement: str, change: Tensor, dtype: torch.dtype = torch.float32) -> "Part":
        return cls(layer, placement, (change, change.new_empty(0)), dtype=dtype)


def parts_of(adapted: Mapping[str, AdaptedLayer], name: str) -> list[Part]:
    """Return the parts of an adapter: one for each layer and placement, and one for each bias that it adds."""
    parts = []
    for layer, module in adapted.items():
        adapter: Adapter = module.adapters[name]  # type: ignore[assignment]
        f: Operator = operator(module.base_layer)
        for placement, phi in adapter.parts():
            dtype = next(phi.parameters()).dtype
            with naming(layer), torch.no_grad():
                if adapter.family == "lora":
                    a, b = phi.A.detach().float(), phi.scaling * phi.B.detach().float()  # type: ignore[operator]
                    parts.append(Part(layer, placement, (a, b), True, phi.scaling or 1.0, dtype))
                else:
                    base = placement.base(f)
                    parts.append(Part.of(layer, placement, phi.weight(base).float() - base.dense().float(), dtype))
            f = Placed(f, phi, placement)
        if adapter.shift is not None:
            shift = phi.scaling * adapter.shift.detach().float()
            parts.append(Part(layer, BIAS, (shift.new_ones(1, 1), shift[None]), True, phi.scaling or 1.0, dtype))
    return parts


def assembled(modules: Mapping[str, nn.Module], parts: Iterable[Part]) -> dict[str, Adapter]:
    """Return a LoRA for each layer that has a part other than a bias; parts of the same placement are added up."""
    by_layer: dict[str, dict[str, list[Part]]] = {}
    for part in parts:
        by_layer.setdefault(part.layer, {}).setdefault(part.placement, []).append(part)
    return {n: _built(modules[n], sides) for n, sides in by_layer.items() if sides.keys() - {BIAS}}


def _built(module: nn.Module, sides: Mapping[str, list[Part]]) -> Adapter:
    f, families, shift = function_of(module), dict[Placement, LoRA](), None
    for side, (first, *_) in sorted(sides.items(), key=lambda item: item[0] == BIAS):
        a, b = (torch.cat([part.factors[k] for part in sides[side]], 1 - k) for k in (0, 1))
        if side == BIAS:
            shift = ((a @ b)[0] / [*families.values()][-1].scaling).to(first.dtype)
            continue
        base = Placement(side).base(f)
        stored = {"A": a.to(first.dtype).contiguous(), "B": (b / first.scaling).to(first.dtype).contiguous()}
        size, spec = (base.rows, base.columns, base.channels), Spec(rank=a.shape[1], scaling=first.scaling)
        families[Placement(side)] = LoRA.stored(size, spec, stored)
    return Adapter("lora", families, shift).to(device=f.like.device)
