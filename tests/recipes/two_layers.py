"""An example of a claim: statement, proof and searches in one file."""

from ioadapt_theory.claims.language import *

FIRST, SECOND, ROW = matrix("v"), matrix("w"), row("x")
STATEMENT = norm(ROW @ FIRST @ SECOND) <= norm(ROW) * spectral(FIRST) * spectral(SECOND)


@reaching(STATEMENT)
def layer_by_layer(goal: Relation) -> Iterator[Step]:
    """Prove the claim by ‖uM‖ ≤ ‖u‖‖M‖₂, once for each layer."""
    yield line("a = ‖x‖, b = ‖V‖₂, c = ‖W‖₂: ‖xVW‖ ≤ ‖xV‖c ≤ (ab)c, and «(ab)c = a(bc)»")
    a, b, c = sympy().symbols("a b c")
    yield reached(goal, a * b * c, {norm(ROW): a, spectral(FIRST): b, spectral(SECOND): c})


CLAIMS = (
    Claim(
        id="two-layers",
        source="beyond the paper",
        concludes=(STATEMENT,),
        proofs=(layer_by_layer,),
        expected=PROVED,
        setting=matrices("two layers", {"x": "c", "V": "c h", "W": "h d"}, {"c": 3, "h": 4, "d": 5}),
        strategies=(RandomInstances(), GradientAscent()),
    ),
)
