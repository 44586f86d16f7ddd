"""Full fine-tuning as a family: Φ(W) = W + Δ with Δ free, so that what is moved to another W is the difference."""

from torch import Tensor

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.families.family import Additive, Spec, fill, parameter


class Full(Additive):
    """Δ, rows x columns; there is no rank, so alpha does not apply either."""

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        self.scaling = 1.0
        self.Delta = parameter(base, spec, base.rows, base.columns)
        fill(self.Delta, base.rows**-0.5 if spec.init == "random" else 0)

    def delta(self, base: Base) -> Tensor:
        """Δ."""
        del base
        return self.Delta
