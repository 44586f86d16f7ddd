"""Exact evidence: proofs whose every step is checked, counterexamples in rational arithmetic, certified intervals.

Needs the extra ``proofs`` (sympy, mpmath, python-flint), which is imported where it is used.
"""

from functools import partial

from ioadapt_theory.claims.claim import Proof
from ioadapt_theory.claims.proofs import (
    cosine,
    hessian,
    input_adapter,
    intervals,
    lora,
    nonlinear,
    output_adapter,
    rational,
    shared_function,
)
from ioadapt_theory.claims.proofs.argument import together

BALL, LITERAL, FROBENIUS = "||AB||_2 <= epsilon", "||AB||_2^2 <= epsilon", "||AB||_F <= epsilon"


def _violates(name: str, placement: str, printed: str, ball: str) -> bool:
    """Whether the shipped instance satisfies the hypotheses and its exact slope exceeds the printed linear term."""
    from ioadapt_theory.claims.instances import witness

    found = rational.similarity_distance(witness(name), placement)
    similarities = [holds for statement, holds in found.hypotheses.items() if statement.startswith("sim")]
    return all(similarities) and found.hypotheses[ball] and bool(found.first_order > found.printed[printed])


def _witness(name: str, placement: str, printed: str, ball: str = BALL) -> Proof:
    return Proof(f"{name} in rational arithmetic", partial(_violates, name, placement, printed, ball), refutes=True)


_NORM = Proof("gradient orthogonal to the vector, Cauchy-Schwarz", cosine.norm_bound)
_OUTPUT = Proof(
    "sinh addition theorem in the plane of y1, y2; cond(I + AB); both ends of the interval",
    together(output_adapter.finite_theorem, output_adapter.condition_of_adapter, output_adapter.two_models),
)
_INPUT = tuple(_witness(f"ce1{x}", "input", "prop-2") for x in ("", "b", "c", "d", "e", "f", "g"))

PROOFS: dict[str, tuple[Proof, ...]] = {
    "lemma-1-expansion": (Proof("derivative and remainder", together(cosine.first_order, cosine.remainder)),),
    "lemma-1": (_NORM,),
    "lemma-1-sharp": (_NORM,),
    "lemma-1-remainder": (Proof("one vector at a time", cosine.remainder),),
    "lemma-1-angle": (Proof("triangle inequality on the sphere", cosine.finite_angle),),
    "lemma-2": (Proof("exact spectrum", partial(hessian.bound, c=12)),),
    "lemma-2-sharp": (Proof("exact spectrum", hessian.bound),),
    "lemma-2-integral": (Proof("Taylor's theorem with integral remainder", hessian.taylor),),
    "lemma-2-remainder": (Proof("the supremum carried out", hessian.explicit_remainder),),
    "prop-1": tuple(_witness(name, "lora", "prop-1") for name in ("ce3", "ce3b", "ce3c")),
    "prop-1-literal": (_witness("ce4-lora", "lora", "prop-1", LITERAL),),
    "prop-1-frobenius": (_witness("prop-1-frobenius", "lora", "prop-1", FROBENIUS),),
    "prop-1-main": (_witness("ce5", "lora", "prop-1-main"),),
    "prop-1-abs": (_NORM,),
    "prop-1-sine": (_NORM,),
    "prop-1-sharp": (Proof("nuclear norm of the gradient; W' = -W", together(lora.sharp_constant, lora.two_models)),),
    "prop-1-weights": (Proof("nuclear norm of W⁺ᵀK", lora.weights_constant),),
    "prop-1-explicit": (Proof("Eq. 8 sharpened, and the remainder", together(cosine.norm_bound, cosine.remainder)),),
    "prop-1-finite": (Proof("triangle inequality on the sphere", cosine.finite_angle),),
    "prop-2-input": (
        *_INPUT,
        Proof("ce1c violates on a whole interval of epsilon", intervals.ce1c, refutes=True),
    ),
    "prop-2-input-literal": (_witness("ce4-input", "input", "prop-2", LITERAL),),
    "prop-2-input-frobenius": tuple(_witness(f"ce1{x}", "input", "prop-2", FROBENIUS) for x in ("", "c", "e", "g")),
    "prop-2-input-abs": _INPUT,  # s₀ >= 0 in all of them, so |s₀| = s₀
    "prop-2-input-sharp": (Proof("nuclear norm, Kantorovich, attained", input_adapter.sharp_constant),),
    "prop-2-input-vectors": (_NORM,),
    "prop-2-input-finite": (
        Proof("the sharp slope along x(I + tAB)W", together(input_adapter.sharp_constant, input_adapter.finite)),
    ),
    "prop-2-output": tuple(_witness(name, "output", "prop-2") for name in ("ce2", "ce2b", "ce2c")),
    "prop-2-output-literal": (_witness("ce4-output", "output", "prop-2", LITERAL),),
    "prop-2-output-frobenius": (_witness("prop-2-output-frobenius", "output", "prop-2", FROBENIUS),),
    "prop-2-output-abs": (_NORM,),
    "prop-2-output-sharp": (_OUTPUT,),
    "prop-2-output-finite": (_OUTPUT,),
    "prop-2-output-artanh": (Proof("sinh addition theorem in the plane of y1, y2", output_adapter.finite_theorem),),
    "lemma-3": (Proof("moments of the Gaussian", shared_function.expectation),),
    "prop-3": (Proof("split off the gap, triangle inequality", shared_function.prop_3),),
    "prop-3-exact": (Proof("split off the gap", shared_function.prop_3),),
    "prop-3-second": (Proof("split off the gap, triangle inequality", shared_function.prop_3_second),),
    "prop-4": (Proof("factor out I + AB on the left", shared_function.prop_4),),
    "prop-4-exact": (Proof("factor out I + AB on the left", shared_function.prop_4),),
    "prop-4-interior-layers": (Proof("telescope, triangle inequality", shared_function.interior),),
    "prop-4-whitened": (Proof("x = zF", shared_function.whitened),),
    "prop-5-anisotropic": (Proof("sample by sample", nonlinear.output),),
    "prop-5": (Proof("factor out I + AB on the right", shared_function.prop_5),),
    "prop-5-exact": (Proof("factor out I + AB on the right", shared_function.prop_5),),
}
"""Claim id -> exact arguments, each of which settles the claim; ``verifying`` adds them to the claim's strategies."""
