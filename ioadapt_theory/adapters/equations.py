"""Where an adapter acts: Eqs. 4a-4c, and what each becomes when it is merged into the weights."""

from enum import StrEnum
from typing import assert_never

from torch import Tensor

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.families import Family
from ioadapt_theory.adapters.matrices import Operator, Upon


class Placement(StrEnum):
    """The matrix that Φ_θ is applied to: W, I_c or I_d."""

    INPUT = "input"
    OUTPUT = "output"
    WEIGHT = "weight"

    def base(self, f: Operator) -> Base:
        """What a family for this placement on f is built for.

        Raises:
            UnsupportedError: this placement has no exact form on f.
        """
        f.check_placeable(self)
        match self:
            case Placement.WEIGHT:
                return f
            case Placement.INPUT:
                return f.near
            case Placement.OUTPUT:
                return f.far
            case _:
                assert_never(self)


class Placed(Upon):
    """The layer f, which may itself be adapted, with Φ in its place: so placements stack (Eq. 6, several adapters)."""

    def __init__(self, f: Operator, phi: Family, placement: Placement) -> None:
        super().__init__(f)
        self.phi, self.placement = phi, placement

    def __call__(self, x: Tensor) -> Tensor:
        """Eqs. 4a-4c."""
        f, phi = self.f, self.phi
        if (y := phi.at_once(x, self)) is not None:
            return y
        match self.placement:
            case Placement.WEIGHT:
                return phi(x, f)  # Eq. 4a  Y = f(X; Φ(W))
            case Placement.INPUT:
                return f(phi(x, f.near))  # Eq. 4b  Y = f(f(X; Φ(I)); W)
            case Placement.OUTPUT:
                return phi(f(x), f.far)  # Eq. 4c  Y = f(f(X; W); Φ(I))
            case _:
                assert_never(self.placement)

    def dense(self) -> Tensor:
        """The one matrix that does the same: Φ(W), Φ(I_c)W or WΦ(I_d), never building an identity."""
        f, phi = self.f, self.phi
        match self.placement:
            case Placement.WEIGHT:
                return phi.weight(f)
            case Placement.INPUT:  # a convolution's kernel: every tap is mixed alike
                w = phi.promote(f.dense())
                return phi.left(w.reshape(f.channels, -1), Identity(f.channels)).reshape(w.shape)
            case Placement.OUTPUT:
                return phi.right(phi.promote(f.dense()), Identity(f.columns))
            case _:
                assert_never(self.placement)

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """Eq. 4c acts on XW + b, so an output adapter changes the bias too: bΦ(I_d)."""
        bias = self.f.bias
        if bias is None or self.placement is not Placement.OUTPUT:
            return bias
        return self.phi(self.phi.promote(bias), Identity(self.columns))
