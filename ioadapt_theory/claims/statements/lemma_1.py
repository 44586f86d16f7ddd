"""Lemma 1 (App. A.1): first-order expansion of the cosine similarity, its norm bound (Eq. 8) and its remainder."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import (
    Array,
    angle,
    arcsin,
    cosine,
    dot,
    excess,
    minimum,
    norm,
    number,
    scaled,
    sine,
)
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Hypothesis, Inequality
from ioadapt_theory.claims.evidence.orders import OrderFit
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, Replay
from ioadapt_theory.claims.settings.increments import INCREMENTS, Increments, first_order, parametrise, remainder

SOURCE = "Lemma 1 (App. A.1)"
SEARCHES = (Replay(), RandomInstances(), GradientAscent())


def relative_size(i: Increments) -> Array:
    """‖Δu‖/‖u‖ + ‖Δv‖/‖v‖."""
    return norm(i.du) / norm(i.u) + norm(i.dv) / norm(i.v)


def delta(i: Increments) -> Array:
    """|δ|, with δ of Eq. 7."""
    return abs(first_order(i.u, i.v, i.du, i.dv))


def rhs(i: Increments) -> Array:
    """(1 + |s|)(‖Δu‖/‖u‖ + ‖Δv‖/‖v‖), Eq. 8."""
    return (1 + abs(cosine(i.u, i.v))) * relative_size(i)


def rhs_sharp(i: Increments) -> Array:
    """√(1 − s²)(‖Δu‖/‖u‖ + ‖Δv‖/‖v‖)."""
    return sine(i.u, i.v) * relative_size(i)


def rhs_remainder(i: Increments) -> Array:
    """(3 + |s|)(‖Δu‖²/‖u‖² + ‖Δv‖²/‖v‖²)."""
    return (3 + abs(cosine(i.u, i.v))) * ((norm(i.du) / norm(i.u)) ** 2 + (norm(i.dv) / norm(i.v)) ** 2)


def turn(i: Increments) -> Array:
    """|θ̂ − θ|, θ = arccos s."""
    return abs(angle(i.u + i.du, i.v + i.dv) - angle(i.u, i.v))


def rhs_angle(i: Increments) -> Array:
    """Sum of arcsines, arcsin ‖Δu‖/‖u‖ + arcsin ‖Δv‖/‖v‖."""
    one = number(1, norm(i.u))  # which a quotient of equal lengths may exceed by rounding
    return arcsin(minimum(norm(i.du) / norm(i.u), one)) + arcsin(minimum(norm(i.dv) / norm(i.v), one))


def shorter_increments(raw: Mapping[str, Tensor]) -> Increments:
    """‖Δu‖ < ‖u‖ and ‖Δv‖ < ‖v‖, by the factor σ(‖Δ‖ − 1)."""
    scaled_to = {
        key: scaled(torch.sigmoid(norm(raw[key]) - 1) * norm(raw[vector]) / norm(raw[key]), raw[key])
        for key, vector in (("du", "u"), ("dv", "v"))
    }
    return parametrise({**raw, **scaled_to})


SHORTER = (
    Hypothesis("||du|| <= ||u||", lambda i: excess(dot(i.du, i.du), dot(i.u, i.u)) / 2, exact=True),
    Hypothesis("||dv|| <= ||v||", lambda i: excess(dot(i.dv, i.dv), dot(i.v, i.v)) / 2, exact=True),
)

LEMMA_1_EXPANSION = Claim(
    id="lemma-1-expansion",
    source="Lemma 1, Eq. 7 (App. A.1)",
    statement="s(u + Δu, v + Δv) = s(u, v) + δ + R with δ of Eq. 7 and R = O(‖Δu‖² + ‖Δv‖²)",
    expected=Verdict.PROVED,
    remark="no segment condition is needed: |R| ≤ (3 + |s|)(‖Δu‖²/‖u‖² + ‖Δv‖²/‖v‖²) everywhere",
    strategies=(OrderFit(remainder, INCREMENTS, ("du", "dv"), order=2.0),),
)
LEMMA_1 = Claim(
    id="lemma-1",
    source="Lemma 1, Eq. 8 (App. A.1)",
    statement="|δ| ≤ (1 + |s|)(‖Δu‖/‖u‖ + ‖Δv‖/‖v‖)",
    expected=Verdict.PROVED,
    remark="tight only at s = 0; too large by √((1 + |s|)/(1 − |s|)) → ∞ as |s| → 1",
    attained=("lemma-1",),
    inequality=Inequality(setting=INCREMENTS, lhs=delta, rhs=rhs),
    strategies=SEARCHES,
)
LEMMA_1_SHARP = Claim(
    id="lemma-1-sharp",
    source=SOURCE,
    reading="sharp",
    amends="lemma-1",
    statement="|δ| ≤ √(1 − s²)(‖Δu‖/‖u‖ + ‖Δv‖/‖v‖)",
    expected=Verdict.PROVED,
    remark="attained for every s by Δu ∝ v̂ − sû, Δv ∝ û − sv̂",
    attained=("lemma-1-sharp",),
    inequality=Inequality(setting=INCREMENTS, lhs=delta, rhs=rhs_sharp),
    strategies=SEARCHES,
)
LEMMA_1_REMAINDER = Claim(
    id="lemma-1-remainder",
    source=SOURCE,
    reading="with a constant",
    amends="lemma-1-expansion",
    statement="|R| ≤ (3 + |s|)(‖Δu‖²/‖u‖² + ‖Δv‖²/‖v‖²) for all increments",
    expected=Verdict.PROVED,
    remark="no minimum norm along the segment enters, unlike A_min in the proof of Prop. 1",
    inequality=Inequality(setting=INCREMENTS, lhs=lambda i: abs(remainder(i)), rhs=rhs_remainder),
    strategies=SEARCHES,
)
LEMMA_1_ANGLE = Claim(
    id="lemma-1-angle",
    source=SOURCE,
    reading="finite",
    amends="lemma-1",
    statement="|arccos ŝ − arccos s| ≤ arcsin ‖Δu‖/‖u‖ + arcsin ‖Δv‖/‖v‖",
    expected=Verdict.PROVED,
    remark="the same without a remainder, for increments not longer than their vectors",
    attained=("lemma-1-angle",),
    inequality=Inequality(
        setting=INCREMENTS.parametrised(shorter_increments), lhs=turn, rhs=rhs_angle, hypotheses=SHORTER
    ),
    strategies=SEARCHES,
)
