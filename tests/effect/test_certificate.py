"""The certificate covers the share of the law at its level, on ten trained models, and is the set that it says."""

import math

import pytest
import torch
from torch import Tensor, nn

from ioadapt_theory.effect.certificate import BATCHES, PROBABILITIES, bounded, following
from ioadapt_theory.errors import InvalidValueError


def rows(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    gained = torch.rand(n, generator=draw, dtype=torch.float64)
    return gained * torch.rand(n, generator=draw, dtype=torch.float64), gained


@pytest.mark.parametrize(("n", "alpha"), [(40, 0.05), (400, 0.05), (4000, 0.2)])
def test_the_interval_is_the_set_of_shares_whose_mean_is_within_the_radius(n: int, alpha: float) -> None:
    lost, gained = rows(n)
    low, high = bounded(lost, gained, (1.0, 1.0), alpha)

    def accepted(r: float) -> bool:  # Maurer and Pontil 2009, Theorem 4, for both sides
        z, log = lost - (1 - r) * gained, math.log(4 / alpha)
        radius = math.sqrt(2 * float(z.var()) * log / n) + 7 * log * (1 + (1 - r)) / (3 * (n - 1))
        return abs(float(z.mean())) <= radius

    grid = [k / 1000 for k in range(-20000, 1001)]
    inside = [r for r in grid if accepted(r)]
    assert min(inside) - 0.0011 <= low <= min(inside) if math.isfinite(low) else accepted(-1e6)
    assert max(inside) <= high <= max(inside) + 0.0011


def test_a_bound_that_a_row_exceeds_is_refused() -> None:
    lost, gained = rows(50)
    for most in ((0.1, 1.0), (1.0, 0.1), (math.inf, 1.0), (1.0, math.nan)):
        with pytest.raises(InvalidValueError, match="give a bound for every row"):
            bounded(lost, gained, most)
    with pytest.raises(InvalidValueError, match="two rows or more"):
        bounded(lost[:1], gained[:1], (1.0, 1.0))
    with pytest.raises(InvalidValueError, match="does not change the source's outputs"):
        bounded(lost, 0 * gained, (1.0, 1.0))


def test_the_next_batch_needs_rows_for_every_batch_and_not_their_order() -> None:
    lost, gained = rows(2 * BATCHES)
    assert following(lost[:-1], gained[:-1]) is None
    low, high, size = following(gained - lost, gained)
    assert (size, low < float(1 - lost.sum() / gained.sum()) < high) == (2, True)


def trained(seed: int) -> tuple[Tensor, Tensor]:
    """Return, for 20,000 rows, the losses and gains of an adapter moved between two trained classifiers."""
    torch.manual_seed(seed)
    width, classes = 8 + 4 * (seed % 3), 3 + seed % 4
    x = torch.randn(20_000, 6) * (1 + seed % 2)
    labels = (x @ torch.randn(6, classes)).argmax(1)
    other = (x.roll(1, 1) @ torch.randn(6, classes)).argmax(1)

    def fitted(net: nn.Module, y: Tensor, params: list[Tensor]) -> None:
        adam = torch.optim.Adam(params, 1e-2)
        for k in range(80):
            part = slice(200 * k % 20_000, 200 * k % 20_000 + 200)
            adam.zero_grad()
            nn.functional.cross_entropy(net(x[part]), y[part]).backward()
            adam.step()

    act = (nn.ReLU, nn.Tanh, nn.GELU)[seed % 3]
    nets = [nn.Sequential(nn.Linear(6, width), act(), nn.Linear(width, classes)) for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    fitted(nets[0], labels, list(nets[0].parameters()))
    with torch.no_grad():
        for p, q in zip(nets[1].parameters(), nets[0].parameters(), strict=True):
            p.copy_(q + 0.15 * seed * q.abs().mean() * torch.randn_like(q))
    a, b = (torch.zeros(width, 2) + 0.1 * torch.randn(width, 2)).requires_grad_(), torch.zeros(2, 6).requires_grad_()

    def adapted(net: nn.Module) -> nn.Module:
        class Adapted(nn.Module):
            def forward(self, inputs: Tensor) -> Tensor:
                return net[2](net[1](net[0](inputs) + inputs @ b.T @ a.T))

        return Adapted()

    fitted(adapted(nets[0]), other, [a, b])
    with torch.no_grad():
        e, there = (adapted(net)(x).softmax(1) - net(x).softmax(1) for net in nets)
    return (there - e).square().sum(1), e.square().sum(1)


@pytest.mark.slow
def test_ten_models_are_covered_at_the_level() -> None:
    """Bounded rows: at least 95 % for each model. The next batch: 80 %, to three standard errors of all 2,000 draws."""
    next_ones = 0
    for seed in range(10):
        lost, gained = trained(seed)
        share, draw = float(1 - lost.sum() / gained.sum()), torch.Generator().manual_seed(seed)
        covered, finite = 0, 0
        for _ in range(200):
            some = torch.randint(len(lost), (500,), generator=draw)
            low, high = bounded(lost[some], gained[some], PROBABILITIES)
            covered, finite = covered + (low <= share <= high), finite + math.isfinite(low)
            batch = torch.randint(len(lost), (500 // BATCHES,), generator=draw)
            low, high, _ = following((gained - lost)[some], gained[some])
            next_ones += low <= float(1 - lost[batch].sum() / gained[batch].sum()) <= high
        print(f"model {seed}: R {share:.3f}, covered {covered} of 200, {finite} with a lower end")
        assert covered >= 190
    print(f"next batch: {next_ones} of 2000")
    assert next_ones >= 2000 * 0.8 - 3 * math.sqrt(2000 * 0.16)
