"""The law of the gauge part, met in planted networks: the share of channels that stay decides, not the depth."""

import math

import pytest
import torch
from torch import Tensor

WIDTH, LAYERS = 96, 4


def planted(seed: int) -> list[Tensor]:
    """Weights of a ReLU network whose hidden rows keep their size."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(WIDTH, WIDTH, generator=generator, dtype=torch.float64) * math.sqrt(2 / WIDTH)
        for _ in range(LAYERS)
    ]


def run(x: Tensor, weights: list[Tensor], place: int, m: Tensor) -> Tensor:
    """The outputs with I + M at the input of a layer."""
    for k, w in enumerate(weights):
        x = (x + x @ m if k == place else x) @ w
        x = x.relu() if k < LAYERS - 1 else x
    return x


def moved(weights: list[Tensor], share: float, seed: int) -> list[Tensor]:
    """Return the same function; all but a share of the hidden channels stand in another order."""
    generator, weights = torch.Generator().manual_seed(seed), [w.clone() for w in weights]
    for k in range(LAYERS - 1):
        order, change = torch.arange(WIDTH), round(WIDTH * (1 - share))
        order[:change] = order[:change].roll(1 + int(torch.randint(max(change - 1, 1), (1,), generator=generator)))
        weights[k], weights[k + 1] = weights[k][:, order], weights[k + 1][order]
    return weights


def loss(place: int, share: float) -> float:
    """How much of a small adapter's effect is lost by the move: mean squares, over networks, inputs and adapters."""
    lost, effect = 0.0, 0.0
    for seed in range(16):
        source, generator = planted(seed), torch.Generator().manual_seed(100 + seed)
        target = moved(source, share, seed)
        x = torch.randn(200, WIDTH, generator=generator, dtype=torch.float64)
        m = 1e-4 * torch.randn(WIDTH, WIDTH, generator=generator, dtype=torch.float64)
        there = run(x, source, place, m)
        torch.testing.assert_close(run(x, source, 0, 0 * m), run(x, target, 0, 0 * m))
        lost += float((there - run(x, target, place, m)).square().sum())
        effect += float((there - run(x, source, place, 0 * m)).square().sum())
    return lost / effect


@pytest.mark.parametrize("place", range(1, LAYERS))
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_planted_networks_follow_the_law_at_every_interior_place(place: int, share: float) -> None:
    law = 2 * (1 - share * (share + (1 - share) / math.pi))
    assert loss(place, share) == pytest.approx(law, rel=0.1)


def test_at_the_first_input_nothing_is_lost() -> None:
    assert loss(0, 0.5) < 1e-18
