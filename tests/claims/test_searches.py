"""Searches: what float64 finds at the edge is judged at 50 digits; what rounding decides is counted, not believed."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run
from ioadapt_theory.claims.evidence.findings import Evidence, Finding
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, confirmed
from ioadapt_theory.claims.instances import witness

EDGE = Finding(kind=Evidence.RANDOM, instances=5, worst_ratio=2.0)


def test_a_violation_whose_hypothesis_holds_up_to_rounding_only_is_counted_as_undecided() -> None:
    worst = {"u": [1.0, 0.0], "v": [1.0, 0.0], "du": [-1.0000000005, 0.0], "dv": [0.0, 0.0]}
    found = confirmed(CLAIMS["lemma-1-angle"], replace(EDGE, worst=worst))
    assert (found.worst_ratio, found.worst, found.counts, found.refutes) == (-math.inf, None, {"undecided": 1}, set())


def test_a_violation_that_is_rounding_is_taken_back() -> None:
    assert confirmed(CLAIMS["prop-4"], replace(EDGE, worst=witness("r1"))).worst_ratio == 1


def test_an_ascent_moves_every_number_upwards_by_a_twentieth_and_keeps_the_best_of_the_climb() -> None:
    """Adam's first step is the rate times the sign of the slope, and log lhs has slope 1 here."""
    claim, seen = CLAIMS["prop-4"], list[torch.Tensor]()
    setting = claim.inequality.setting

    def parametrise(raw: Mapping[str, torch.Tensor]) -> Any:
        seen.append(raw["w1"].detach().clone())
        return setting.parametrise({"ab": torch.ones(6, 3, 3), **raw})

    inequality = replace(
        claim.inequality,
        setting=replace(setting, parametrise=parametrise),
        lhs=lambda i: 1e-9 * i.w1.sum((-2, -1)).exp(),
        rhs=lambda i: torch.ones_like(i.sigma),
    )
    planted = replace(claim, inequality=inequality)
    found = GradientAscent(drop=("ab",))(planted, Run(starts=6, steps=3), 0)
    torch.testing.assert_close(seen[1] - seen[0], torch.full_like(seen[0], 0.05))
    assert len(seen) == 3
    best = 1e-9 * seen[-1].sum((-2, -1)).exp().max().item()
    assert (found.instances, found.worst_ratio) == (6, pytest.approx(best))
    assert found.worst["AB"] == torch.ones(3, 3).tolist()
    assert GradientAscent()(planted, Run(starts=6, steps=3), 0).worst["AB"] != found.worst["AB"]


def test_random_instances_are_as_many_as_the_run_says_and_others_for_another_seed() -> None:
    found = [RandomInstances()(CLAIMS["prop-4"], Run(instances=7, seed=seed), 0) for seed in (0, 0, 1)]
    assert {f.instances for f in found} == {7}
    assert found[0] == found[1]
    assert found[0].worst_ratio != found[2].worst_ratio
