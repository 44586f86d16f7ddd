"""Several layers, noise, and a gradient step: what is left when a carried adapter is improved.

Two adapted layers of the target read R₁ and R₂ and write through J₁ and J₂; E is the wanted effect. To first order the
effect of adapters X₁ and X₂ is R₁X₁J₁ + R₂X₂J₂.
"""

import torch

from ioadapt_theory.claims.language import *

E_, (R1, R2), (J1, J2) = matrix("e"), (matrix("r1"), matrix("r2")), (matrix("j1"), matrix("j2"))
X1, X2, Y1, Y2 = (matrix(name) for name in ("x1", "x2", "y1", "y2"))
REST = E_ - (R1 @ X1 @ J1 + R2 @ X2 @ J2)
OTHER = E_ - (R1 @ Y1 @ J1 + R2 @ Y2 @ J2)
NO_STEP = tuple(fro(transpose(r) @ REST @ transpose(j)).equals(NOTHING) for r, j in ((R1, J1), (R2, J2)))
WANTED, MOVED, STEP = row("e"), row("e_target"), row("g")
ALONG = let("p", dot(WANTED, MOVED) / norm(MOVED) ** 2 * MOVED)
NEW = let("n", STEP - dot(STEP, MOVED) / norm(MOVED) ** 2 * MOVED)
BEST = let("m", ALONG + dot(WANTED, NEW) / norm(NEW) ** 2 * NEW)
"""The part of the wanted effect along e', the part of g across e', and the best combination of e' and g."""
C = let("c", sim(WANTED, MOVED))
RHO = let("ρ", sim(WANTED - ALONG, NEW))
KEPT = 1 - norm(WANTED - BEST) ** 2 / norm(WANTED) ** 2
ANY = (scalar("a") - scalar("b")) * MOVED + (scalar("s") - scalar("t")) * STEP
ROWS_, NOISE = matrix("z"), row("x")


def stuck(i: Any) -> dict[str, Any]:
    """Make an instance in which no layer's own step helps: E is the effect of X plus what no layer can reach."""
    r1, r2, j1, j2, x1, x2, e = (0.1 * x for x in (i.r1, i.r2, i.j1, i.j2, i.x1, i.x2, i.e))
    r, j = torch.cat((r1, r2), -1), torch.cat((j1, j2), -2)
    away = e - r @ torch.linalg.pinv(r) @ e @ torch.linalg.pinv(j) @ j
    return {"r1": r1, "r2": r2, "j1": j1, "j2": j2, "x1": x1, "x2": x2, "e": r1 @ x1 @ j1 + r2 @ x2 @ j2 + away}


LAYERS = matrices(
    "two layers",
    {"E": "n o", "R1": "n p", "R2": "n q", "J1": "s o", "J2": "t o"}
    | {"X1": "p s", "X2": "q t", "Y1": "p s", "Y2": "q t"},
    {"n": 16, "o": 14, "p": 2, "q": 3, "s": 4, "t": 5},
    meanings={"E": "the wanted effect", "R1": "what the two layers read", "J1": "what they write through",
              "X1": "their adapters", "Y1": "any other adapters"},
)  # fmt: skip
CLAIMS = (
    Claim(
        id="several-joint", source=BEYOND, reading="where no layer's own step helps, no joint one does",
        amends="effect-best", given=NO_STEP, concludes=(fro(REST) <= fro(OTHER),),
        proofs=(
            argued(
                ((fro(REST) ** 2 + fro(OTHER - REST) ** 2).equals(fro(OTHER) ** 2),
                 "what is left is orthogonal to all that the layers reach"),
                (fro(REST) <= fro(OTHER), ""),
            ),
        ),
        setting=LAYERS.parametrised(stuck),
    ),
    Claim(
        id="several-noise", source=BEYOND,
        reading="noise x of variance σ² in what a regression on n rows Z is fitted to",
        **equal(
            mean_square(NOISE @ transpose(pinv(ROWS_)), SIGMA),
            Link("E‖xD‖² = σ²‖D‖_F²", SIGMA**2 * fro(transpose(pinv(ROWS_))) ** 2),
            Link("multiply out", SIGMA**2 * fro(pinv(ROWS_)) ** 2),
        ),
        setting=matrices("a regression", {"Z": "n q", "sigma": ""}, meanings={"Z": "what the n rows are regressed on"}),
    ),
    Claim(
        id="several-gradient", source=BEYOND,
        reading="a step g beside a carried adapter of effect e', both at their best strengths",
        amends="effect-best-strength",
        concludes=(KEPT.equals(C**2 + (1 - C**2) * RHO**2), norm(WANTED - BEST) <= norm(WANTED - ANY)),
        proofs=(
            argued(
                (KEPT.equals(C**2 + (1 - C**2) * RHO**2), "the parts along e' and across it"),
                ((norm(WANTED - BEST) ** 2 + norm(BEST - ANY) ** 2).equals(norm(WANTED - ANY) ** 2),
                 "what is left is orthogonal to e' and g"),
                (norm(WANTED - BEST) <= norm(WANTED - ANY), ""),
            ),
        ),
        setting=matrices(
            "a step", {"e": "k", "e_target": "k", "g": "k", "a": "", "b": "", "s": "", "t": ""},
            meanings={"e": "the wanted effect", "e_target": "the carried adapter's effect", "g": "a step's effect",
                      **dict.fromkeys("ab", "a − b is any strength of the adapter"),
                      **dict.fromkeys("st", "s − t is any strength of the step")},
        ),
    ),
)  # fmt: skip
