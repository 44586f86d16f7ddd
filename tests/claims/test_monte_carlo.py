"""Stacks are the models of Eq. 9; the law of ‖xD‖² is known, so its intervals cover as often as they say."""

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run
from ioadapt_theory.claims.evidence.findings import monte_carlo as mc
from ioadapt_theory.claims.evidence.monte_carlo import (
    StackMonteCarlo,
    composite,
    estimate,
    instance_estimate,
    mean_distance,
)
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import adapted
from ioadapt_theory.claims.settings.stacks import PAIRS, SPECTRA, LinearStack, draw
from ioadapt_theory.errors import InvalidValueError, UnknownNameError

STACKS = 3
PLACEMENTS = [None, *Placement]


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


def test_running_a_stack_leaves_its_input_alone() -> None:
    source, _ = draw(STACKS, Placement.INPUT, Run(), generator())
    x = torch.randn(7, 8)
    before = x.clone()
    source(x)
    torch.testing.assert_close(x, before, rtol=0, atol=0)


@pytest.mark.parametrize("depth", [2, 4])
def test_a_gauge_pair_is_one_function(depth: int) -> None:
    source, target = draw(STACKS, None, Run(depth=depth, pair="gauge"), generator())
    x = torch.randn(7, 8)
    torch.testing.assert_close(source(x), target(x))
    assert not torch.allclose(source.weights[0], target.weights[0])


def test_a_nearly_gauge_pair_is_nearly_one_function() -> None:
    source, target = draw(STACKS, None, Run(pair="near-gauge"), generator())
    x = torch.randn(100, 8)
    relative = (source(x) - target(x)).norm() / source(x).norm()
    assert 1e-3 < relative < 0.2


def test_conditioned_weights_have_their_condition_number() -> None:
    w = SPECTRA["conditioned"](STACKS, 5, 8, Run(condition=100.0), generator())
    s = torch.linalg.svdvals(w)
    torch.testing.assert_close(s[:, 0] / s[:, -1], torch.full((STACKS,), 100.0))


def test_the_mean_is_the_mean_over_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks or at once."""
    source, target = draw(STACKS, Placement.LORA, Run(), generator())
    x = torch.randn(1000, 8, generator=generator(1))
    expected = (source(x) - target(x)).square().sum(-1).mean(-1)
    torch.testing.assert_close(mean_distance(source, target, 1000, generator(1)), expected)
    monkeypatch.setattr(mc, "BLOCK", 512)
    blocks = mean_distance(source, target, 1000, generator(1))
    torch.testing.assert_close(blocks.sum(), expected.sum(), rtol=0.2, atol=0)


def test_variance_of_the_squared_distance() -> None:
    """D = [[1, 2], [3, 4]], σ = 2: mean 120, variance 28544 = 2 σ⁴ ‖DDᵀ‖_F²."""
    d = torch.tensor([[[1.0, 2], [3, 4]]])
    found = estimate(LinearStack([d]), LinearStack([torch.zeros_like(d)]), 10, generator())
    assert 2**4 * found.variance.item() == pytest.approx(28544)


def test_99_percent_of_the_intervals_cover() -> None:
    run = Run(stacks=1024, samples=2000, seed=3)
    strategy = StackMonteCarlo(Placement.INPUT)
    counts = [strategy(CLAIMS["prop-4"], run, part).counts for part in range(strategy.parts(run))]
    covering = sum(c["99% intervals that cover"] for c in counts)
    assert 0.98 < covering / 1024 < 0.998


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("claim", ["lemma-3", "prop-3", "prop-4", "prop-5"])
def test_true_statements_are_not_contradicted(claim: str, pair: str, spectrum: str) -> None:
    run = Run(stacks=16, samples=500, depth=3, pair=pair, spectrum=spectrum)
    (strategy,) = (s for s in CLAIMS[claim].strategies if isinstance(s, StackMonteCarlo))
    finding = strategy(CLAIMS[claim], run, 0)
    assert not finding.refutes
    assert finding.instances == 16


def test_a_gauge_pair_breaks_the_interior_reading_by_sampling_alone() -> None:
    (strategy,) = (s for s in CLAIMS["prop-4-interior"].strategies if isinstance(s, StackMonteCarlo))
    assert strategy(CLAIMS["prop-4-interior"], Run(stacks=8, pair="gauge"), 0).refutes


def test_parts_do_not_depend_on_each_other() -> None:
    strategy = StackMonteCarlo(None)
    few, many = Run(stacks=33, samples=100), Run(stacks=500, samples=100)
    assert strategy.parts(few) == 2
    assert strategy(CLAIMS["lemma-3"], few, 0) == strategy(CLAIMS["lemma-3"], many, 0)


def test_samples_of_an_instance_are_near_its_closed_form() -> None:
    found = instance_estimate(CLAIMS["prop-3"], witness("g1") | {"sigma": 2}, Run(samples=20_000))
    assert found["low"] < 4 * 29 / 16 < found["high"]
    assert found["high"] - found["low"] < 0.5


def test_a_statement_about_cosines_takes_no_samples() -> None:
    with pytest.raises(InvalidValueError, match="prop-1 is not an expectation over samples"):
        instance_estimate(CLAIMS["prop-1"], witness("ce3"), Run())


@pytest.mark.parametrize(
    ("run", "error", "sentence"),
    [
        (Run(spectrum="x"), UnknownNameError, "No spectrum 'x'. Known: conditioned, gaussian"),
        (Run(pair="x"), UnknownNameError, "No pair 'x'. Known: gauge, independent, near-gauge"),
        (Run(widths=(3, 4)), InvalidValueError, "2 widths do not fit a stack of depth 2, which has 3"),
        (Run(widths=(3, 0, 4)), InvalidValueError, "Widths must be at least 1, got 3 0 4"),
    ],
)
def test_settings_that_cannot_be_drawn(run: Run, error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        draw(1, None, run, generator())
