"""Stacks are the models of Eq. 9; the law of ‖xD‖² is known, so its intervals cover as often as they say."""

from dataclasses import replace
from functools import reduce
from operator import or_

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Claim, Run
from ioadapt_theory.claims.evidence.findings import Finding, detectable
from ioadapt_theory.claims.evidence.monte_carlo import (
    StackMonteCarlo,
    composite,
    estimate,
    instance_estimate,
)
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.stacks import PAIRS, SPECTRA, draw, gauged

STACKS = 3
PLACEMENTS = [None, *Placement]


def adapted(w1: torch.Tensor, w2: torch.Tensor, ab: torch.Tensor | None, placement: Placement | None) -> torch.Tensor:
    """Eq. 9: the matrix of Y = X(W₁ + AB)W₂, X(I + AB)W₁W₂ or XW₁W₂(I + AB); None: XW₁W₂."""
    match placement:
        case None:
            return w1 @ w2
        case Placement.LORA:
            return (w1 + ab) @ w2
        case Placement.INPUT:
            return w1 @ w2 + ab @ w1 @ w2
        case Placement.OUTPUT:
            return w1 @ w2 + w1 @ w2 @ ab


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_running_the_layers_is_the_matrix_of_eq_9(placement: Placement | None, depth: int) -> None:
    source, target = draw(STACKS, placement, Run(depth=depth), generator())
    i = composite(source, target)
    x = torch.randn(7, source.weights[0].shape[1])
    torch.testing.assert_close(source(x), x @ adapted(i.w1, i.w2, i.ab, placement))
    torch.testing.assert_close(target(x), x @ adapted(i.w1_target, i.w2_target, i.ab, placement))


@pytest.mark.parametrize(("placement", "layer"), [(Placement.INPUT, 1), (Placement.OUTPUT, 0), (Placement.LORA, 1)])
def test_interior_adapters(placement: Placement, layer: int) -> None:
    source, _ = draw(STACKS, placement, Run(), generator(), layer)
    w1, w2 = source.weights
    a, b = source.adapter
    between = torch.eye(w1.shape[2])
    dense = w1 @ (w2 + a @ b) if placement is Placement.LORA else w1 @ (between + a @ b) @ w2
    x = torch.randn(7, w1.shape[1])
    torch.testing.assert_close(source(x), x @ dense)


def test_the_noise_of_a_nearly_gauge_pair_has_both_signs() -> None:
    w = torch.eye(10).expand(200, 10, 10)
    exact, noisy = (gauged([w, w.clone()], noise, generator())[0] for noise in (0.0, 1e-2))
    assert 0.45 < (noisy > exact).double().mean() < 0.55


@pytest.mark.parametrize("samples", [100, 2000])
def test_99_percent_of_the_intervals_cover_where_samples_are_many(samples: int) -> None:
    count = 2000
    source, target = draw(count, Placement.INPUT, Run(), generator(samples))
    found = estimate(source, target, samples, generator(samples + 1))
    exact = CLAIMS["prop-4"].inequality.lhs(composite(source, target))
    low, high = found.interval()
    assert (low > 0).all()
    assert 0.96 < ((low <= exact) & (exact <= high)).double().mean() < 0.997


def strategy_of(claim: str) -> StackMonteCarlo:
    (strategy,) = (s for s in CLAIMS[claim].strategies if isinstance(s, StackMonteCarlo))
    return strategy


def planted(claim: str, run: Run, *, lhs: float = 1, rhs: float = 1) -> Finding:
    """What all parts find where the closed form or the bound is off by a factor."""
    true, strategy = CLAIMS[claim], strategy_of(claim)
    inequality = replace(
        true.inequality, lhs=lambda i: lhs * true.inequality.lhs(i), rhs=lambda i: rhs * true.inequality.rhs(i)
    )
    parts = [strategy(replace(true, inequality=inequality), run, part) for part in range(strategy.parts(run))]
    return reduce(or_, parts)


@pytest.mark.parametrize("wrong", [{"lhs": 1.005}, {"lhs": 0.995}, {"rhs": 0.995}, {"lhs": 1.05}, {"rhs": 0.95}])
def test_half_a_per_cent_is_found_by_the_default_run(wrong: dict[str, float]) -> None:
    found = planted("lemma-3", Run(), **wrong)
    assert found.contradictions
    assert detectable(found.counts) < 0.005


@pytest.mark.parametrize("side", ["lhs", "rhs"])
def test_an_error_is_found_with_the_power_that_is_stated(side: str) -> None:
    """25 runs, of which each misses it with probability 0.01 at most; none of them alarms without an error."""
    size = detectable(planted("lemma-3", Run(stacks=64, samples=100)).counts)
    assert size == pytest.approx(0.15, rel=0.5)
    wrong = {side: 1 / (1 + size)}
    found = [bool(planted("lemma-3", Run(seed=seed, samples=100), **wrong).contradictions) for seed in range(25)]
    assert sum(found) >= 23
    assert not any(planted("lemma-3", Run(seed=seed, samples=100)).contradictions for seed in range(25))


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("claim", ["lemma-3", "prop-3", "prop-4", "prop-5"])
def test_true_statements_are_not_contradicted(claim: str, pair: str, spectrum: str) -> None:
    run = Run(stacks=16, samples=500, depth=3, pair=pair, spectrum=spectrum)
    finding = strategy_of(claim)(CLAIMS[claim], run, 0)
    assert not finding.contradictions
    assert finding.instances == 16


def test_a_gauge_pair_breaks_the_interior_reading_by_sampling_alone() -> None:
    assert strategy_of("prop-4-interior")(CLAIMS["prop-4-interior"], Run(stacks=8, pair="gauge"), 0).refutes


@pytest.mark.parametrize(
    "claim",
    [c for c in CLAIMS.values() if any(isinstance(s, StackMonteCarlo) for s in c.strategies)],
    ids=lambda c: c.id,
)
def test_samples_of_a_drawn_instance_are_near_its_left_side(claim: Claim) -> None:
    """Wherever its adapter acts; the interval has 99 %, so three times its width is never left."""
    setting = claim.inequality.setting
    drawn = setting.parametrise(setting.start(1, generator(3)))
    found = instance_estimate(claim, setting.dump(drawn, 0), Run(samples=4000))
    exact = float(claim.inequality.lhs(drawn))
    width = found["high"] - found["low"]
    assert found["low"] - width < exact < found["high"] + width
    assert width < 0.5 * exact
    assert (found["level"], found["samples"]) == (0.99, 4000)


def test_one_sample_says_little_and_refutes_nothing() -> None:
    found = strategy_of("lemma-3")(CLAIMS["lemma-3"], Run(stacks=32, samples=1), 0)
    assert 0 <= found.worst_ratio < 0.5
    many = strategy_of("lemma-3")(CLAIMS["lemma-3"], Run(stacks=32, samples=20_000), 0)
    assert 0.9 < many.worst_ratio < 1  # attained
    assert many.counts["judged"] == many.counts["samples"] == 32 * 20_000
    assert (many.counts["intervals"], many.counts["covering"] > 28) == (32, True)
