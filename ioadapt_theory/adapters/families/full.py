"""Full fine-tuning as a family: Φ(W) = W + Δ with a full matrix Δ."""

from typing import ClassVar

from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.families.family import Additive, Spec, fill


class Full(Additive):
    """A change by a full matrix Δ, rows x columns; rank and alpha do not apply."""

    axes: ClassVar = {"Delta": ("rows", "columns")}
    Delta: nn.Parameter

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        self.scaling = 1.0
        fill(self.Delta, base.rows**-0.5 if spec.init == "random" else 0)

    def delta(self, base: Base) -> Tensor:
        del base
        return self.Delta
