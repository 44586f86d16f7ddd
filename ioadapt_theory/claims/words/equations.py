"""Eqs. 2 and 3, and what Eqs. 4a-4c say of LoRA: the same maps, written in other ways."""

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import chained
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.searches import RandomInstances
from ioadapt_theory.claims.expression.deduction import Link
from ioadapt_theory.claims.expression.tree import EYE, Term, matrix
from ioadapt_theory.claims.settings.matrices import matrices

X, W, A, B = matrix("x"), matrix("w"), matrix("a"), matrix("b")
SIZES = {"n": 2, "c": 3, "d": 4, "r": 2}


def phi(m: Term) -> Term:
    """LoRA as an adaptation function, Φ(M) = M + AB."""
    return m + A @ B


def claim(name: str, source: str, reading: str, left: Term, right: Term, axes: tuple[str, str]) -> Claim:
    """Left = right, by multiplying out."""
    return Claim(
        id=name,
        source=source,
        origin=Origin.PRINTED,
        reading=reading,
        concludes=(left.equals(right),),
        expected=Verdict.PROVED,
        remark="the distributive law",
        setting=matrices(source, {"X": "n c", "W": "c d", "A": axes[0], "B": axes[1]}, SIZES),
        strategies=(RandomInstances(),),
        proofs=(Proof("multiply out", chained(left, Link("multiply out", right))),),
    )


CLAIMS = (
    claim("eq-2-3-input", "Eqs. 2 and 3", "input", (X + X @ A @ B) @ W, X @ (EYE + A @ B) @ W, ("c r", "r c")),
    claim("eq-2-3-output", "Eqs. 2 and 3", "output", X @ W + X @ W @ A @ B, X @ W @ (EYE + A @ B), ("d r", "r d")),
    claim("eq-4a", "Eqs. 4a and 1", "LoRA on the weight", X @ phi(W), X @ W + X @ A @ B, ("c r", "r d")),
    claim("eq-4b", "Eqs. 4b and 2", "LoRA on the input", X @ phi(EYE) @ W, (X + X @ A @ B) @ W, ("c r", "r c")),
    claim("eq-4c", "Eqs. 4c and 2", "LoRA on the output", X @ W @ phi(EYE), X @ W + X @ W @ A @ B, ("d r", "r d")),
)
