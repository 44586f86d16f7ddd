"""An example of a claim: statement, proof and searches in one file."""

from ioadapt_theory.claims.language import *

FIRST, SECOND, ROW = matrix("v"), matrix("w"), row("x")
STATEMENT = norm(ROW @ FIRST @ SECOND) <= norm(ROW) * spectral(FIRST) * spectral(SECOND)
layer_by_layer = derived(
    norm(ROW @ FIRST @ SECOND),
    Link("‖uM‖ ≤ ‖u‖‖M‖₂", norm(ROW @ FIRST) * spectral(SECOND)),
    Link("‖uM‖ ≤ ‖u‖‖M‖₂", norm(ROW) * spectral(FIRST) * spectral(SECOND)),
)

CLAIMS = (
    Claim(
        id="two-layers",
        source="beyond the paper",
        concludes=(STATEMENT,),
        proofs=(layer_by_layer,),
        expected=SURVIVED,  # PROVED once Coq has a theorem (make proofs)
        setting=matrices(
            "two layers",
            {"x": "c", "V": "c h", "W": "h d"},
            {"c": 3, "h": 4, "d": 5},
            meanings={"x": "an input", "V": "the first layer", "W": "the second layer"},
        ),
        strategies=(RandomInstances(), GradientAscent()),
    ),
)
