"""Section 4, after Prop. 2: whether the bounds are independent of the base weights, and whether they rank methods."""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements import prop_1, prop_2, prop_2_output_sharp

PLACE = "Section 4, after Prop. 2"
W, W_TARGET, X1, X2 = matrix("w"), matrix("w_target"), row("x1"), row("x2")
SHARED = matrices("two models", {"W": "c d", "W_target": "c d", "x1": "c", "x2": "c", "epsilon": ""},
                  meanings={"epsilon": "a bound on the difference of the layers"})  # fmt: skip
EQUAL = W.equals(W_TARGET)
SIMILAR = sim(X1 @ W, X2 @ W).equals(sim(X1 @ W_TARGET, X2 @ W_TARGET))
CLAIMS = (
    Claim(
        id="independent-input", source=PLACE, origin=IN_WORDS,
        reading="the bound of output adapters, which depends on s₀ and ε alone, holds for input adapters",
        given=(*SPECTRAL.given, BELOW_ONE), concludes=(distance(INPUT) <= prop_2_output_sharp.RHS_FINITE,),
        **refuted_by("ce1", "ce1e"), setting=similarity_setting(INPUT),
    ),
    Claim(
        id="bounds-rank", source="Section 4", origin=READING, reading="Props. 1 and 2 rank the methods, for all models",
        given=SPECTRAL.given, concludes=(prop_2.RHS <= prop_1.RHS,), **refuted_by("scaled"),
        setting=similarity_setting(LORA),
    ),
    Claim(
        id="stronger-requirement", source="Section 4", origin=READING,
        reading="nearly equal functions have equal similarities", given=(fro(W - W_TARGET) ** 2 <= EPSILON,),
        concludes=(SIMILAR,), **refuted_by("stronger"),
        setting=SHARED.parametrised(lambda i: {"epsilon": (i.w - i.w_target).square().sum((-2, -1))}),
    ),
    Claim(
        id="stronger-requirement-equal", source="Section 4", origin=READING,
        reading="equal functions have equal similarities", amends="stronger-requirement", given=(EQUAL,),
        **equal(SIMILAR.left, Link("W = W'", SIMILAR.right)),
        setting=SHARED.parametrised(lambda i: {"w_target": i.w}),
    ),
)  # fmt: skip
