"""How much of its gain an adapter keeps on another model: it follows from its two effects, and needs no labels.

All outputs on a batch are written as one row. On the source g is what is wanted less what the model gives, and the adapter
adds e; on the target g + h is what is wanted less what the model gives, and the adapter adds e'. A gain is the squared
error that goes away.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from ioadapt_theory.claims.expression import algebra
from ioadapt_theory.claims.expression.algebra import root
from ioadapt_theory.claims.language import *

G, H, E, E_TARGET = row("g"), row("h"), row("e"), row("e_target")
C = let("c", sim(E, E_TARGET))
Q = let("q", norm(E_TARGET) / norm(E))
SINE_C = sine(E, E_TARGET, "c")
MISSED = norm(G - E) / norm(E)
"""√(1/x − 1), x the share of ‖g‖² that goes away on the source."""
TUNED = dot(G, E).equals(norm(E) ** 2)
"""The adapter was trained at least in its strength."""


def gain(need: Term, effect: Term) -> Term:
    """The squared error that goes away."""
    return norm(need) ** 2 - norm(need - effect) ** 2


SHARE = gain(G + H, E_TARGET) / gain(G, E)
PREDICTED = 2 * C * Q - Q**2 + 2 * dot(H, E_TARGET) / norm(E) ** 2
RETAINED = abs(SHARE - PREDICTED) <= 2 * Q * SINE_C * MISSED
BEST = gain(E, E_TARGET) / gain(E, E) <= C**2
STRENGTH = dot(E, E_TARGET) / norm(E_TARGET) ** 2
"""c/q."""


@lemma("the part of e' along e, and Cauchy-Schwarz for the rest", RETAINED, TUNED)
def along_and_across(goal: Relation) -> Iterator[Step]:
    """v is e' without its part along e."""
    g, e, there = symbolic(G), symbolic(E), symbolic(E_TARGET)
    size = algebra.dot(e, e)
    tuned = {algebra.dot(g, e): size}
    v = there - algebra.dot(e, there) / size * e
    left = symbolic(opened(goal.left.args[0]))
    yield Step("share − prediction = 2⟨g − e, v⟩/‖e‖², v = e' − (⟨e, e'⟩/‖e‖²)e",
               vanishes((left - 2 * algebra.dot(g - e, v) / size).subs(tuned)))  # fmt: skip
    c, q = symbolic(opened(C)), symbolic(opened(Q))
    yield Step("‖v‖² = q²(1 − c²)‖e‖²", vanishes(algebra.dot(v, v) - q**2 * (1 - c**2) * size))
    x = symbolic(opened(gain(G, E))) / algebra.dot(g, g)
    yield Step("‖g − e‖²/‖e‖² = 1/x − 1, x the share of ‖g‖² that goes away on the source",
               vanishes((algebra.dot(g - e, g - e) / size - (1 / x - 1)).subs(tuned)))  # fmt: skip
    rest, a, ratio, s = sympy().symbols("rest a ratio s", positive=True)
    known = {norm(G - E): rest, norm(E): a, Q: ratio, SINE_C: s}
    yield reached(goal, 2 * rest * (ratio * s * a) / a**2, known)


@lemma("a square", BEST)
def a_square(goal: Relation) -> Iterator[Step]:
    """c² − (2cq − q²) = (c − q)²."""
    c, q = symbolic(opened(C)), symbolic(opened(Q))
    left = symbolic(opened(goal.left))
    yield Step("the share is 2cq − q²", vanishes(left - (2 * c * q - q**2)))
    x, y = sympy().symbols("c q", real=True)
    yield Step("c² − (2cq − q²) ≥ 0", nonnegative(sympy().factor(x**2 - (2 * x * y - y**2))))
    yield reached(goal, x**2, {C: x})


def across(c: Fraction, q: Fraction, missed: Fraction) -> Mapping[str, Any]:
    """What is missed on the source points along what of e' is across e: g = e + (‖g − e‖/‖e‖)v."""
    s = root(1 - c**2)
    return {"g": [1, missed], "h": [0, 0], "e": [1, 0], "e_target": [q * c, q * s]}


BATCH = matrices("a batch", {"g": "k", "h": "k", "e": "k", "e_target": "k"}, {"k": 4})


def tuned(raw: Mapping[str, Any]) -> Any:
    """Project g so that the strength of e is the best one."""
    g, e = raw["g"], raw["e"]
    along = ((e * (e - g)).sum(-1) / (e * e).sum(-1))[..., None] * e
    return BATCH.parametrise({**raw, "g": g + along})


CLAIMS = (
    Claim(
        id="effect-retained",
        source=BEYOND,
        reading="squared error, any two models, whatever the adapter",
        given=(TUNED,),
        concludes=(RETAINED,),
        proofs=(
            by_lemma(along_and_across, RETAINED),
            Attained(
                "what is missed lies across", across, {
                    sim(E, E_TARGET): (Fraction(-3, 5), Fraction(0), Fraction(12, 13)),
                    norm(E_TARGET) / norm(E): (Fraction(1, 2), Fraction(3)),
                    MISSED: (Fraction(1, 4), Fraction(2)),
                },
            ),
        ),
        expected=PROVED,
        remark="the retained share is R = 2cq − q² up to this, and R < 0 iff q > 2c: an overshoot of more than twice the "
        "cosine harms; h = 0 if the same change is wanted on both models; ‖g − e‖/‖e‖ = √(1/x − 1), where x is the share "
        "that the adapter explains on the source",
        words=(SHARP,),
        setting=BATCH.parametrised(tuned),
        strategies=SEARCHES,
    ),
    Claim(
        id="effect-best-strength",
        source=BEYOND,
        reading="the same change is wanted (h = 0), and the adapter makes it (g = e)",
        amends="effect-retained",
        concludes=(BEST, (gain(E, STRENGTH * E_TARGET) / gain(E, E)).equals(C**2)),
        proofs=(
            Derived("a square, which is 0 at the strength c/q", (
                *by_lemma(a_square, BEST).deductions,
                Deduction(gain(E, STRENGTH * E_TARGET) / gain(E, E), (Link("expand", C**2),)),
            )),
        ),
        expected=PROVED,
        remark="the bound is for every e', so for every strength of it; c/q is the best one, and keeps c²",
        setting=BATCH,
        strategies=(RandomInstances(),),
    ),
)  # fmt: skip
