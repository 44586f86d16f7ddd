from collections.abc import Mapping

import torch

from ioadapt_theory.checkpoints.checkpoint import Computed, TensorInfo
from ioadapt_theory.checkpoints.files.pickles import describe


class Held(Computed):
    def __init__(self, name: str, values: Mapping[str, torch.Tensor], source: str) -> None:
        self.name, self.source, self.revision, self.metadata = name, source, None, {}
        self.values = dict(values)
        self.tensors: dict[str, TensorInfo] = {key: describe(key, value) for key, value in values.items()}

    def make(self, name: str) -> torch.Tensor:
        return self.values[name]


def held(name: str, values: Mapping[str, torch.Tensor], source: str | None = None) -> Held:
    return Held(name, values, source or f"/somewhere/{name}")


def noisy(values: Mapping[str, torch.Tensor], scale: float, seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {k: v + scale * torch.randn(v.shape, generator=g, dtype=v.dtype) for k, v in values.items()}
