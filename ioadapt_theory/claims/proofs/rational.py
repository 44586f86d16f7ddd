"""Instances in exact arithmetic: both sides of Propositions 1-5 and the hypotheses, from an instance file's content.

Written apart from the formulas that searches and 50-digit replays use, so that a slip in either shows as a difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ioadapt_theory.claims.proofs.argument import sympy

Matrix = Any
Number = Any


def matrices(instance: Mapping[str, Any]) -> dict[str, Matrix]:
    """Every letter of an instance file as a matrix of rationals; vectors are rows, scalars 1 x 1."""
    sp = sympy()

    def exact(value: Any, depth: int) -> Any:
        return sp.Rational(str(value)) if depth == 0 else [exact(v, depth - 1) for v in value]

    found = {}
    for letter, value in instance.items():
        if letter != "comment":
            depth = 0 if not isinstance(value, list) else 2 if isinstance(value[0], list) else 1
            found[letter] = sp.Matrix(exact([value] if depth == 1 else [[value]] if depth == 0 else value, 2))
    return found


def cosine(u: Matrix, v: Matrix) -> Number:
    """Cosine of two row vectors, a rational or a surd."""
    return sympy().nsimplify((u * v.T)[0] / sympy().sqrt((u * u.T)[0] * (v * v.T)[0]))


def fits(m: Matrix, square: Number) -> bool:
    """Whether ‖M‖₂² <= square: square·I - MᵀM is positive semidefinite."""
    sp = sympy()
    return bool((square * sp.eye(m.cols) - m.T * m).is_positive_semidefinite)


@dataclass(frozen=True, slots=True)
class Pair:
    """What one model of setting A.1 does to its two vectors: cosines before, after, and the slope at AB = 0."""

    inputs: Number
    before: Number
    after: Number
    slope: Number


def pair(x1: Matrix, x2: Matrix, w: Matrix, ab: Matrix, placement: str) -> Pair:
    """Adapt one model; the slope is the derivative of the cosine along tAB, exactly."""
    sp = sympy()
    t = sp.Symbol("t", real=True)
    effective = {
        "lora": lambda: w + t * ab,
        "input": lambda: (sp.eye(w.rows) + t * ab) * w,
        "output": lambda: w * (sp.eye(w.cols) + t * ab),
    }[placement]()
    u, v = x1 * effective, x2 * effective
    along = (u * v.T)[0] / sp.sqrt(sp.expand((u * u.T)[0] * (v * v.T)[0]))
    slope = sp.diff(along, t).subs(t, 0)
    return Pair(cosine(x1, x2), cosine(x1 * w, x2 * w), sp.simplify(along.subs(t, 1)), sp.simplify(slope))


@dataclass(frozen=True, slots=True)
class SimilarityDistance:
    """Propositions 1 and 2 on an instance of setting A.1; the printed terms are without O(ε²)."""

    source: Pair
    target: Pair
    epsilon: Number
    printed: Mapping[str, Number]
    hypotheses: Mapping[str, bool]

    @property
    def distance(self) -> Number:
        """|sim(ŷ₁, ŷ₂) - sim(ŷ₁', ŷ₂')|."""
        return abs(self.source.after - self.target.after)

    @property
    def first_order(self) -> Number:
        """Limit of the distance over t as AB is replaced by tAB."""
        return abs(self.source.slope - self.target.slope)


def similarity_distance(instance: Mapping[str, Any], placement: str) -> SimilarityDistance:
    """Evaluate an instance of setting A.1."""
    sp = sympy()
    m = matrices(instance)
    source = pair(m["x1"], m["x2"], m["W"], m["AB"], placement)
    target = pair(m["x1_target"], m["x2_target"], m["W_target"], m["AB"], placement)
    eps, s0 = m["epsilon"][0], source.before

    def stretch(x: str, over: str, w: str) -> Number:
        return sp.sqrt((m[x] * m[x].T)[0] / (m[over] * m[w] * (m[over] * m[w]).T)[0])

    ends = [stretch("x1_target", "x1_target", "W_target"), stretch("x2_target", "x2_target", "W_target")]
    sums = {
        "prop-1": stretch("x1", "x1", "W") + stretch("x2", "x2", "W") + sum(ends),
        "prop-1-main": stretch("x1", "x1", "W") + stretch("x2_target", "x2", "W") + sum(ends),
        "prop-2": sp.Integer(4),
    }
    return SimilarityDistance(
        source,
        target,
        eps,
        {name: sp.simplify((1 + s0) * eps * total) for name, total in sums.items()},
        {
            "sim(x1, x2) = sim(x1', x2')": bool(sp.simplify(source.inputs - target.inputs) == 0),
            "sim(y1, y2) = sim(y1', y2')": bool(sp.simplify(source.before - target.before) == 0),
            "||AB||_2 <= epsilon": fits(m["AB"], eps**2),
            "||AB||_2^2 <= epsilon": fits(m["AB"], eps),
            "||AB||_F <= epsilon": bool((m["AB"].T * m["AB"]).trace() <= eps**2),
        },
    )


def discrepancies(instance: Mapping[str, Any]) -> dict[str, Number]:
    """‖source - target‖_F² σ² of setting A.2 for no adapter, LoRA, input and output, where AB fits."""
    sp = sympy()
    m = matrices(instance)
    ab, sigma_sq = m["AB"], m["sigma"][0] ** 2
    w1, w2, v1, v2 = m["W1"], m["W2"], m["W1_target"], m["W2_target"]
    found = {"none": w1 * w2 - v1 * v2}
    if ab.shape == w1.shape == v1.shape:
        found["lora"] = (w1 + ab) * w2 - (v1 + ab) * v2
    if ab.shape == (w1.rows, w1.rows):
        found["input"] = (sp.eye(w1.rows) + ab) * w1 * w2 - (sp.eye(w1.rows) + ab) * v1 * v2
    if ab.shape == (w2.cols, w2.cols):
        found["output"] = w1 * w2 * (sp.eye(w2.cols) + ab) - v1 * v2 * (sp.eye(w2.cols) + ab)
    return {name: sigma_sq * sum(e**2 for e in matrix) for name, matrix in found.items()}
