"""The setting of App. A.1: two layers W, W' and two pairs of inputs whose outputs have the same cosine s₀; one AB."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from ioadapt_theory.claims.arithmetic import (
    Array,
    apply,
    cosine,
    dot,
    excess,
    frobenius_sq,
    maximum,
    norm,
    operator_norm,
    parallel,
    plus_identity,
    rank,
    reached,
    sine,
    sqrt,
)
from ioadapt_theory.claims.claim import Given
from ioadapt_theory.claims.evidence.inequality import Hypothesis
from ioadapt_theory.claims.expression import limits, tree
from ioadapt_theory.claims.expression.tree import Relation, fro, spectral
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.settings.letters import AB, EPSILON, SOURCE, TARGET, T, distance
from ioadapt_theory.claims.settings.placement import Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeSimilarity:
    """W, W', x₁, x₂, x₁', x₂', AB, ε; rows are samples."""

    w: Array
    w_target: Array
    x1: Array
    x2: Array
    x1_target: Array
    x2_target: Array
    ab: Array
    epsilon: Array

    @property
    def source(self) -> tuple[Array, Array, Array]:
        """(x₁, x₂, W)."""
        return self.x1, self.x2, self.w

    @property
    def target(self) -> tuple[Array, Array, Array]:
        """(x₁', x₂', W')."""
        return self.x1_target, self.x2_target, self.w_target

    @property
    def s0(self) -> Array:
        """s₀ = sim(y₁, y₂), y = xW."""
        return cosine(apply(self.x1, self.w), apply(self.x2, self.w))

    @property
    def stretches(self) -> tuple[Array, Array, Array, Array]:
        """‖x‖/‖xW‖ of x₁, x₂, x₁', x₂'."""
        return tuple(norm(x) / norm(apply(x, w)) for *pair, w in (self.source, self.target) for x in pair)


def adapted(x: Array, w: Array, ab: Array, placement: Placement) -> Array:
    """ŷ: x(W + AB), x(I + AB)W or xW(I + AB)."""
    match placement:
        case Placement.LORA:
            return apply(x, w + ab)
        case Placement.INPUT:
            return apply(apply(x, plus_identity(ab)), w)
        case Placement.OUTPUT:
            return apply(apply(x, w), plus_identity(ab))
        case _:
            assert_never(placement)


def increment(x: Array, w: Array, ab: Array, placement: Placement) -> Array:
    """Δy = ŷ − xW: xAB, xABW or xWAB."""
    match placement:
        case Placement.LORA:
            return apply(x, ab)
        case Placement.INPUT:
            return apply(apply(x, ab), w)
        case Placement.OUTPUT:
            return apply(apply(x, w), ab)
        case _:
            assert_never(placement)


def similarity_distance(i: RelativeSimilarity, placement: Placement) -> Array:
    """|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')|, the left side of Props. 1 and 2."""
    return value(distance(placement), i)


def first_order(i: RelativeSimilarity, placement: Placement) -> Array:
    """Limit of the similarity distance over t as AB → tAB, t → 0: |δ − δ'| with δ of Eq. 7."""
    return value(limits.first_order(distance(placement)), i)


def output_sine(i: RelativeSimilarity) -> Array:
    """√(1 − s₀²), accurate also near s₀ = ±1."""
    return sine(apply(i.x1, i.w), apply(i.x2, i.w))


def both_sines(i: RelativeSimilarity) -> tuple[Array, Array]:
    """√(1 − s₀²) with each model's own s₀: equal by hypothesis, but where |s₀| ≈ 1 rounded files differ by factors."""
    return output_sine(i), sine(apply(i.x1_target, i.w_target), apply(i.x2_target, i.w_target))


def both_cosines(i: RelativeSimilarity) -> tuple[Array, Array]:
    """Each model's own s₀."""
    return i.s0, cosine(apply(i.x1_target, i.w_target), apply(i.x2_target, i.w_target))


def full_row_rank(name: str) -> Hypothesis:
    """Rank W = c; the residual is the rank that is missing."""
    letter = "W_target" if name == "w_target" else "W"
    return Hypothesis(f"rank {letter} = c", lambda i: getattr(i, name).shape[-2] - rank(getattr(i, name)), exact=True)


SAME_INPUT_SIMILARITY = Hypothesis(
    "sim(x1, x2) = sim(x1', x2')", lambda i: abs(cosine(i.x1, i.x2) - cosine(i.x1_target, i.x2_target)), enters=True
)
SAME_OUTPUT_SIMILARITY = Hypothesis(
    "s0 = sim(y1, y2) = sim(y1', y2')",
    lambda i: abs(both_cosines(i)[0] - both_cosines(i)[1]),
    enters=True,
)


SAME_INPUTS = Given(tree.sim(SOURCE.x1, SOURCE.x2).equals(tree.sim(TARGET.x1, TARGET.x2)), SAME_INPUT_SIMILARITY)
SAME_OUTPUTS = Given(SOURCE.s0.equals(TARGET.s0), SAME_OUTPUT_SIMILARITY)
FULL_ROW_RANK = tuple(
    Given(tree.rank(model.w).equals(tree.rows(model.w)), full_row_rank(model.w.name)) for model in (SOURCE, TARGET)
)


@dataclass(frozen=True, slots=True)
class Ball:
    """A reading of "the adaptation components are L2-regularized": norm(AB)^power ≤ ε."""

    statement: str
    norm: Callable[[Array], Array]
    power: int = 1

    def radius(self, epsilon: Array) -> Array:
        """The largest norm(AB) that is allowed."""
        return epsilon if self.power == 1 else sqrt(epsilon)

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """The assumptions of App. A.1 with this reading of the last one; its residual is relative to ε."""
        size = Hypothesis(
            self.statement,
            lambda i: excess(self.norm(i.ab) ** self.power, i.epsilon),
            mend=lambda i, r: replace(i, epsilon=i.epsilon * (1 + r)),
        )
        return SAME_INPUT_SIMILARITY, SAME_OUTPUT_SIMILARITY, size

    @property
    def relation(self) -> Relation:
        """The last assumption as a formula."""
        norm = spectral(AB) if self.norm is operator_norm else fro(AB)
        return (norm if self.power == 1 else norm**self.power) <= EPSILON

    @property
    def given(self) -> tuple[Given, ...]:
        """The assumptions of App. A.1 as formulas."""
        return SAME_INPUTS, SAME_OUTPUTS, Given(self.relation, self.hypotheses[-1])


def frobenius_norm(m: Array) -> Array:
    """‖M‖_F."""
    return sqrt(frobenius_sq(m))


SPECTRAL = Ball("||AB||_2 <= epsilon", operator_norm)
LITERAL = Ball("||AB||_2^2 <= epsilon", operator_norm, power=2)
FROBENIUS = Ball("||AB||_F <= epsilon", frobenius_norm)


def parallel_outputs(model: tuple[Array, Array, Array]) -> Array:
    """Whether x₁W and x₂W of one model are parallel."""
    x1, x2, w = model
    return parallel(apply(x1, w), apply(x2, w))


def beyond_outputs(i: RelativeSimilarity) -> Array:
    """By how much ε‖x‖ exceeds ‖xW‖, summed over x; rational in the entries."""
    pairs = [(x, apply(x, w)) for x1, x2, w in (i.source, i.target) for x in (x1, x2)]
    return sum(excess(i.epsilon**2 * dot(x, x), dot(y, y)) for x, y in pairs) / 2


BELOW_ONE = Given(EPSILON < 1, Hypothesis("epsilon < 1", lambda i: reached(i.epsilon, 1), exact=True))
REGULAR = Given(
    tree.rank(T).equals(tree.rows(T)),
    Hypothesis("I + AB is regular", lambda i: i.ab.shape[-1] - rank(plus_identity(i.ab)), exact=True),
)
NOT_PARALLEL = Given(
    tree.NOTHING < tree.minimum(SOURCE.sine0, TARGET.sine0),
    Hypothesis("|s0| < 1", lambda i: maximum(*map(parallel_outputs, (i.source, i.target))), exact=True),
)
BELOW_OUTPUTS = Given(
    tree.maximum(*(tree.maximum(*(EPSILON * k for k in model.stretches)) for model in (SOURCE, TARGET))) <= 1,
    Hypothesis("epsilon ||x|| <= ||x W|| for every x", beyond_outputs, exact=True),
)
