from collections.abc import Callable, Mapping

import torch

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo
from ioadapt_theory.checkpoints.files.pickles import describe


class Held(Checkpoint):
    def __init__(self, name: str, values: Mapping[str, torch.Tensor], source: str) -> None:
        self.name, self.source, self.revision, self.metadata = name, source, None, {}
        self.values = dict(values)
        self.tensors: dict[str, TensorInfo] = {key: describe(key, value) for key, value in values.items()}

    def bytes_of(self, name: str) -> Callable[[memoryview, int], object]:
        content, size = self.values[name].flatten().view(torch.uint8).numpy().data, self.values[name].element_size()

        def fill(into: memoryview, start: int) -> None:
            into[:] = content[start * size : start * size + len(into)]

        return fill


def held(name: str, values: Mapping[str, torch.Tensor], source: str | None = None) -> Held:
    return Held(name, values, source or f"/somewhere/{name}")


def noisy(values: Mapping[str, torch.Tensor], scale: float, seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {k: v + scale * torch.randn(v.shape, generator=g, dtype=v.dtype) for k, v in values.items()}
