"""The error of an adapter on another model: a part due to a change of basis (gauge) and a part due to other weights.

Three linear layers W₁W₂W₃ and the target's V₁V₂V₃. A gauge is a choice of orthogonal Q₁, Q₂ between the layers; the
layers W₁Q₁, Q₁ᵀW₂Q₂, Q₂ᵀW₃ compute the source's function. The adapter T acts at one place.
"""

import torch

from ioadapt_theory.claims.language import *

X_, T_, Q1, Q2 = matrix("x"), matrix("t"), matrix("q1"), matrix("q2")
SOURCES = tuple(matrix(f"w{k}") for k in (1, 2, 3))
TARGETS = tuple(matrix(f"v{k}") for k in (1, 2, 3))
GAUGED = SOURCES[0] @ Q1, transpose(Q1) @ SOURCES[1] @ Q2, transpose(Q2) @ SOURCES[2]
ORTHOGONAL = tuple((q @ transpose(q)).equals(EYE) for q in (Q1, Q2))
TURNS = (EYE, Q1, Q2, EYE)
"""The gauge at the inputs, between the layers, and at the outputs."""
WIDTHS = "cdef"


def run(layers: tuple[Term, ...], place: int, t: Term) -> Term:
    """Return XW₁W₂W₃ with the adapter ``t`` at a place: 0 before the first layer, 3 behind the last one."""
    x: Term = X_
    for k, w in enumerate(layers):
        x = x @ t @ w if k == place else x @ w
    return x @ t if place == len(layers) else x


def parts(place: int) -> Term:
    """Return the gauge part and the mismatches of the layers, exchanged one by one."""
    q = TURNS[place]
    gauge = [run(SOURCES, place, T_ - q @ T_ @ transpose(q))] if q != EYE else []
    mismatches = (run((*TARGETS[:k], GAUGED[k] - TARGETS[k], *GAUGED[k + 1 :]), place, T_) for k in range(3))
    first, *others = *gauge, *mismatches
    return sum(others, first)


def of_place(place: int, where: str) -> Claim:
    side = WIDTHS[place]
    axes = {f"{x}{k + 1}": f"{WIDTHS[k]} {WIDTHS[k + 1]}" for x in "WV" for k in range(3)}
    setting = matrices(
        f"three layers, {where}", {"X": "n c", **axes, "Q1": "d d", "Q2": "e e", "T": f"{side} {side}"},
        {"n": 2, "c": 3, "d": 4, "e": 5, "f": 6},
        meanings={"V1": "layers of the target", "Q1": "the gauge", "T": "I + AB"},
    )  # fmt: skip
    return Claim(
        id=f"depth-two-parts-{place}", source="beyond App. A.2",
        reading=f"three linear layers, an adapter {where}: "
        + ("a gauge part and mismatches" if place in (1, 2) else "mismatches alone, for every gauge"),
        amends="prop-5" if place == 3 else "prop-4",
        given=tuple(r for k, r in enumerate(ORTHOGONAL, start=1) if k != place),
        concludes=((run(SOURCES, place, T_) - run(TARGETS, place, T_)).equals(parts(place)),), proofs=(Expanded(),),
        setting=setting.parametrised(lambda i: {"q1": torch.linalg.qr(i.q1)[0], "q2": torch.linalg.qr(i.q2)[0]}),
    )  # fmt: skip


PLACES = (
    "before the first layer", "between the first two layers", "between the last two layers", "behind the last layer",
)  # fmt: skip
CLAIMS = tuple(of_place(*x) for x in enumerate(PLACES))
