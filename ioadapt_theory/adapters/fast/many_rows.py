"""Many more samples than features: the weight is adapted first, at next to no cost, and f is one product with it.

What adapters cost there is passes over the samples, and they are saved.
"""

from typing import Any

from torch import Tensor
from torch.nn.functional import linear

from ioadapt_theory.adapters.families import DoRA, Family, LoHa, LoKr, LoRA
from ioadapt_theory.adapters.fast.autograd import is_eager, plan_for

MANY = 4
"""Samples for each feature from where on this is the faster way, measured on the widths of diffusion models."""
LIGHT = 1 / 12
"""Rank for each feature up to which thin products cost less than the gradient of the whole matrix."""


def one_product(placed: Any, x: Tensor) -> Tensor | None:
    """F with its adapters as one product; None where the ordinary way is faster, or needed."""
    c, d = placed.channels, placed.columns
    if not is_eager(x) or x.numel() < MANY * c * max(c, d) or x.element_size() < 4:
        return None
    chain: list[Any] = []
    f: Any = placed
    while hasattr(f, "phi"):  # adapters upon adapters, down to the layer
        chain.append(f)
        f = f.f
    if all(_is_light(one.phi, one.placement) for one in chain):
        return None
    plans = [plan_for(one.phi, x, f) for one in chain]
    if any(plan is None or plan.dtype != x.dtype for plan in plans):
        return None
    return linear(x, placed.dense().mT, placed.bias)


def _is_light(phi: Family, placement: str) -> bool:
    """Whether products with Δ cost little, or what it costs to build it is paid in any case."""
    if isinstance(phi, LoHa):
        return placement == "weight"
    return isinstance(phi, LoKr) or (isinstance(phi, LoRA | DoRA) and phi.spec.rank < LIGHT * min(phi.size[:2]))
