"""An adapter's parts as factors of a change, and factors as an adapter again."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.equations import Placed, Placement
from ioadapt_theory.adapters.families import FAMILIES, Spec
from ioadapt_theory.adapters.layer import AdaptedLayer, Adapter
from ioadapt_theory.adapters.matrices import Operator, operator
from ioadapt_theory.adapters.model import function_of, naming
from ioadapt_theory.effect.translation import Factors

BIAS = "bias"


@dataclass(frozen=True, slots=True)
class Part:
    """One placement of the adapter of one layer of the source.

    Attributes:
        layer: the layer of the source.
        placement: its side; "bias" for a change of the bias that comes with the adapter.
        factors: A and B, the scaling inside B; None where the change has no low rank yet, as of DoRA, LoHa and LoKr.
        matrix: that change, None otherwise.
        scaling: the factor that the adapter has, for LoRA.
        dtype: of its parameters.
    """

    layer: str
    placement: str
    factors: Factors | None
    matrix: Tensor | None
    scaling: float
    dtype: torch.dtype

    @property
    def key(self) -> str:
        """A name for the part."""
        return f"{self.layer}:{self.placement}"


def parts_of(adapted: Mapping[str, AdaptedLayer], name: str) -> list[Part]:
    """Return the parts of an adapter, layer by layer; a family that is not of low rank by its change of the side.

    Args:
        adapted: the layers that have the adapter.
        name: of the adapter.
    """
    parts = []
    for layer, module in adapted.items():
        adapter: Adapter = module.adapters[name]  # type: ignore[assignment]
        f: Operator = operator(module.base_layer)
        for placement, phi in adapter.parts():
            dtype = next(phi.parameters()).dtype
            with naming(layer), torch.no_grad():
                if adapter.family == "lora":
                    a, b = phi.A.detach().float(), phi.scaling * phi.B.detach().float()  # type: ignore[operator]
                    parts.append(Part(layer, placement, (a, b), None, phi.scaling or 1.0, dtype))
                else:
                    base = placement.base(f)
                    change = phi.weight(base).float() - base.dense().float()
                    parts.append(Part(layer, placement, None, change, 1.0, dtype))
            f = Placed(f, phi, placement)
        if adapter.shift is not None:
            shift = phi.scaling * adapter.shift.detach().float()
            parts.append(Part(layer, BIAS, (shift.new_ones(1, 1), shift[None]), None, phi.scaling or 1.0, dtype))
    return parts


def built(module: nn.Module, sides: Mapping[str, tuple[Factors, float, torch.dtype]]) -> Adapter:
    """Return a LoRA for a layer with given factors on its sides.

    Args:
        module: the layer.
        sides: placement -> factors, the scaling that the LoRA shall have (B is divided by it), dtype.
    """
    f = function_of(module)
    families = {}
    for side in (s for s in sides if s != BIAS):
        (a, b), scaling, dtype = sides[side]
        base = Placement(side).base(f)
        size = base.rows, base.columns, base.channels
        stored = {"A": a.to(dtype).contiguous(), "B": (b / scaling).to(dtype).contiguous()}
        families[Placement(side)] = FAMILIES["lora"].stored(size, Spec(rank=a.shape[1], scaling=scaling), stored)
    shift = None
    if BIAS in sides:
        (a, b), _, dtype = sides[BIAS]
        shift = ((a @ b)[0] / families[Placement(side)].scaling).to(dtype)
    return Adapter("lora", families, shift).to(device=f.like.device)


def stacked(many: list[Factors]) -> Factors:
    """Return the factors of a sum of changes."""
    return torch.cat([a for a, _ in many], 1), torch.cat([b for _, b in many], 0)
