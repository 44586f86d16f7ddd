"""Families that hold stored parameters, built from sizes alone, without the layer that they are for."""

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.families import FAMILIES, Family, Spec
from ioadapt_theory.adapters.families.lokr import LoKr
from ioadapt_theory.adapters.layer import Adapter


class Recorded(Base):
    """A base of which only the sizes are known; parameters built for it take no memory."""

    pointwise = True
    bias = None
    axis = -1

    def __init__(self, rows: int, columns: int, channels: int) -> None:
        self.rows, self.columns, self.channels = rows, columns, channels
        self.like = torch.empty((), device="meta")

    def __call__(self, x: Tensor) -> Tensor:
        """X."""
        return x

    def dense(self) -> Tensor:
        """A matrix without content."""
        return torch.empty(self.rows, self.columns, device="meta")


def hold(family: str, size: tuple[int, int, int], spec: Spec, **parameters: Tensor) -> Family:
    """A family of the given (rows, columns, channels) that holds these parameters."""
    phi = FAMILIES[family](Recorded(*size), spec)
    phi.scaling = spec.scaling
    for name in {n for n, _ in phi.named_parameters()} - set(parameters):
        delattr(phi, name)
    for name, tensor in parameters.items():
        setattr(phi, name, nn.Parameter(tensor.detach().clone(memory_format=torch.contiguous_format)))
    if isinstance(phi, LoKr):
        phi.low_rank = "A" in parameters
    return phi


def refit(adapter: Adapter, size: tuple[int, int, int]) -> None:
    """Tell an adapter the channels of its layer, where a file's matrices hide a kernel's taps in the rows."""
    for placement, phi in adapter.parts():
        if placement is Placement.WEIGHT and phi.size == (size[0], size[1], size[0]):
            phi.size = size
