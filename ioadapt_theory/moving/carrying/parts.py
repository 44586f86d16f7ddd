"""Conversion of an adapter's parts (its changes by placement) to low-rank factors, and of factors to an adapter."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placed, Placement
from ioadapt_theory.adapters.families import FAMILIES, Spec
from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.adapters.matrices import Operator, operator
from ioadapt_theory.adapters.model import function_of, naming

Factors = tuple[Tensor, Tensor]
"""A (rows x r) and B (r x columns) of the change AB of the matrix that an adapter acts on; B includes the scaling."""
BIAS = "bias"


@dataclass(frozen=True, slots=True)
class Part:
    """The change that an adapter makes with one placement in one layer of the source.

    Attributes:
        layer: the layer of the source.
        placement: "weight", "input", "output", or "bias" for the bias that the adapter adds.
        factors: A and B, with the scaling in B; if ``low`` is False, a change of any rank as A, and an empty B.
        low: whether the change has low rank; False for tuned models and for families other than LoRA, until truncated.
        scaling: scaling of the adapter.
        dtype: dtype of the adapter's parameters.
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


def built(module: nn.Module, sides: Mapping[str, Part]) -> Adapter:
    """Return a LoRA for a layer, from the factors, scaling and dtype for each placement, and optionally a bias."""
    f, families, shift = function_of(module), {}, None
    for side, part in sides.items():
        if side != BIAS:
            a, b, base = *part.factors, Placement(side).base(f)
            size, spec = (base.rows, base.columns, base.channels), Spec(rank=a.shape[1], scaling=part.scaling)
            stored = {"A": a.to(part.dtype).contiguous(), "B": (b / part.scaling).to(part.dtype).contiguous()}
            families[Placement(side)] = FAMILIES["lora"].stored(size, spec, stored)
    if BIAS in sides:
        a, b = sides[BIAS].factors
        shift = ((a @ b)[0] / [*families.values()][-1].scaling).to(sides[BIAS].dtype)
    return Adapter("lora", families, shift).to(device=f.like.device)


def stacked(many: list[Part]) -> Part:
    """Return one part that equals the sum of the given parts, which all change one layer in the same placement."""
    (a, b) = (torch.cat([part.factors[k] for part in many], 1 - k) for k in (0, 1))
    return replace(many[0], factors=(a, b))
