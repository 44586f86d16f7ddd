"""Many more samples than features: the weight is adapted first, at next to no cost, and f is one product with it.

What adapters cost there is passes over the samples, and they are saved.
"""

from typing import Any

from torch import Tensor
from torch.nn.functional import linear

from ioadapt_theory.adapters.families import DoRA, Family, LoKr, LoRA
from ioadapt_theory.adapters.fused import fits, is_eager

MANY = 4
"""Samples for each feature from where on this is the faster way, measured on the widths of diffusion models."""
LIGHT = 1 / 12
"""Rank for each feature up to which thin products cost less than the gradient of the whole matrix."""


def merged(placed: Any, x: Tensor) -> Tensor | None:
    """F with its adapters as one product; None where the ordinary way is faster, or needed."""
    c, d = placed.channels, placed.columns
    if not is_eager(x) or x.numel() < MANY * c * max(c, d) or x.element_size() < 4:
        return None
    families: list[Family] = []
    f: Any = placed
    while isinstance(phi := getattr(f, "phi", None), Family):  # adapters upon adapters, down to the layer
        families.append(phi)
        f = f.f
    if all(_is_light(phi) for phi in families):
        return None
    plans = [fits(phi, x, f) for phi in families]
    if any(plan is None or plan.dtype != x.dtype for plan in plans):
        return None
    return linear(x, placed.dense().mT, placed.bias)


def _is_light(phi: Family) -> bool:
    """Whether products with Δ cost little; LoHa has to build it, and Full has it built."""
    return isinstance(phi, LoKr) or (isinstance(phi, LoRA | DoRA) and phi.spec.rank < LIGHT * min(phi.size[:2]))
