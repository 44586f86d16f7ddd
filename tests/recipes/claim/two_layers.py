"""An example of a claim: statement, proof, and what is said of it, in one file."""

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import chained
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.searches import GradientAscent, RandomInstances
from ioadapt_theory.claims.expression.deduction import OPERATOR, Link
from ioadapt_theory.claims.expression.tree import matrix, norm, row, spectral
from ioadapt_theory.claims.settings.matrices import matrices

X, V, W = row("x"), matrix("v"), matrix("w")
STATEMENT = norm(X @ V @ W) <= norm(X) * spectral(V) * spectral(W)

CLAIMS = (
    Claim(
        id="two-layers",
        source="beyond the paper",
        origin=Origin.OURS,
        concludes=(STATEMENT,),
        expected=Verdict.PROVED,
        remark="two layers stretch by no more than the product of what each of them does",
        setting=matrices("two layers", {"x": "c", "V": "c h", "W": "h d"}, {"c": 3, "h": 4, "d": 5}),
        strategies=(RandomInstances(), GradientAscent()),
        proofs=(
            Proof(
                "layer by layer",
                chained(STATEMENT.left, Link("‖uM‖ ≤ ‖u‖‖M‖₂, twice", STATEMENT.right, (OPERATOR,))),
            ),
        ),
    ),
)
