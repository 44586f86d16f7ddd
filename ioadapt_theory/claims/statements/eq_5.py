"""Eq. 5 (Section 5.2): turning a LoRA into an output adapter by the pseudoinverse of W."""

from collections.abc import Iterator

from ioadapt_theory.claims.arithmetic import rank as rank_of
from ioadapt_theory.claims.claim import Claim, Given, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import Step, chained, computed, contradicted, found, words
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Hypothesis
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances, Replay
from ioadapt_theory.claims.expression.algebra import sympy
from ioadapt_theory.claims.expression.deduction import PSEUDOINVERSE, SPECTRAL_PRODUCT, THROUGH, Link
from ioadapt_theory.claims.expression.tree import EYE, matrix, pinv, rank, rows, sigma, spectral
from ioadapt_theory.claims.settings.letters import AB
from ioadapt_theory.claims.settings.matrices import matrices

SOURCE = "Eq. 5 (Section 5.2)"
X, W, A, B = matrix("x"), matrix("w"), matrix("a"), matrix("b")
LORA, OUTPUT, INPUT = X @ (W + AB), X @ W @ (EYE + pinv(W) @ AB), X @ (EYE + AB @ pinv(W)) @ W
WIDE = matrices("Eq. 5", {"X": "n c", "W": "c d", "AB": "c d"}, {"n": 2, "c": 3, "d": 4})
TALL = matrices("Eq. 5", {"X": "n c", "W": "c d", "AB": "c d"}, {"n": 2, "c": 4, "d": 3})
FACTORS = matrices("Eq. 5", {"W": "c d", "A": "c r", "B": "r d"}, {"c": 4, "d": 5, "r": 2})
ROW_RANK = Given((W @ pinv(W)).equals(EYE), Hypothesis("W W+ = I", lambda i: i.w.shape[-2] - rank_of(i.w), exact=True))
COLUMN_RANK = Given(
    (pinv(W) @ W).equals(EYE), Hypothesis("W+ W = I", lambda i: i.w.shape[-1] - rank_of(i.w), exact=True)
)
SEARCHES = (Replay(), RandomInstances())


@computed("if rank W < c then Eq. 5 fails for AB = (I − WW⁺)M, which is not 0 for every M", prose=True)
def only_if(claim: Claim) -> Iterator[Step]:
    """I − WW⁺ is a projection, of trace c − rank W."""
    sp = sympy()
    w, p, m = sp.symbols("W P M", commutative=False)
    residual = (1 - w * p) * (1 - w * p) * m
    twice = sp.expand(residual).subs(w * p * w, w)
    yield Step(
        "WPW = W: (I − WP)(I − WP)M = (I − WP)M, so the residual is AB itself", words(sp.expand(twice), (1 - w * p) * m)
    )
    square = sp.Matrix([[1, 1], [1, 1]])
    projection = sp.eye(2) - square * square.pinv()
    yield Step("c = d = 2, rank 1: trace(I − WW⁺) = c − rank W = 1", found(projection.trace(), 2 - square.rank()))
    wide = sp.Matrix([[1, 0, 1], [0, 1, 2]])
    yield Step("c = 2, rank 2: WW⁺ = I", found(wide * wide.pinv(), sp.eye(2)))


def residual() -> tuple[str, str]:
    """‖residual‖² and ‖AB‖² of the shipped instance, computed."""
    import numpy as np

    from ioadapt_theory.claims.instances import witness

    raw = witness("eq-5-tall")
    w, ab = (np.array(raw[key], dtype=float) for key in ("W", "AB"))
    left = ab - w @ np.linalg.pinv(w) @ ab
    from fractions import Fraction

    return tuple(str(Fraction(float((m * m).sum())).limit_denominator(1000)) for m in (left, ab))  # type: ignore[return-value]


def scope_remark() -> str:
    """What is lost, in numbers."""
    lost, all_ = residual()
    left = f"leaves ‖residual‖² = {lost} of ‖AB‖² = {all_}"
    return f"WW⁺ = I needs rank W = c ≤ d; W = [1 0; 0 1; 1 1], AB = e₃(1, 2) {left}"


EQ_5 = Claim(
    id="eq-5",
    source=SOURCE,
    origin=Origin.PRINTED,
    given=(ROW_RANK,),
    concludes=(LORA.equals(OUTPUT),),
    expected=Verdict.PROVED,
    remark="conditional as printed, and true; which layers satisfy WW⁺ = I is eq-5-scope",
    setting=WIDE,
    strategies=SEARCHES,
    proofs=(Proof("WW⁺ = I", chained(LORA, Link("WW⁺ = I", OUTPUT, (ROW_RANK.relation,)))),),
)
EQ_5_SCOPE = Claim(
    id="eq-5-scope",
    source=SOURCE,
    origin=Origin.READING,
    reading='for every layer W ("a vanilla LoRA in Eq. 1 satisfies")',
    concludes=EQ_5.concludes,
    expected=Verdict.REFUTED,
    remark=scope_remark,
    witnesses=("eq-5-tall", "eq-5-singular"),
    setting=TALL,
    strategies=(RandomInstances(),),
    proofs=contradicted("eq-5-tall", "eq-5-singular"),
)
EQ_5_ROW_RANK = Claim(
    id="eq-5-row-rank",
    source=SOURCE,
    origin=Origin.OURS,
    reading="what is lost",
    amends="eq-5",
    concludes=((LORA - OUTPUT).equals(X @ (EYE - W @ pinv(W)) @ AB),),
    prose="so Eq. 5 holds for this AB iff (I − WW⁺)AB = 0, and for every AB iff rank W = c",
    expected=Verdict.PROVED,
    remark="what survives is the part of AB in the column space of W",
    words=(Word.CONVERSE,),
    setting=TALL,
    strategies=SEARCHES,
    proofs=(
        Proof("expand", chained(LORA - OUTPUT, Link("expand", X @ (EYE - W @ pinv(W)) @ AB))),
        Proof("AB = (I − WW⁺)M", only_if, shows=frozenset([Word.CONVERSE]), aside=True),
    ),
)
EQ_5_COLUMN_RANK = Claim(
    id="eq-5-column-rank",
    source=SOURCE,
    origin=Origin.OURS,
    reading="for rank W = d, the input form",
    amends="eq-5",
    given=(COLUMN_RANK,),
    concludes=(LORA.equals(INPUT),),
    expected=Verdict.PROVED,
    remark="the input form is the one that is exact for c > d",
    setting=TALL,
    strategies=SEARCHES,
    proofs=(Proof("W⁺W = I", chained(LORA, Link("W⁺W = I", INPUT, (COLUMN_RANK.relation,)))),),
)
EQ_5_RANK = Claim(
    id="eq-5-rank",
    source=SOURCE,
    origin=Origin.PRINTED,
    reading="rank",
    concludes=(rank(pinv(W) @ (A @ B)) <= rows(B),),
    prose="so A'B' = W⁺AB with A' of r columns",
    expected=Verdict.PROVED,
    remark="A' = W⁺A and B' = B; no singular value decomposition is needed",
    setting=FACTORS,
    strategies=SEARCHES,
    proofs=(
        Proof(
            "W⁺(AB) = (W⁺A)B",
            chained(
                rank(pinv(W) @ (A @ B)),
                Link("W⁺(AB) = (W⁺A)B", rank((pinv(W) @ A) @ B)),
                Link("a product through r columns", rows(B), (THROUGH,)),
            ),
        ),
    ),
)
EQ_5_SIZE = Claim(
    id="eq-5-size",
    source=SOURCE,
    origin=Origin.OURS,
    reading="size",
    given=(ROW_RANK,),
    concludes=(spectral(pinv(W) @ AB) <= spectral(AB) / sigma(W, 1),),
    expected=Verdict.PROVED,
    remark="a badly conditioned W makes the converted adapter large; a possible reason for Fig. 6, not tested here",
    attained=("eq-5-size",),
    words=(Word.ATTAINED,),
    setting=WIDE,
    strategies=(*SEARCHES, GradientAscent()),
    proofs=(
        Proof(
            "‖W⁺‖₂ = 1/σ_min",
            chained(
                spectral(pinv(W) @ AB),
                Link("‖MN‖₂ ≤ ‖M‖₂‖N‖₂", spectral(pinv(W)) * spectral(AB), (SPECTRAL_PRODUCT,)),
                Link("‖W⁺‖₂ = 1/σ_min(W)", 1 / sigma(W, 1) * spectral(AB), (PSEUDOINVERSE,)),
                Link("collect", spectral(AB) / sigma(W, 1)),
            ),
        ),
    ),
)
CLAIMS = (EQ_5, EQ_5_SCOPE, EQ_5_ROW_RANK, EQ_5_COLUMN_RANK, EQ_5_RANK, EQ_5_SIZE)
