"""The target's adapter that best reproduces the effect of a source's adapter, and a bound on the error by layers.

The adapter M reads the rows of R on the source and R' on the target, and writes through the Jacobians J and J'; its
effect on the source is RMJ. The best adapter is a regression of what the source reads on what the target reads, times
M, times a regression of what they write; only Gram matrices are needed. This solution of the least-squares problem is
due to Penrose (1956). For adapters of bounded rank see Friedland and Torokhti (2007).
"""

from ioadapt_theory.claims.language import *

R_, R_TARGET, J, J_TARGET = matrix("r"), matrix("r_target"), matrix("j"), matrix("j_target")
M, X_, TURN, TURN_W = matrix("m"), matrix("x"), matrix("a"), matrix("b")
READ = pinv(transpose(R_TARGET) @ R_TARGET) @ (transpose(R_TARGET) @ R_)
WRITE = J @ transpose(J_TARGET) @ pinv(J_TARGET @ transpose(J_TARGET))
BEST = let("M*", READ @ M @ WRITE)
EFFECT = R_ @ M @ J
REACHED = R_TARGET @ BEST @ J_TARGET
LEAST = fro(REACHED - EFFECT)
E0, E1, E2, E3 = (matrix(f"e{k}") for k in range(4))
MISSED = (LEAST**2).equals(fro(EFFECT) ** 2 - fro(REACHED) ** 2)
OTHERS = fro(R_TARGET @ X_ @ J_TARGET - EFFECT)
GAUGE = (R_ @ TURN) @ (inverse(TURN) @ M @ inverse(TURN_W)) @ (TURN_W @ J)
TURNS_REGULAR = tuple(rank(x).equals(rows(x)) for x in (TURN, TURN_W))
TELESCOPE = fro(E3 - E0) <= fro(E1 - E0) + fro(E2 - E1) + fro(E3 - E2)


pythagoras = told(
    "R'M*J' = ΠeΩ for e = RMJ, where Π = R'R'⁺ projects on the columns of R' and Ω = J'⁺J' on the rows of J'; R'⁺ = "
    "(R'ᵀR')⁺R'ᵀ, J'⁺ = J'ᵀ(J'J'ᵀ)⁺",
    "R'XJ' = ΠR'XJ'Ω: in orthonormal coordinates that begin there, where e = [a b; c d], ΠeΩ = [a 0; 0 0] and R'XJ' = "
    "[y 0; 0 0]",
    "there ‖ΠeΩ − e‖_F² = «b² + c² + d² = a² + b² + c² + d² − a²» = ‖e‖_F² − ‖ΠeΩ‖_F²",
    "‖R'XJ' − e‖_F² − ‖ΠeΩ − e‖_F² = «(y − a)² + b² + c² + d² − (b² + c² + d²) = (y − a)²» ≥ 0: nothing is nearer",
    "rank(M*) ≤ rank(M), as M is a factor of M*",
)
CLAIMS = (
    Claim(
        id="effect-best",
        source=BEYOND,
        concludes=(LEAST <= OTHERS, MISSED, rank(BEST) <= rank(M)),
        proofs=(
            pythagoras,
        ),
        expected=PROVED,
        setting=matrices("best copy", {"R": "n p", "R_target": "n q", "M": "p s", "J": "s o",
                                                          "J_target": "t o", "X": "q t"}),
        strategies=(RandomInstances(),),
    ),
    Claim(
        id="effect-gauge",
        source=BEYOND,
        amends="effect-best",
        given=TURNS_REGULAR,
        concludes=(GAUGE.equals(EFFECT),),
        proofs=(derived(GAUGE, Link("AA⁻¹ = I, B⁻¹B = I", EFFECT)),),
        expected=PROVED,
        setting=matrices("other coordinates", {"R": "n p", "A": "p p", "M": "p s", "B": "s s", "J": "s o"}),
        strategies=(RandomInstances(),),
    ),
    Claim(
        id="effect-telescope",
        source=BEYOND,
        reading="three layers exchanged one by one",
        concludes=(TELESCOPE,),
        proofs=(
            derived(TELESCOPE.left,
                    Link("layer by layer", fro((E1 - E0) + (E2 - E1) + (E3 - E2))),
                    Link("triangle inequality, twice", TELESCOPE.right)),
        ),
        attained=("effect-telescope",),
        expected=PROVED,
        words=(ATTAINED,),
        setting=matrices("effects of hybrids", {f"E{k}": "n o" for k in range(4)}),
        strategies=(Replay(), RandomInstances(), GradientAscent()),
    ),
)  # fmt: skip
