"""A bias that an adapter brings along: PEFT's ``lora_bias``, LyCORIS's ``diff_b``, what ``bake`` does to a bias."""

from typing import Any

from torch import Tensor, nn

from ioadapt_theory.adapters.matrices import Operator, Upon


class Shifted(Upon):
    """The layer f with s b added to its outputs, b being an adapter's shift and s its scaling."""

    def __init__(self, f: Operator, adapter: nn.Module, phi: Any) -> None:
        """Both are looked at in every call: ``adapter`` for its shift, ``phi``, its last family, for the scaling."""
        super().__init__(f)
        self.adapter, self.owner = adapter, phi

    @property
    def shift(self) -> Tensor:
        """The scaled bias, s b."""
        shift: Any = self.adapter.shift
        return shift * self.owner.scaling

    def __call__(self, x: Tensor) -> Tensor:
        """F(x) + s b."""
        y = self.f(x)
        return y + self.columnwise(self.shift).to(y.dtype)

    def dense(self) -> Tensor:
        """The matrix of f, which stays."""
        return self.f.dense()

    @property
    def bias(self) -> Tensor:  # type: ignore[override]
        """The bias of f and s b."""
        bias = self.f.bias
        return self.shift if bias is None else bias + self.shift
