"""What weights alone leave open of the share of its gain that an adapter retains: exactly an interval.

An input row x has the effect xL on the source and xL' on the target. The rows of F are inputs, so the retained share is
R = 1 − ‖F(L' − L)‖_F²/‖FL‖_F². If the target sees no effect where the source sees none, then L' − L = LK for
K = L⁺(L' − L), and over all inputs R takes exactly the values from 1 − σ_max(K)² to 1 − σ_min(K)² (for L of full column
rank; otherwise on the row space of L). If it does see one, R has no lower bound.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import torch

from ioadapt_theory.claims.language import *

L, L_TARGET, F, X_, X0 = matrix("l"), matrix("l_target"), matrix("f"), row("u"), row("v")
K = let("K", pinv(L) @ (L_TARGET - L))
READABLE = (L @ pinv(L) @ (L_TARGET - L)).equals(L_TARGET - L)
SEEN, LOST = fro(F @ L), fro(F @ (L_TARGET - L))
LEAST = sigma(pinv(L) @ (L_TARGET - L), 1)
SCALE = scalar("t")
ISOMETRY = (1 / SCALE**2 * (K @ transpose(K))).equals(EYE)
UNSEEN = norm(X0 @ L).equals(NOTHING)
SMALL, CHANGE = X0 + SCALE * X_, X_ @ (L_TARGET - L)


def one_direction(least: Fraction, lost: Fraction) -> dict[str, Any]:
    """L = 1, L' − L = σ and F = ``lost``/σ, all 1 x 1."""
    return {"L": [[1]], "L_target": [[1 + least]], "F": [[lost / least]]}


EFFECTS = matrices("effects", {"L": "c d", "L_target": "c d", "F": "n c"}, {"n": 5, "c": 4, "d": 3})
SCALED = matrices("effects that differ by an isometry", {"L": "c d", "L_target": "c d", "F": "n c", "t": ""},
                  {"n": 5, "c": 4, "d": 3})  # fmt: skip
UNREAD = matrices("a row without an effect", {"L": "c d", "L_target": "c d", "u": "c", "v": "c", "t": ""})


def readable(raw: Mapping[str, Any]) -> Any:
    """Return an instance in which the target sees no effect where the source sees none."""
    return EFFECTS.build(**{**raw, "l_target": raw["l"] @ raw["l_target"][..., :3, :]})


def turned(raw: Mapping[str, Any]) -> Any:
    """Return an instance whose effects differ by t times a random rotation or reflection."""
    t, (q, _) = raw["t"].exp(), torch.linalg.qr(raw["l_target"][..., :3, :])
    return SCALED.build(**{**raw, "t": t, "l_target": raw["l"] + t[..., None, None] * raw["l"] @ q})


def unseen(raw: Mapping[str, Any]) -> Any:
    """Return an instance in which the row v has no effect on the source."""
    v, t = raw["v"], raw["t"].exp()
    away = raw["l"] - v[..., None] * (v[..., None, :] @ raw["l"]) / (v * v).sum(-1)[..., None, None]
    return UNREAD.build(**{**raw, "t": t, "l": away})


on_weights = partial(Claim, source=BEYOND, expected=PROVED)
CLAIMS = (
    on_weights(
        id="effect-least-loss",
        reading="sharp: no inputs lose less",
        amends="effect-every-law",
        given=(READABLE, NOTHING < LEAST),
        concludes=(SEEN <= LOST / LEAST,),
        proofs=(
            argued(
                (SEEN <= fro(F @ L @ K) / LEAST, "σ‖y‖ ≤ ‖yK‖ for every row y of FL, σ the least singular value of K"),
                (fro(F @ L @ K).equals(LOST), "L' − L = LK"),
                (SEEN <= LOST / LEAST, ""),
            ),
            Attained(one_direction, {LEAST: LENGTHS_TRIED, LOST: LENGTHS_TRIED}),
        ),
        words=(SHARP,),
        setting=EFFECTS.parametrised(readable),
        strategies=(RandomInstances(), GradientAscent()),
    ),
    on_weights(
        id="effect-isometry",
        reading="a multiple of an isometry: the same share for all inputs",
        amends="effect-every-law",
        given=(READABLE, ISOMETRY),
        concludes=(LOST.equals(SCALE * SEEN),),
        proofs=(argued((LOST.equals(fro(F @ L @ K)), "L' − L = LK"), (LOST.equals(SCALE * SEEN), "KKᵀ = t²I")),),
        setting=SCALED.parametrised(turned),
        strategies=(RandomInstances(),),
    ),
    on_weights(
        id="effect-unbounded",
        reading="otherwise no bound: the loss at v + tu, for t → 0",
        amends="effect-every-law",
        given=(UNSEEN,),
        concludes=(
            norm(SMALL @ L).equals(SCALE * norm(X_ @ L)),
            norm(X0 @ L_TARGET) - SCALE * norm(CHANGE) <= norm(SMALL @ (L_TARGET - L)),
        ),
        proofs=(
            argued(
                (norm(SMALL @ L).equals(SCALE * norm(X_ @ L)), "vL = 0"),
                (
                    norm(X0 @ L_TARGET) - norm(SCALE * CHANGE) <= norm(X0 @ L_TARGET + SCALE * CHANGE),
                    "triangle inequality",
                ),
                (norm(X0 @ L_TARGET) - SCALE * norm(CHANGE) <= norm(SMALL @ (L_TARGET - L)), "vL = 0"),
            ),
        ),
        setting=UNREAD.parametrised(unseen),
        strategies=(RandomInstances(),),
    ),
)  # fmt: skip
