"""Eq. 5 (Section 5.2): turning a LoRA into an output adapter by the pseudoinverse of W."""

from ioadapt_theory.claims.claim import Claim, Proof
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.proofs import reachable
from ioadapt_theory.claims.proofs.argument import together

SOURCE = "Eq. 5 (Section 5.2)"

EQ_5 = Claim(
    id="eq-5",
    source=SOURCE,
    statement="X(W + AB) = XW(I + W⁺AB), as WW⁺ = I, for every layer W",
    expected=Verdict.REFUTED,
    remark="WW⁺ = I needs rank W = c ≤ d; W = [1 0; 0 1; 1 1], AB = e₃(1, 2) leaves ‖residual‖² = 5/3 of ‖AB‖² = 5",
    strategies=(Proof("c = 3 > d = 2, and a singular square W", reachable.conversion_fails, refutes=True),),
)
EQ_5_ROW_RANK = Claim(
    id="eq-5-row-rank",
    source=SOURCE,
    reading="for rank W = c",
    amends="eq-5",
    statement="X(W + AB) = XW(I + W⁺AB) iff (I − WW⁺)AB = 0; for every AB iff rank W = c",
    expected=Verdict.PROVED,
    remark="‖W⁺AB‖₂ ≤ ‖AB‖₂/σ_min(W), attained: a badly conditioned W makes the converted adapter large",
    strategies=(Proof("the residual is (I - WW⁺)AB", together(reachable.conversion, reachable.conversion_size)),),
)
EQ_5_COLUMN_RANK = Claim(
    id="eq-5-column-rank",
    source=SOURCE,
    reading="for rank W = d",
    amends="eq-5",
    statement="X(W + AB) = X(I + ABW⁺)W if rank W = d",
    expected=Verdict.PROVED,
    remark="the input form is the one that is exact for c > d",
    strategies=(Proof("W⁺W = I", reachable.conversion_to_input),),
)
EQ_5_RANK = Claim(
    id="eq-5-rank",
    source=SOURCE,
    reading="rank",
    statement="rank(W⁺AB) ≤ r, so A'B' = W⁺AB with A' of r columns",
    expected=Verdict.PROVED,
    remark="A' = W⁺A and B' = B; no singular value decomposition is needed",
    strategies=(Proof("W⁺(AB) = (W⁺A)B", reachable.conversion_rank),),
)
