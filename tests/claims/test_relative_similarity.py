"""Setting A.1: hypotheses hold by construction, and the worst AB for given data is the worst."""

import pytest
import torch

from ioadapt_theory.claims.evidence.inequality import hypotheses
from ioadapt_theory.claims.expression.limits import first_order
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.settings.letters import distance
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    FROBENIUS,
    LITERAL,
    SPECTRAL,
    Ball,
    RelativeSimilarity,
    below_outputs,
    similarity_setting,
)

N = 50
BALLS = [SPECTRAL, LITERAL, FROBENIUS]


def drawn(placement: Placement, ball: Ball, *, worst: bool, c: int = 3, d: int = 4) -> RelativeSimilarity:
    space = similarity_setting(placement, ball, c=c, d=d)
    raw = space.start(N, torch.Generator().manual_seed(0))
    if worst:
        raw.pop("ab")
    return space.parametrise(raw)


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("ball", BALLS, ids=["spectral", "literal", "frobenius"])
@pytest.mark.parametrize("worst", [False, True])
@pytest.mark.parametrize("sizes", [(3, 4), (5, 2)])
def test_hypotheses_hold_by_construction(placement: Placement, ball: Ball, worst: bool, sizes: tuple[int, int]) -> None:
    i = drawn(placement, ball, worst=worst, c=sizes[0], d=sizes[1])
    for statement, hypothesis in hypotheses(ball.given).items():
        assert hypothesis.residual(i).max() < 1e-11, statement


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("ball", BALLS, ids=["spectral", "literal", "frobenius"])
def test_no_adapter_beats_the_worst_one(placement: Placement, ball: Ball) -> None:
    slope = first_order(distance(placement))
    worst, other = (value(slope, drawn(placement, ball, worst=worst)) for worst in (True, False))
    assert (other <= worst * (1 + 1e-12)).all()


def test_lora_below_the_outputs_moves_none_of_them_to_zero() -> None:
    space = similarity_setting(Placement.LORA, limit=below_outputs)
    i = space.parametrise(space.start(N, torch.Generator().manual_seed(0)))
    for x1, x2, w in (i.source, i.target):
        for x in (x1, x2):
            assert (i.epsilon * x.norm(dim=-1) < (x.unsqueeze(-2) @ w).squeeze(-2).norm(dim=-1)).all()
