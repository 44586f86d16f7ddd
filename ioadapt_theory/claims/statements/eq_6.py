"""Eq. 6 (Section 5.2): LoRA and an input or output adapter on one layer."""

from collections.abc import Iterator

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import Chained, Step, chained, computed, resting_on, words
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.searches import RandomInstances
from ioadapt_theory.claims.expression.algebra import sympy
from ioadapt_theory.claims.expression.deduction import RANK_SUM, ROWS, THROUGH, Link
from ioadapt_theory.claims.expression.tree import EYE, Term, matrix, rank, rows
from ioadapt_theory.claims.settings.matrices import matrices

SOURCE = "Eq. 6 (Section 5.2)"
W, W_TARGET, A1, B1, A2, B2 = (matrix(name) for name in ("w", "w_target", "a1", "b1", "a2", "b2"))
SIZES = {"c": 5, "d": 6, "r": 2, "s": 1}
INPUT = matrices("Eq. 6, input", {"W": "c d", "A1": "c r", "B1": "r c", "A2": "c s", "B2": "s d"}, SIZES)
EXCHANGED = matrices(
    "Eq. 6, input", {"W": "c d", "W_target": "c d", "A1": "c r", "B1": "r c", "A2": "c s", "B2": "s d"}, SIZES
)
OUTPUT = matrices("Eq. 6, output", {"W": "c d", "A1": "d r", "B1": "r d", "A2": "c s", "B2": "s d"}, SIZES)


def input_update(w: Term) -> Term:
    """What the input form adds to W."""
    return (EYE + A1 @ B1) @ w + A2 @ B2 - w


def output_update(w: Term) -> Term:
    """What the output form adds to W."""
    return w @ (EYE + A1 @ B1) + A2 @ B2 - w


def by_factors(update: Term, first: Term) -> Chained:
    """The update is a product through r₁ columns plus one through r₂."""
    return chained(
        rank(update),
        Link("multiply out", rank(first @ (B1 @ W if first == A1 else B1) + A2 @ B2)),
        Link("rank of a sum", rank(first @ (B1 @ W if first == A1 else B1)) + rank(A2 @ B2), (RANK_SUM,)),
        Link("B₁W has as many rows as B₁", rows(B1) + rows(B2), (THROUGH, ROWS)),
    )


@computed(
    "W invertible: every sum M₁ + M₂ of ranks r₁ and r₂ is reached, by A₁B₁ = M₁W⁻¹ or W⁻¹M₁ and A₂B₂ = M₂", prose=True
)
def reached_all(claim: Claim) -> Iterator[Step]:
    """Insert them."""
    w, p, m1, m2 = sympy().symbols("W P M1 M2", commutative=False)
    yield Step("input: (I + M₁W⁻¹)W + M₂ = W + M₁ + M₂", words((1 + m1 * p) * w + m2, w + m1 + m2, ones=(p * w,)))
    yield Step("output: W(I + W⁻¹M₁) + M₂ = W + M₁ + M₂", words(w * (1 + p * m1) + m2, w + m1 + m2, ones=(w * p,)))


SHIFT = A1 @ B1 @ (W_TARGET - W)
EQ_6 = Claim(
    id="eq-6",
    source=SOURCE,
    origin=Origin.READING,
    reading='"complementary", on one model',
    prose="X((I + A₁B₁)W + A₂B₂) and X(W(I + A₁B₁) + A₂B₂) reach updates that LoRA of rank r₁ + r₂ does not",
    expected=Verdict.REFUTED,
    remark="on one W every such update is a LoRA of rank r₁ + r₂; they differ when W is exchanged (eq-6-exchanged)",
    proofs=(Proof("rank of the update", resting_on("eq-6-rank-input", "eq-6-rank-output"), refutes=True),),
)
EQ_6_RANK_INPUT = Claim(
    id="eq-6-rank-input",
    source=SOURCE,
    origin=Origin.OURS,
    reading="input form, on one model",
    amends="eq-6",
    concludes=(rank(input_update(W)) <= rows(B1) + rows(B2),),
    expected=Verdict.PROVED,
    remark="so it is a LoRA of rank r₁ + r₂",
    setting=INPUT,
    strategies=(RandomInstances(),),
    proofs=(Proof("stack A₁, A₂ and B₁W, B₂", by_factors(input_update(W), A1)),),
)
EQ_6_RANK_OUTPUT = Claim(
    id="eq-6-rank-output",
    source=SOURCE,
    origin=Origin.OURS,
    reading="output form, on one model",
    amends="eq-6",
    concludes=(rank(output_update(W)) <= rows(B1) + rows(B2),),
    expected=Verdict.PROVED,
    remark="so it is a LoRA of rank r₁ + r₂",
    setting=OUTPUT,
    strategies=(RandomInstances(),),
    proofs=(Proof("stack WA₁, A₂ and B₁, B₂", by_factors(output_update(W), W @ A1)),),
)
EQ_6_SAME_SET = Claim(
    id="eq-6-same-set",
    source=SOURCE,
    origin=Origin.OURS,
    reading="on one model, invertible W",
    amends="eq-6",
    prose="for invertible W, Eq. 6 with ranks r₁, r₂ reaches exactly the updates of rank ≤ r₁ + r₂",
    expected=Verdict.PROVED,
    remark="for other W the adapters alone reach fewer; A₂B₂ makes up for at most r₂ dimensions of that",
    words=(Word.CONVERSE,),
    proofs=(
        Proof("no others: the rank of the update", resting_on("eq-6-rank-input", "eq-6-rank-output")),
        Proof("all of them: M₁W⁻¹ and W⁻¹M₁", reached_all, shows=frozenset([Word.CONVERSE]), aside=True),
    ),
)
EQ_6_EXCHANGED = Claim(
    id="eq-6-exchanged",
    source=SOURCE,
    origin=Origin.READING,
    reading='"complementary", when W is exchanged for W\'',
    concludes=((input_update(W_TARGET) - input_update(W)).equals(SHIFT),),
    expected=Verdict.PROVED,
    remark="the update itself changes with the base, which no LoRA does: in this sense the two are complementary",
    setting=EXCHANGED,
    strategies=(RandomInstances(),),
    proofs=(Proof("multiply out", chained(input_update(W_TARGET) - input_update(W), Link("multiply out", SHIFT))),),
)
CLAIMS = (EQ_6, EQ_6_RANK_INPUT, EQ_6_RANK_OUTPUT, EQ_6_SAME_SET, EQ_6_EXCHANGED)
