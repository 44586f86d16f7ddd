"""Setting A.1: hypotheses hold by construction, and the worst AB for given data is the worst."""

import pytest
import torch

from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    FROBENIUS,
    LITERAL,
    SPECTRAL,
    Ball,
    RelativeSimilarity,
    adapted,
    first_order,
    increment,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import below_outputs, setting

N = 50
BALLS = [SPECTRAL, LITERAL, FROBENIUS]


def drawn(placement: Placement, ball: Ball, *, worst: bool, c: int = 3, d: int = 4) -> RelativeSimilarity:
    space = setting(placement, ball, c=c, d=d)
    raw = space.start(N, torch.Generator().manual_seed(0))
    if worst:
        raw.pop("ab")
    return space.parametrise(raw)


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("ball", BALLS, ids=lambda b: b.statement)
@pytest.mark.parametrize("worst", [False, True])
@pytest.mark.parametrize("sizes", [(3, 4), (5, 2)])
def test_hypotheses_hold_by_construction(placement: Placement, ball: Ball, worst: bool, sizes: tuple[int, int]) -> None:
    i = drawn(placement, ball, worst=worst, c=sizes[0], d=sizes[1])
    for hypothesis in ball.hypotheses:
        assert hypothesis.residual(i).max() < 1e-11, hypothesis.statement


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("ball", BALLS, ids=lambda b: b.statement)
def test_no_adapter_beats_the_worst_one(placement: Placement, ball: Ball) -> None:
    worst = first_order(drawn(placement, ball, worst=True), placement)
    assert (first_order(drawn(placement, ball, worst=False), placement) <= worst * (1 + 1e-12)).all()


@pytest.mark.parametrize("placement", Placement)
def test_increment_is_what_adaptation_adds(placement: Placement) -> None:
    i = drawn(placement, SPECTRAL, worst=False)
    before = (i.x1.unsqueeze(-2) @ i.w).squeeze(-2)
    torch.testing.assert_close(before + increment(i.x1, i.w, i.ab, placement), adapted(i.x1, i.w, i.ab, placement))


def test_lora_below_the_outputs_moves_none_of_them_to_zero() -> None:
    space = setting(Placement.LORA, limit=below_outputs)
    i = space.parametrise(space.start(N, torch.Generator().manual_seed(0)))
    assert all((i.epsilon * k < 1).all() for k in i.stretches)
