"""Eq. 6 (Section 5.2): LoRA and an input or output adapter on one layer."""

from ioadapt_theory.claims.claim import Claim, Proof
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.proofs import reachable

SOURCE = "Eq. 6 (Section 5.2)"
_ARGUMENT = "stack A₁, A₂ and B₁W, B₂"

EQ_6 = Claim(
    id="eq-6",
    source=SOURCE,
    statement="X((I + A₁B₁)W + A₂B₂) and X(W(I + A₁B₁) + A₂B₂) reach updates that LoRA of rank r₁ + r₂ does not",
    reading='"complementary", on one model',
    expected=Verdict.REFUTED,
    remark="on one W every such update is a LoRA of rank r₁ + r₂; the two differ only when W is exchanged",
    strategies=(Proof(_ARGUMENT, reachable.combination, refutes=True),),
)
EQ_6_SAME_SET = Claim(
    id="eq-6-same-set",
    source=SOURCE,
    reading="on one model",
    amends="eq-6",
    statement="for invertible W, Eq. 6 with ranks r₁, r₂ reaches exactly the updates of rank ≤ r₁ + r₂",
    expected=Verdict.PROVED,
    remark="for other W the adapters alone reach fewer; A₂B₂ makes up for at most r₂ dimensions of that",
    strategies=(Proof(_ARGUMENT, reachable.combination),),
)
