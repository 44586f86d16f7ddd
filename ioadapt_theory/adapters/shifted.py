"""A bias that an adapter brings along: PEFT's ``lora_bias``, LyCORIS's ``diff_b``, what ``bake`` does to a bias."""

from typing import Any

from torch import Tensor

from ioadapt_theory.adapters.operators import Operator


class Shifted(Operator):
    """The layer f with s b added to its outputs, s being the scaling of the adapter that b belongs to."""

    def __init__(self, f: Operator, b: Tensor, phi: Any) -> None:
        """``phi`` is the family whose scaling, as it is then, counts."""
        super().__init__(f.module, f.channels, f.columns, axis=f.axis, taps=f.rows // f.channels)
        self.f, self.b, self.owner = f, b, phi

    def check_placeable(self, side: str) -> None:
        """What f does not allow."""
        self.f.check_placeable(side)

    def __call__(self, x: Tensor) -> Tensor:
        """F(x) + s b."""
        y = self.f(x)
        return y + self.columnwise(self.owner.scaling * self.b).to(y.dtype)

    def dense(self) -> Tensor:
        """The matrix of f, which stays."""
        return self.f.dense()

    @property
    def bias(self) -> Tensor:  # type: ignore[override]
        """The bias of f and s b."""
        own, bias = self.owner.scaling * self.b, self.f.bias
        return own if bias is None else bias + own

    def product(self, x: Tensor, m: Tensor) -> Tensor:
        """X M as f computes it."""
        return self.f.product(x, m)

    def low_rank(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """X A B as f computes it."""
        return self.f.low_rank(x, a, b)
