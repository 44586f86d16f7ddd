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
    output_adapter,
    rational,
    shared_function,
)

BALL, LITERAL = "||AB||_2 <= epsilon", "||AB||_2^2 <= epsilon"


def _violates(name: str, placement: str, printed: str, ball: str) -> bool:
    """Whether the shipped instance satisfies the hypotheses and its exact slope exceeds the printed linear term."""
    from ioadapt_theory.claims.instances import witness

    found = rational.similarity_distance(witness(name), placement)
    similarities = [holds for statement, holds in found.hypotheses.items() if statement.startswith("sim")]
    return all(similarities) and found.hypotheses[ball] and bool(found.first_order > found.printed[printed])


def _witness(name: str, placement: str, printed: str, ball: str = BALL) -> Proof:
    return Proof(f"{name} in rational arithmetic", partial(_violates, name, placement, printed, ball), refutes=True)


_NORM = Proof("gradient orthogonal to the vector, Cauchy-Schwarz", cosine.norm_bound)
_OUTPUT = (
    Proof("sinh addition theorem in the plane of y1, y2", output_adapter.finite_theorem),
    Proof("condition number of I + AB", output_adapter.condition_of_adapter),
    Proof("both ends of the interval", output_adapter.two_models),
)

PROOFS: dict[str, tuple[Proof, ...]] = {
    "lemma-1-expansion": (Proof("derivative along the segment", cosine.first_order),),
    "lemma-1": (_NORM,),
    "lemma-1-sharp": (_NORM,),
    "lemma-1-remainder": (Proof("one vector at a time", cosine.remainder),),
    "lemma-2": (Proof("exact spectrum", partial(hessian.bound, c=12)),),
    "lemma-2-sharp": (Proof("exact spectrum", hessian.bound),),
    "prop-1": tuple(_witness(name, "lora", "prop-1") for name in ("ce3", "ce3b", "ce3c")),
    "prop-1-literal": (_witness("ce4-lora", "lora", "prop-1", LITERAL),),
    "prop-1-main": (_witness("ce5", "lora", "prop-1-main"),),
    "prop-1-abs": (_NORM,),
    "prop-1-sharp": (
        Proof("nuclear norm of the gradient", lora.sharp_constant),
        Proof("W' = -W reverses the slope", lora.two_models),
    ),
    "prop-1-finite": (Proof("triangle inequality on the sphere", cosine.finite_angle),),
    "prop-2-input": (
        *(_witness(f"ce1{x}", "input", "prop-2") for x in ("", "b", "c", "d", "e", "f", "g")),
        Proof("ce1c violates on a whole interval of epsilon", intervals.ce1c, refutes=True),
    ),
    "prop-2-input-literal": (_witness("ce4-input", "input", "prop-2", LITERAL),),
    "prop-2-input-abs": tuple(_witness(f"ce1{x}", "input", "prop-2") for x in ("", "f", "g")),
    "prop-2-input-sharp": (Proof("nuclear norm, Kantorovich, attained", input_adapter.sharp_constant),),
    "prop-2-input-vectors": (_NORM,),
    "prop-2-output": tuple(_witness(name, "output", "prop-2") for name in ("ce2", "ce2b", "ce2c")),
    "prop-2-output-literal": (_witness("ce4-output", "output", "prop-2", LITERAL),),
    "prop-2-output-abs": (_NORM,),
    "prop-2-output-sharp": _OUTPUT,
    "prop-2-output-finite": _OUTPUT,
    "prop-2-output-artanh": _OUTPUT[:2],
    "lemma-3": (Proof("moments of the Gaussian", shared_function.expectation),),
    "prop-3": (Proof("split off the gap, triangle inequality", shared_function.prop_3),),
    "prop-4": (Proof("factor out I + AB on the left", shared_function.prop_4),),
    "prop-5": (Proof("factor out I + AB on the right", shared_function.prop_5),),
}
"""Claim id -> exact arguments; ``verifying`` adds them to the claim's own strategies."""
