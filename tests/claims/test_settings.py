"""Settings: sampled instances satisfy the hypotheses, and stacks are the models of Eq. 9 with known distribution."""

from dataclasses import replace
from functools import partial, reduce
from operator import or_
from typing import Any

import pytest
import torch
from torch.nn import functional

from ioadapt_theory.claims import CLAIMS, Run
from ioadapt_theory.claims.evidence.findings import Finding
from ioadapt_theory.claims.evidence.inequality import Hypothesis, hypotheses
from ioadapt_theory.claims.evidence.monte_carlo import (
    StackMonteCarlo,
    composite,
)
from ioadapt_theory.claims.expression.limits import first_order
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.settings import increments, relative_similarity, shared_function
from ioadapt_theory.claims.settings.letters import distance
from ioadapt_theory.claims.settings.matrices import matrices
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import below_outputs, half, similarity_setting
from ioadapt_theory.claims.settings.shared_function import SharedFunction
from ioadapt_theory.claims.settings.stacks import SPECTRA, draw, gauged, widths
from ioadapt_theory.claims.words.absorption import PADDINGS, N, convolution
from ioadapt_theory.errors import InvalidValueError

BALLS = [relative_similarity.SPECTRAL, relative_similarity.LITERAL, relative_similarity.FROBENIUS]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_increments_of_searches_are_shorter_than_their_vectors_or_than_half_of_them() -> None:
    raw = increments.INCREMENTS.start(200, generator())
    for parametrise, share in ((increments.shorter, 1), (partial(increments.shorter, most=0.5), 0.5)):
        i = parametrise(raw)
        for vector, increment in (("u", "du"), ("v", "dv")):
            ratio = getattr(i, increment).norm(dim=-1) / getattr(i, vector).norm(dim=-1)
            torch.testing.assert_close(ratio, share * torch.sigmoid(raw[increment].norm(dim=-1) - 1))
            torch.testing.assert_close(getattr(i, vector), raw[vector])


def test_two_models_differ_by_the_square_of_the_frobenius_norm_of_the_gap() -> None:
    space = shared_function.function_setting(Placement.INPUT)
    i = space.parametrise(space.start(1, generator()))
    gap = (i.w1 @ i.w2 - i.w1_target @ i.w2_target).square().sum((-2, -1))
    torch.testing.assert_close(i.epsilon, gap)
    hypothesis = Hypothesis.of(shared_function.NEARLY_SAME)
    assert hypothesis.residual(i).item() < 1e-12
    names = ("w1", "w2", "w1_target", "w2_target", "sigma", "ab")
    smaller = SharedFunction(**{name: getattr(i, name) for name in names}, given_epsilon=gap / 4)
    assert hypothesis.residual(smaller).item() == pytest.approx(3)


def test_free_matrices_are_gaussian_and_scalars_positive() -> None:
    free = matrices("x", {"A": "n c", "T": ""}, {"n": 2, "c": 3})
    raw = free.start(4, generator())
    assert raw["a"].min() < 0 < raw["a"].max()
    assert {name: tuple(x.shape) for name, x in raw.items()} == {"a": (4, 2, 3), "t": (4,)}
    torch.testing.assert_close(free.parametrise(raw).t, raw["t"].exp())
    with pytest.raises(InvalidValueError, match="T must be positive, not 0"):
        free.read({"A": [[1, 2]], "T": 0})


def exactly(**changes: Any) -> Any:
    values = {
        **{"W": [[1, 0, 0], [0, 1, 0]], "x1": [1, 0], "x2": [0, 1], "W_target": [[1, 0, 0], [0, 1, 0]]},
        **{"x1_target": [1, 0], "x2_target": [0, 1], "AB": [[0, 0], [0, 0]], "epsilon": "1/2"},
    } | changes
    return similarity_setting(Placement.INPUT).read(values, exact=True)


@pytest.mark.parametrize(
    ("given", "misses", "by"),
    [
        (relative_similarity.FULL_ROW_RANK[0], {"W": [[1, 2, 0], [2, 4, 0]]}, 1),
        (relative_similarity.FULL_ROW_RANK[1], {"W_target": [[1, 2, 0], [2, 4, 0]]}, 1),
        (relative_similarity.BELOW_ONE, {"epsilon": 3}, 4),
        (relative_similarity.REGULAR, {"AB": [[-1, 0], [0, 0]]}, 1),
        (relative_similarity.REGULAR, {"AB": [[-1, 0], [0, -1]]}, 2),
        *((given, {"epsilon": 2}, 1.5) for given in relative_similarity.BELOW_OUTPUTS),
    ],
)
def test_residuals_that_are_decided_exactly(given: Any, misses: dict, by: float) -> None:
    hypothesis = Hypothesis.of(given)
    assert hypothesis.exact
    assert float(hypothesis.residual(exactly())) == 0
    assert float(hypothesis.residual(exactly(**misses))) == pytest.approx(by, rel=1e-9)


@pytest.mark.parametrize("vector", ["x2", "x2_target"])
def test_parallel_outputs_are_seen_exactly(vector: str) -> None:
    hypothesis = Hypothesis.of(relative_similarity.NOT_PARALLEL)
    assert hypothesis.exact
    assert [hypothesis.equal(exactly(**change)) for change in ({}, {vector: [-3, 0]})] == [False, True]


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("limit", [half, below_outputs])
def test_drawn_instances_reach_the_boundary_of_the_ball_and_the_size_that_is_their_limit(
    placement: Placement, limit: Any
) -> None:
    space = similarity_setting(placement, limit=limit)
    raw = space.start(20, generator())
    i = space.parametrise(raw)
    largest = limit({name: getattr(i, name) for name in i.__dataclass_fields__})
    if limit is below_outputs:
        pairs = [(x, w) for x1, x2, w in (i.source, i.target) for x in (x1, x2)]
        ratios = [(x.unsqueeze(-2) @ w).squeeze(-2).norm(dim=-1) / x.norm(dim=-1) for x, w in pairs]
        torch.testing.assert_close(largest, torch.stack(ratios).amin(0))
    torch.testing.assert_close(i.epsilon, torch.sigmoid(raw["epsilon"]) * largest)
    assert limit is not half or 0.3 < i.epsilon.max() < 1  # small, and not only tiny
    torch.testing.assert_close(torch.linalg.matrix_norm(i.ab, 2), i.epsilon)
    torch.testing.assert_close(i.x2_target.norm(dim=-1), raw["size"].exp()[:, 1])


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("ball", BALLS, ids=["spectral", "literal", "frobenius"])
def test_hypotheses_hold_by_construction_and_no_adapter_beats_the_worst_one(placement: Placement, ball: Any) -> None:
    slopes = []
    for c, d, worst in ((5, 2, False), (3, 4, False), (3, 4, True)):
        space = similarity_setting(placement, ball, c=c, d=d)
        raw = space.start(50, generator())
        if worst:
            raw.pop("ab")
        i = space.parametrise(raw)
        for statement, hypothesis in hypotheses(ball.given).items():
            assert hypothesis.residual(i).max() < 1e-11, statement
        slopes.append(value(first_order(distance(placement)), i))
    assert (slopes[1] <= slopes[2] * (1 + 1e-12)).all()


def test_stacks_are_drawn_with_the_widths_the_rank_and_the_variance_that_they_say() -> None:
    assert widths(Run(depth=1)) == (8, 6)
    assert widths(Run(depth=4)) == (8, 10, 12, 10, 6)
    assert widths(Run(widths=(3, 10_000, 1))) == (3, 10_000, 1)
    w = SPECTRA["gaussian"](200, 16, 40, Run(), generator())
    assert w.square().mean().item() == pytest.approx(1 / 16, rel=0.02)
    s = torch.linalg.svdvals(SPECTRA["conditioned"](2, 5, 3, Run(condition=100.0), generator()))
    torch.testing.assert_close(s, torch.tensor([[1.0, 0.1, 0.01]] * 2))
    for placement, shape in ((Placement.LORA, (8, 10)), (Placement.INPUT, (8, 8)), (Placement.OUTPUT, (6, 6))):
        source, target = draw(3, placement, Run(rank=4), generator())
        a, b = source.adapter
        assert target.adapter is source.adapter
        assert (a.shape, b.shape) == ((3, shape[0], 4), (3, 4, shape[1]))
        assert (source.layer, target.layer) == ((1, 1) if placement is Placement.OUTPUT else (0, 0))


def test_a_gauge_has_condition_four_and_its_noise_the_size_of_the_weights() -> None:
    w = torch.eye(10).expand(2000, 10, 10)
    first, last = gauged([w, w.clone()], 0.0, generator())
    s = torch.linalg.svdvals(first)
    torch.testing.assert_close(s[:, [0, -1]], torch.tensor([[2.0, 0.5]]).expand(2000, 2))
    torch.testing.assert_close(first @ last, w)
    exact, noisy = (gauged([w, 3 * w], noise, generator()) for noise in (0.0, 1e-2))
    for a, b in zip(exact, noisy, strict=True):
        relative = (b - a).square().mean((-2, -1)).sqrt() / a.square().mean((-2, -1)).sqrt()
        assert relative.mean().item() == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 2)])
def test_a_convolution_is_that_of_torch(padding: str, stride: int, dilation: int) -> None:
    import sympy as sp

    kernel = torch.arange(1.0, 19.0).reshape(3, 2, 3)  # offset, input channel, output channel
    blocks = {j: sp.Matrix(kernel[j + 1].int().tolist()) for j in (-1, 0, 1)}
    matrix = torch.tensor(
        convolution(blocks, stride=stride, dilation=dilation, padding=padding).tolist(), dtype=torch.double
    )
    x = torch.randn(N, 2)
    mode = {"zeros": "constant"}.get(padding, padding)
    padded = functional.pad(x.T[None], (dilation, dilation), mode=mode)
    expected = functional.conv1d(padded, kernel.permute(2, 1, 0), stride=stride, dilation=dilation)[0].T
    torch.testing.assert_close((x.flatten() @ matrix).reshape(-1, 3), expected)


STACKS = 3
PLACEMENTS = [None, *Placement]


def adapted(w1: torch.Tensor, w2: torch.Tensor, ab: torch.Tensor | None, placement: Placement | None) -> torch.Tensor:
    """Return the matrix of Eq. 9: X(W₁ + AB)W₂, X(I + AB)W₁W₂, XW₁W₂(I + AB), or XW₁W₂ for None."""
    match placement:
        case None:
            return w1 @ w2
        case Placement.LORA:
            return (w1 + ab) @ w2
        case Placement.INPUT:
            return w1 @ w2 + ab @ w1 @ w2
        case Placement.OUTPUT:
            return w1 @ w2 + w1 @ w2 @ ab


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


def strategy_of(claim: str) -> StackMonteCarlo:
    (strategy,) = (s for s in CLAIMS[claim].strategies if isinstance(s, StackMonteCarlo))
    return strategy


def planted(claim: str, run: Run, *, lhs: Any = 1, rhs: Any = 1) -> Finding:
    """Return the finding, merged from all parts, if the closed form or the bound is off by a factor."""
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


def test_one_wrong_stack_of_many_is_enough() -> None:
    factors = torch.ones(32)
    factors[3] = 1.5
    found = planted("lemma-3", Run(stacks=32, samples=2000), lhs=factors, rhs=1 / factors)
    assert found.refutes == {"a sample mean contradicts the closed form", "a sample mean exceeds the bound"}


def test_a_gauge_pair_breaks_the_interior_reading_by_sampling_alone() -> None:
    assert strategy_of("prop-4-interior")(CLAIMS["prop-4-interior"], Run(stacks=8, pair="gauge"), 0).refutes


def test_one_sample_says_little_and_refutes_nothing() -> None:
    found = strategy_of("lemma-3")(CLAIMS["lemma-3"], Run(stacks=32, samples=1), 0)
    assert 0 <= found.worst_ratio < 0.5
    many = strategy_of("lemma-3")(CLAIMS["lemma-3"], Run(stacks=32, samples=20_000), 0)
    assert 0.9 < many.worst_ratio < 1  # attained
    assert many.counts["judged"] == many.counts["samples"] == 32 * 20_000
