"""What any output adapter can do to a similarity: ŷ = xW(I + AB), T = I + AB; a generalised Wielandt inequality."""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import (
    Step,
    agree,
    computed,
    nonnegative,
    simplifies,
    vanishes,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.tree import Term, artanh, cond, ln
from ioadapt_theory.claims.settings.letters import SOURCE, TARGET, Model, T
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    NOT_PARALLEL,
    REGULAR,
    SAME_OUTPUTS,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import FINITE
from ioadapt_theory.claims.statements.prop_2_output.printed import CE2, OUTPUT, SOURCE_TEXT


def shift(m: Model, placement: Placement) -> Term:
    """|artanh sim(ŷ₁, ŷ₂) − artanh s₀| of one model."""
    return abs(artanh(m.adapted_sim(placement)) - artanh(m.s0))


def wielandt() -> Iterator[Step]:
    """(1 + ŝ)/(1 − ŝ) ≤ (M/m)²(1 + s)/(1 − s) for M, m the largest and smallest stretch of T; a generalised Wielandt.

    u, v unit vectors with cosine s, p = ‖uT‖, r = ‖vT‖, c = ⟨uT, vT⟩ = ŝpr. The norms of (u + v)T and (ru − pv)T give
    both halves; no plane, no decomposition.
    """
    sp = sympy()
    p, r = sp.symbols("p r", positive=True)
    c, s = sp.symbols("c s", real=True)
    both = p**2 + r**2 + 2 * c
    yield Step(
        "‖(u + v)T‖² = p² + r² + 2c, at least 2(pr + c): the rest is (p − r)²",
        agree(both - 2 * (p * r + c), (p - r) ** 2),
    )
    yield Step("and it is at most M²‖u + v‖² = 2M²(1 + s), so pr + c ≤ M²(1 + s)", nonnegative((p - r) ** 2))
    image = r**2 * p**2 + p**2 * r**2 - 2 * r * p * c
    yield Step("‖(ru − pv)T‖² = 2pr(pr − c)", agree(image, 2 * p * r * (p * r - c)))
    length = r**2 + p**2 - 2 * p * r * s
    yield Step(
        "it is at least m²‖ru − pv‖², and ‖ru − pv‖² = 2pr(1 − s) + (p − r)²",
        agree(length, 2 * p * r * (1 - s) + (p - r) ** 2),
    )
    hat = c / (p * r)
    yield Step(
        "divided, so pr − c ≥ m²(1 − s): (pr + c)/(pr − c) = (1 + ŝ)/(1 − ŝ)",
        vanishes((p * r + c) / (p * r - c) - (1 + hat) / (1 - hat)),
    )
    yield Step("−v for v: s and ŝ change sign, and artanh is odd", simplifies(sp.atanh(-s) + sp.atanh(s)))


@computed("|artanh ŝ − artanh s₀| ≤ ln cond(T) for every regular T: a generalised Wielandt inequality")
def finite_theorem(claim: Claim) -> Iterator[Step]:
    """Half the logarithm of Wielandt's quotient."""
    sp = sympy()
    yield from wielandt()
    top, bottom, x = sp.symbols("M m x", positive=True)
    s = sp.Symbol("s", real=True)
    derivative = sp.diff(sp.log((1 + s) / (1 - s)) / 2, s)
    yield Step(
        "artanh s = ½ ln((1 + s)/(1 − s)): equal slopes, both 0 at 0", vanishes(derivative - sp.diff(sp.atanh(s), s))
    )
    derived = sp.expand_log(sp.log((top / bottom) ** 2 * x) / 2 - sp.log(x) / 2)
    for goal in claim.goals:
        right = sp.expand_log(symbolic(goal.right, {cond(T): top / bottom}))
        yield Step("½ ln((M/m)²x) − ½ ln x is the right side", simplifies(derived - right), reaches=True)


@computed("equality for every s₀ and cond(T): u, v symmetric about a singular axis of T")
def finite_attained(claim: Claim) -> Iterator[Step]:
    """u, v = (1, ±h), T = diag(k, 1): h becomes h/k, and (1 + s)/(1 − s) = 1/h²."""
    sp = sympy()
    k, h = sp.symbols("k h", positive=True)

    def odds(height: Any) -> Any:
        s = (1 - height**2) / (1 + height**2)
        return sp.simplify((1 + s) / (1 - s))

    growth = sp.log(sp.simplify(odds(h / k) / odds(h))) / 2
    right = symbolic(claim.goals[0].right, {cond(T): k})
    yield Step(
        "½ ln of the quotient of the odds is the right side", simplifies(sp.expand_log(growth - right)), reaches=True
    )


PROP_2_OUTPUT_ARTANH = Claim(
    id="prop-2-output-artanh",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="exact, any adapter",
    amends="prop-2-output",
    given=(SAME_OUTPUTS, NOT_PARALLEL, REGULAR),
    concludes=tuple(shift(m, Placement.OUTPUT) <= ln(cond(T)) for m in (SOURCE, TARGET)),
    expected=Verdict.PROVED,
    remark="a generalised Wielandt inequality: what an output adapter can do to a similarity depends on I + AB alone",
    attained=CE2,
    words=(Word.ATTAINED, Word.SHARP),
    setting=OUTPUT,
    strategies=FINITE,
    proofs=(
        Proof("norms of (u + v)T and (ru − pv)T", finite_theorem),
        Proof("a pair about a singular axis", finite_attained, shows=frozenset([Word.SHARP]), aside=True),
    ),
)
CLAIMS = (PROP_2_OUTPUT_ARTANH,)
