"""Tensors in memory as a checkpoint."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, Checkpoint, TensorInfo

if TYPE_CHECKING:
    import torch

READABLE: Final = {f"torch.{name}": code for code, (name, _) in DTYPES.items()}
"""Torch dtype that can be read, as text -> its code; tensors of others (complex, quantised) are left out."""


class InMemory(Checkpoint):
    """Tensors on the CPU, by name; those of dtypes that cannot be read are left out."""

    def __init__(self, name: str, source: str, values: Mapping[str, "torch.Tensor"]) -> None:
        self.name, self.source = name, source
        self.values = {key: value for key, value in values.items() if str(value.dtype) in READABLE}
        self.tensors = {k: TensorInfo(k, READABLE[str(v.dtype)], tuple(v.shape)) for k, v in self.values.items()}

    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        size = self.values[name].element_size()

        @cache
        def content() -> memoryview:
            import torch

            return self.values[name].detach().reshape(-1).resolve_neg().view(torch.uint8).numpy().data

        def fill(into: memoryview, start: int) -> None:
            into[:] = content()[start * size : start * size + len(into)]

        return fill
