"""Checkpoints whose weights are computed when they are read, one whole weight at a time."""

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
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
        last = self._last
        if last is None or last[0] != name:
            last = self._last = name, self.make(name).reshape(-1)
        info, values = self.tensors[name], last[1]

        def fill(start: int) -> None:
            if not 0 <= start <= info.numel - len(out):
                raise outside(info, start, len(out))
            out.copy_(values[start : start + len(out)])

        return fill
