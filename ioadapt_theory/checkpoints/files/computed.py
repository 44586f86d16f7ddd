"""Checkpoints whose weights are computed when they are read, one whole weight at a time."""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo
from ioadapt_theory.checkpoints.files.plain import check_buffer, outside

if TYPE_CHECKING:
    import torch


class Computed(Checkpoint):
    """The last weight that was made is kept, since readers ask for pieces of one after the other."""

    _last: "tuple[str, torch.Tensor] | None" = None

    @abstractmethod
    def make(self, name: str) -> "torch.Tensor":
        """Return a weight, of its dtype."""

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """See `Checkpoint.filler`."""
        check_buffer(self.tensors[name], out)
        kept = self._last
        if kept is None or kept[0] != name:
            kept = self._last = name, self.make(name).reshape(-1)
        return partial(_fill, self.tensors[name], kept[1], out)


def _fill(info: TensorInfo, values: "torch.Tensor", out: "torch.Tensor", start: int) -> None:
    if not 0 <= start <= info.numel - len(out):
        raise outside(info, start, len(out))
    out.copy_(values[start : start + len(out)])
