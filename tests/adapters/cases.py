"""Every family, placement and operator, with c != d and a bias, for properties that all of them must have."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import FAMILIES, AdaptedLayer, adapt
from ioadapt_theory.adapters.equations import Placement

C, D = 6, 10


@dataclass(frozen=True)
class Kind:
    """A layer type: a function that builds a layer from C to D features, and the shape of its input."""

    make: Callable[[], nn.Module]
    x: tuple[int, ...]
    grouped: bool = False


KINDS = {
    "linear": Kind(lambda: nn.Linear(C, D), (2, 7, C)),
    "conv1d": Kind(lambda: nn.Conv1d(C, D, 3, padding=1), (2, C, 9)),
    "conv2d": Kind(lambda: nn.Conv2d(C, D, 3, stride=2, padding=(1, 0)), (2, C, 8, 7)),
    "conv2d-circular": Kind(lambda: nn.Conv2d(C, D, 3, dilation=2, padding=2, padding_mode="circular"), (2, C, 8, 7)),
    "conv2d-grouped": Kind(lambda: nn.Conv2d(C, D, 3, groups=2, padding="same"), (2, C, 5, 5), grouped=True),
    "conv3d": Kind(lambda: nn.Conv3d(C, D, (1, 2, 3)), (1, C, 4, 4, 4)),
}
PLACEMENTS = [*Placement, "input+weight", "output+weight", "input+output"]

EVERY = [
    pytest.param(family, placement, kind, id=f"{family}-{placement}-{kind}")
    for family in FAMILIES
    for placement in map(str, PLACEMENTS)
    for kind in KINDS
    if placement == "weight" or not KINDS[kind].grouped
]
every = pytest.mark.parametrize(("family", "placement", "kind"), EVERY)
every_single = pytest.mark.parametrize(
    ("family", "placement", "kind"), [case for case in EVERY if case.values[1] in list(Placement)]
)

families = pytest.mark.parametrize("family", FAMILIES)
single = pytest.mark.parametrize("placement", list(Placement))


def build(family: str, placement: str, kind: str, *, rank: int = 2, **options: object) -> nn.Sequential:
    """Return a model with one adapted layer, whose adapter has random parameters as if trained."""
    options = {"family": family, "placement": placement, "rank": rank, "alpha": 3, "init": "random", **options}
    model = adapt(nn.Sequential(KINDS[kind].make()), target_modules=["0"], **options)
    for p in layer(model).adapters.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    return model


def layer(model: nn.Sequential) -> AdaptedLayer:
    found = model[0]
    assert isinstance(found, AdaptedLayer)
    return found


def sample(kind: str) -> Tensor:
    return torch.randn(KINDS[kind].x)
