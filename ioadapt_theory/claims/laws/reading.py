"""An adapter reads at one place and writes at another: the effect of M on a batch is RMJ.

The rows of R are what the adapter reads (n samples), and J is the Jacobian of the outputs with respect to what it
writes; on the target, these are R' and J'. LoRA reads the layer's input and writes its output; an input adapter reads
and writes the input, an output adapter the output. In linear models RMJ is the exact effect. In others it is the
first-order term in M, and J depends on the sample.
"""

from ioadapt_theory.claims.language import *

R_, R_TARGET, J, J_TARGET = matrix("r"), matrix("r_target"), matrix("j"), matrix("j_target")
M, L, U, WRITTEN = matrix("m"), matrix("l"), row("u"), row("v")
PRODUCT = inner(R_ @ M @ J, R_TARGET @ L @ J_TARGET)
BY_GRAMS = inner((transpose(R_) @ R_TARGET) @ L @ (J_TARGET @ transpose(J)), M)


def compared(e: Term, there: Term) -> tuple[Term, Term]:
    return inner(e, there) / (fro(e) * fro(there)), fro(there) / fro(e)


READ, READ_TARGET, WROTE, WROTE_TARGET = U @ transpose(R_), U @ transpose(R_TARGET), WRITTEN @ J, WRITTEN @ J_TARGET
COSINE, RATIO = compared(R_ @ outer(U, WRITTEN) @ J, R_TARGET @ outer(U, WRITTEN) @ J_TARGET)
AS_FACTORS = compared(outer(READ, WROTE), outer(READ_TARGET, WROTE_TARGET))
FACTORED = "R(uᵀv)J = (uRᵀ)ᵀ(vJ)"
COSINES = sim(READ, READ_TARGET) * sim(WROTE, WROTE_TARGET)
RATIOS = norm(READ_TARGET) / norm(READ) * (norm(WROTE_TARGET) / norm(WROTE))

NU, NU_B, A, B = scalar("v"), scalar("w"), matrix("a"), matrix("b")
MEANINGS = {"L": "another adapter, of the target", **dict.fromkeys("uv", "the adapter of rank one is uᵀv")}
KERNEL = inner(R_, R_TARGET) * inner(J, J_TARGET)
RANDOM = mean(inner(R_ @ M @ J, R_TARGET @ M @ J_TARGET), m=NU)
OF_FACTORS = mean(inner(R_ @ A @ B @ J, R_TARGET @ A @ B @ J_TARGET), a=NU, b=NU_B)

CLAIMS = (
    Claim(
        id="effect-read-write", source=BEYOND, **equal(PRODUCT, Link("turn the trace round", BY_GRAMS)),
        setting=matrices("two adapters", {"R": "n p", "R_target": "n q", "J": "s o", "J_target": "t o", "M": "p s",
                                          "L": "q t"}, meanings=MEANINGS),
    ),
    Claim(
        id="effect-rank-one", source=BEYOND, reading="an adapter of rank one", amends="effect-read-write",
        **all_equal(
            (COSINE, Link(FACTORED, AS_FACTORS[0]), Link("products of columns and of rows", COSINES)),
            (RATIO, Link(FACTORED, AS_FACTORS[1]), Link("lengths of columns and of rows", RATIOS)),
        ),
        setting=matrices("one vector", {"R": "n p", "R_target": "n p", "J": "s o", "J_target": "s o", "u": "p",
                                      "v": "s"}, meanings=MEANINGS),
    ),
    Claim(
        id="effect-random", source=BEYOND,
        reading="a random adapter, or a random product AB, and one Jacobian for all samples",
        amends="effect-read-write",
        concludes=(RANDOM.equals(NU * KERNEL), OF_FACTORS.equals(NU * NU_B * rows(B) * KERNEL)), proofs=(Expanded(),),
        setting=matrices("a random adapter", {"R": "n p", "R_target": "n p", "J": "s o", "J_target": "s o", "M": "p s",
                                               "A": "p k", "B": "k s", "v": "", "w": ""},
                         {"n": 4, "p": 3, "s": 2, "o": 5, "k": 6}, meanings=MEANINGS | {
                             "v": "variance of the entries of M and of A", "w": "variance of the entries of B"}),
        strategies=(RandomInstances(most=5),),
    ),
)  # fmt: skip
