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
PLACES = {"M": "the source's adapter", "X": "any adapter of the target"}
E0, E1, E2, E3 = (matrix(f"e{k}") for k in range(4))
MISSED = (LEAST**2).equals(fro(EFFECT) ** 2 - fro(REACHED) ** 2)
OTHERS = fro(R_TARGET @ X_ @ J_TARGET - EFFECT)
GAUGE = (R_ @ TURN) @ (inverse(TURN) @ M @ inverse(TURN_W)) @ (TURN_W @ J)
TURNS_REGULAR = tuple(rank(x).equals(rows(x)) for x in (TURN, TURN_W))

ON_READS, ON_WRITES = let("Π", R_TARGET @ pinv(R_TARGET)), let("Ω", pinv(J_TARGET) @ J_TARGET)
"""Projections on the columns of R' and on the rows of J'."""
ANY = R_TARGET @ X_ @ J_TARGET
pythagoras = argued(
    (REACHED.equals(ON_READS @ EFFECT @ ON_WRITES), "R'⁺ = (R'ᵀR')⁺R'ᵀ and J'⁺ = J'ᵀ(J'J'ᵀ)⁺"),
    (ANY.equals(ON_READS @ ANY @ ON_WRITES), "ΠR' = R' and J'Ω = J', for every X"),
    (inner(EFFECT, ANY).equals(inner(REACHED, ANY)), "so what is missed is orthogonal to all that can be reached"),
    (inner(EFFECT, REACHED).equals(inner(REACHED, REACHED)), "likewise"), (MISSED, "Pythagoras"),
    ((OTHERS**2).equals(LEAST**2 + fro(ANY - REACHED) ** 2), "Pythagoras"), (LEAST <= OTHERS, "so"),
    (rank(BEST) <= rank(M), "M is a factor of M*"),
)  # fmt: skip
CLAIMS = (
    Claim(
        id="effect-best", source=BEYOND, concludes=(LEAST <= OTHERS, MISSED, rank(BEST) <= rank(M)),
        proofs=(pythagoras,),
        setting=matrices(
            "best copy", {"R": "n p", "R_target": "n q", "M": "p s", "J": "s o", "J_target": "t o", "X": "q t"},
            meanings=PLACES,
        ),
    ),
    Claim(
        id="effect-gauge", source=BEYOND, amends="effect-best", given=TURNS_REGULAR,
        **equal(GAUGE, Link("AA⁻¹ = I, B⁻¹B = I", EFFECT)),
        setting=matrices(
            "other coordinates", {"R": "n p", "A": "p p", "M": "p s", "B": "s s", "J": "s o"},
            meanings=PLACES | {"A": "change of basis before the adapter", "B": "and behind it"},
        ),
    ),
    Claim(
        id="effect-telescope", source=BEYOND, reading="three layers exchanged one by one",
        **at_most(
            fro(E3 - E0), Link("layer by layer", fro((E1 - E0) + (E2 - E1) + (E3 - E2))),
            Link("triangle inequality, twice", fro(E1 - E0) + fro(E2 - E1) + fro(E3 - E2)),
        ),
        attained=("effect-telescope",), words=(ATTAINED,),
        setting=matrices(
            "effects of hybrids", {f"E{k}": "n o" for k in range(4)},
            meanings={"E1": "the effects of the source, of two hybrids, and of the target"},
        ),
        strategies=SEARCHES,
    ),
)  # fmt: skip
