from collections.abc import Mapping

import torch

from ioadapt_theory.checkpoints.checkpoint import InMemory


def held(name: str, values: Mapping[str, torch.Tensor], source: str | None = None) -> InMemory:
    return InMemory(name, source or f"/somewhere/{name}", values)


def noisy(values: Mapping[str, torch.Tensor], scale: float, seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {k: v + scale * torch.randn(v.shape, generator=g, dtype=v.dtype) for k, v in values.items()}
