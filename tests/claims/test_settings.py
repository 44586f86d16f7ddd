"""Sampled instances satisfy the hypotheses, and stacks are the models of Eq. 9 with the stated distribution."""

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
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo, composite, mean_distance, rounding
from ioadapt_theory.claims.expression.limits import first_order
from ioadapt_theory.claims.expression.tree import fro
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.settings import increments, relative_similarity, shared_function
from ioadapt_theory.claims.settings.letters import AB, EPSILON, distance
from ioadapt_theory.claims.settings.matrices import matrices
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import below_outputs, half, similarity_setting
from ioadapt_theory.claims.settings.shared_function import SharedFunction, function_setting
from ioadapt_theory.claims.settings.stacks import SPECTRA, LinearStack, draw, gauged, widths
from ioadapt_theory.claims.words.absorption import PADDINGS, N, convolution
from ioadapt_theory.errors import FileFormatError, InvalidValueError, IoAdaptError


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("placement", [None, *Placement])
def test_models_of_one_function_differ_in_every_size_that_may(placement: Placement | None, second: bool) -> None:
    setting = function_setting(placement, second=second)
    raw = setting.start(1, generator())
    hidden = 4 if placement is Placement.LORA else 5
    ab = (4, 2) if second else {None: (1, 1), "lora": (3, 4), "input": (3, 3), "output": (2, 2)}[placement]
    shapes = [(3, 4), (4, 2), (3, hidden), (hidden, 2), ab, ()]
    assert [tuple(raw[name].shape[1:]) for name in "w1 w2 w1_target w2_target ab sigma".split()] == shapes
    lacks = " AB," * (placement is not None)
    with pytest.raises(FileFormatError, match=f"W2_target,{lacks} sigma; an instance of this claim has"):
        setting.read({})
    with pytest.raises(InvalidValueError, match="epsilon must be at least 0, not -1"):
        setting.read(setting.dump(setting.parametrise(raw), 0) | {"epsilon": -1})


BALLS = [relative_similarity.SPECTRAL, relative_similarity.LITERAL, relative_similarity.FROBENIUS]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_increments_of_searches_are_shorter_than_their_vectors_or_than_half_of_them() -> None:
    raw = increments.INCREMENTS.start(200, generator())
    assert {x.shape for x in raw.values()} == {(200, 3)}  # a plane, and one direction out of it
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


def test_an_even_power_of_a_norm_needs_no_root() -> None:
    powers = (fro(x) ** power + fro(x) ** power for x, power in ((AB, 2), (AB, 3), (fro(AB) * AB, 2)))
    assert [Hypothesis.of(x <= EPSILON).exact for x in powers] == [True, False, False]


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
    assert limit is not half or set(largest.tolist()) == {1 / 2}
    torch.testing.assert_close(torch.linalg.matrix_norm(i.ab, 2), i.epsilon)
    images = [(x.unsqueeze(-2) @ i.w_target).squeeze(-2) for x in (i.x1_target, i.x2_target)]
    sizes = [x.norm(dim=-1) for x in (i.x1_target, i.x2_target, *images)]
    torch.testing.assert_close(torch.stack(sizes, -1), raw["size"].exp())


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


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (Run(depth=2, widths=(3, 4)), "A stack of depth 2 must have 3 widths, not 2."),
        (Run(depth=1, widths=(0, 4)), "Widths must be from 1 to 10,000"), (Run(spectrum="x"), "Unknown spectrum 'x'"),
        (Run(widths=(1, 10_001, 1)), "Widths must be from 1 to 10,000, not 10,001."),
        (Run(depth=1, widths=(1, 1), spectrum="conditioned"), r"same model in \d+ of 64 stacks; choose larger widths"),
    ],
)  # fmt: skip
def test_stacks_that_show_nothing_are_refused(run: Run, sentence: str) -> None:
    with pytest.raises(IoAdaptError, match=sentence):
        draw(64, None, run, generator())
    draw(64, None, Run(widths=(1, 1, 8), spectrum="conditioned"), generator())  # allowed


@pytest.mark.parametrize("shape", [(50, 3, 4), (4, 3, 50)])
def test_a_block_of_samples_has_half_a_megabyte(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    seen, forward = list[tuple[int, ...]](), LinearStack.forward
    monkeypatch.setattr(LinearStack, "forward", lambda s, x, m: seen.append(tuple(x.shape)) or forward(s, x, m))
    source, target = draw(STACKS, None, Run(widths=shape), generator())
    mean_distance(source, target, 500, generator())
    assert seen[::2] == seen[1::2] == [(STACKS, n, shape[0]) for n in (2**19 // (8 * 50 * STACKS), 500 - 436)]


def test_rounding_is_that_of_a_few_hundred_operations() -> None:
    one = torch.ones(1, 1, 1)
    for ab in (None, one):
        noise = rounding(SharedFunction(w1=one, w2=one, w1_target=one, w2_target=one, sigma=one, ab=ab)).item()
        assert 150 < noise**0.5 / torch.finfo(torch.float64).eps / (1 if ab is None else 2**0.5) < 2000


def test_parts_are_of_32_stacks_and_the_last_one_of_the_rest() -> None:
    strategy, run = strategy_of("lemma-3"), Run(stacks=70, samples=10)
    assert [strategy.parts(Run(stacks=n)) for n in (1, 32, 33, 64)] == [1, 1, 2, 2]
    assert [strategy.pinned(run, part).stacks for part in range(3)] == [32, 64, 70]
    assert [strategy(CLAIMS["lemma-3"], run, part).instances for part in range(3)] == [32, 32, 6]


def test_a_gauge_has_condition_four_and_its_noise_the_size_of_the_weights() -> None:
    w = torch.eye(10).expand(2000, 10, 10)
    first, last = gauged([w, w.clone()], 0.0, generator())
    s = torch.linalg.svdvals(first)
    torch.testing.assert_close(s[:, [0, -1]], torch.tensor([[2.0, 0.5]]).expand(2000, 2))
    torch.testing.assert_close(first @ last, w)
    some = torch.linspace(1, 100, 2000)[:, None, None] * w  # of very different sizes
    exact, noisy = (gauged([some, w], noise, generator()) for noise in (0.0, 1e-2))
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
    """Return the finding of all parts if the closed form is multiplied by ``lhs``, and the bound by ``rhs``."""
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
    assert found.worst_ratio > 1.2


def test_a_gauge_pair_breaks_the_interior_reading_by_sampling_alone() -> None:
    assert strategy_of("prop-4-interior")(CLAIMS["prop-4-interior"], Run(stacks=8, pair="gauge"), 0).refutes


def test_one_sample_says_little_and_refutes_nothing() -> None:
    found = strategy_of("lemma-3")(CLAIMS["lemma-3"], Run(stacks=32, samples=1), 0)
    assert 0 <= found.worst_ratio < 0.5
    many = strategy_of("lemma-3")(CLAIMS["lemma-3"], Run(stacks=32, samples=20_000), 0)
    assert 0.9 < many.worst_ratio < 1  # attained
    assert many.counts["judged"] == many.counts["samples"] == 32 * 20_000
