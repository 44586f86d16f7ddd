"""(IA)³ (Liu et al. 2022): Φ(W)_j = (1 + g_j) W_j, one learned factor for each output j."""

from typing import ClassVar

from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.families.family import Additive, Spec, fill


class IA3(Additive):
    """A diagonal factor on the columns of W; there is no rank, so alpha does not apply."""

    axes: ClassVar = {"g": ("columns",)}
    g: nn.Parameter

    def __init__(self, base: Base, spec: Spec) -> None:
        super().__init__(base, spec)
        self.scaling = 1.0
        fill(self.g, 1 if spec.init == "random" else 0)

    def delta(self, base: Base) -> Tensor:
        return self.promote(base.dense()) * self.g

    def forward(self, x: Tensor, base: Base) -> Tensor:
        """Return f(x) + X W diag(g), without reading W."""
        y, again = base(x), base(self.dropout(x))
        change = again if base.bias is None else again - base.columnwise(base.bias)
        return (y + base.columnwise(self.g) * change).to(y.dtype)
