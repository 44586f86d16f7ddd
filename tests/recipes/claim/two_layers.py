"""An example of a claim: statement, proof, and what is said of it, in one file."""

from ioadapt_theory.claims.language import *

FIRST, SECOND, ROW = matrix("v"), matrix("w"), row("x")
STATEMENT = norm(ROW @ FIRST @ SECOND) <= norm(ROW) * spectral(FIRST) * spectral(SECOND)

CLAIMS = (
    Claim(
        id="two-layers",
        source="beyond the paper",
        concludes=(STATEMENT,),
        proofs=(derived("layer by layer", STATEMENT.left, Link("‖uM‖ ≤ ‖u‖‖M‖₂, twice", STATEMENT.right)),),
        expected=PROVED,
        remark="two layers stretch by no more than the product of what each of them does",
        setting=matrices("two layers", {"x": "c", "V": "c h", "W": "h d"}, {"c": 3, "h": 4, "d": 5}),
        strategies=(RandomInstances(), GradientAscent()),
    ),
)
