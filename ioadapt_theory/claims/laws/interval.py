"""What weights alone leave open of the share of its gain that an adapter retains: exactly an interval.

An input row x has the effect xL on the source and xL' on the target. The rows of F are inputs, so the retained share is
R = 1 − ‖F(L' − L)‖_F²/‖FL‖_F². If the target sees no effect where the source sees none, then L' − L = LK for
K = L⁺(L' − L), and over all inputs R takes exactly the values from 1 − σ_max(K)² to 1 − σ_min(K)², where K acts on the
row space of L. So a rule from weights alone is exact if and only if K is a multiple of an isometry there. If the target
does see such an effect, R has no lower bound.
"""

import torch

from ioadapt_theory.claims.language import *

L, L_TARGET, F, U_ROW, V_ROW = matrix("l"), matrix("l_target"), matrix("f"), row("u"), row("v")
G, H, STRETCH, SCALE = matrix("g"), matrix("h"), scalar("s"), scalar("t")

K = let("K", pinv(L) @ (L_TARGET - L))
READABLE = (L @ pinv(L) @ (L_TARGET - L)).equals(L_TARGET - L)
"""The target sees no effect where the source sees none."""
WORST, SEEN, LOST = spectral(K), fro(F @ L), fro(F @ (L_TARGET - L))
THROUGH = let("L", G @ H)
ACROSS = let("K", pinv(G) @ (L_TARGET - THROUGH))
READABLE_THROUGH = (G @ pinv(G) @ (L_TARGET - THROUGH)).equals(L_TARGET - THROUGH)
LEAST, SEEN_THROUGH, LOST_THROUGH = sigma(ACROSS, 1), fro(F @ THROUGH), fro(F @ (L_TARGET - THROUGH))
BASIS = (H @ transpose(H)).equals(EYE)
ISOMETRY = (1 / SCALE**2 * (K @ transpose(K))).equals(EYE)
UNSEEN = norm(V_ROW @ L).equals(NOTHING)
SMALL, CHANGE = V_ROW + SCALE * U_ROW, U_ROW @ (L_TARGET - L)
SEES = norm(SMALL @ L).equals(SCALE * norm(U_ROW @ L))
LOSES = norm(V_ROW @ L_TARGET) - SCALE * norm(CHANGE) <= norm(SMALL @ (L_TARGET - L))
SINGULAR = (U_ROW @ L @ K @ transpose(K)).equals(STRETCH**2 * (U_ROW @ L))
SEEN_U, SEEN_V, LOST_U, LOST_V = (norm(x @ m) ** 2 for m in (L, L_TARGET - L) for x in (U_ROW, V_ROW))
OFTEN_U, OFTEN_V = let("f", LOST_V - SCALE**2 * SEEN_V), let("g", SCALE**2 * SEEN_U - LOST_U)
"""How often u and v occur in the mixture that loses t² of what it sees: both ≥ 0 if u loses no more, and v no less."""
ENDS = norm(CHANGE).equals(STRETCH * norm(U_ROW @ L))
BETWEEN = (OFTEN_U * LOST_U + OFTEN_V * LOST_V).equals(SCALE**2 * (OFTEN_U * SEEN_U + OFTEN_V * SEEN_V))


def one_point(worst: Fraction, seen: Fraction) -> dict[str, Any]:
    """L = I, L' − L is zero except for its first entry, and F has one row, along the first axis."""
    return {"L": [[1, 0], [0, 1]], "L_target": [[1 + worst, 0], [0, 1]], "F": [[seen, 0]]}


def one_direction(least: Fraction, lost: Fraction) -> dict[str, Any]:
    """L = 1, L' − L = σ and F = ``lost``/σ, all 1 x 1."""
    return {"G": [[1]], "H": [[1]], "L_target": [[1 + least]], "F": [[lost / least]]}


SIZES_ = {"n": 5, "c": 4, "d": 3, "r": 2}
MEANINGS = {"L": "the source has the effect xL at x", "L_target": "the target has the effect xL' at x",
            "F": "FᵀF are the second moments of the inputs", "H": "an orthonormal basis of the span of the effects xL",
            "G": "the effects in this basis", "u": "an input", "v": "an input",
            "s": "a number", "t": "a number"}  # fmt: skip
effects = partial(matrices, sizes=SIZES_, meanings=MEANINGS)
BOTH = {"L": "c d", "L_target": "c d"}
IN_A_BASIS = {"G": "c r", "H": "r d", "L_target": "c d", "F": "n c"}


def law(i: Any) -> dict[str, Any]:
    """Make an instance in which the target sees no effect where the source sees none."""
    return {"l_target": i.l + i.l @ i.l_target[..., :3, :]}


def read(i: Any) -> dict[str, Any]:
    """Make an instance like that of ``law``, with effects in a plane."""
    q, _ = torch.linalg.qr(i.h.mT)
    return {"h": q.mT, "l_target": i.g @ (q.mT + i.l_target[..., :2, :])}


def turned(i: Any) -> dict[str, Any]:
    """Make an instance whose effects differ by t times a random rotation or reflection."""
    q, _ = torch.linalg.qr(i.l_target[..., :3, :])
    return {"l_target": i.l + i.t[..., None, None] * i.l @ q}


def singular(i: Any) -> dict[str, Any]:
    """Make an instance in which uL is a left singular vector of K."""
    k = i.l_target[..., :3, :]
    squares, vectors = torch.linalg.eigh(k @ k.mT)
    u = (vectors[..., None, :, 1] @ torch.linalg.pinv(i.l)).squeeze(-2)
    return {"l_target": i.l + i.l @ k, "u": u, "s": squares[..., 1].sqrt()}


def unseen(i: Any) -> dict[str, Any]:
    """Make an instance in which the row v has no effect on the source."""
    return {"l": i.l - i.v[..., None] * (i.v[..., None, :] @ i.l) / (i.v * i.v).sum(-1)[..., None, None]}


on_weights = partial(Claim, source=BEYOND, amends="effect-every-law")
CLAIMS = (
    on_weights(
        id="effect-every-law", reading="sharp over all laws of the inputs", amends=None, given=(READABLE,),
        concludes=(LOST <= WORST * SEEN,),
        proofs=(
            derived(
                LOST, Link("L' − L = LL⁺(L' − L)", fro(F @ READABLE.left)),
                Link("put together", fro((F @ L) @ (pinv(L) @ (L_TARGET - L)))),
                Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", WORST * SEEN),
            ),
            Attained(one_point, {opened(WORST): LENGTHS_TRIED, SEEN: LENGTHS_TRIED}),
        ),
        words=(SHARP,), setting=effects("two effects", BOTH | {"F": "n c"}).parametrised(law),
        strategies=(RandomInstances(), GradientAscent()),
    ),
    on_weights(
        id="effect-least-loss", reading="sharp: no inputs lose less", given=(BASIS, READABLE_THROUGH, NOTHING < LEAST),
        concludes=(SEEN_THROUGH <= LOST_THROUGH / LEAST,),
        proofs=(
            argued(
                (SEEN_THROUGH.equals(fro(F @ G)), "HHᵀ = I"),
                (fro(F @ G) <= fro(F @ G @ ACROSS) / LEAST,
                 "σ‖y‖ ≤ ‖yK‖ for every row y of FG, σ the least singular value of K"),
                (fro(F @ G @ ACROSS).equals(LOST_THROUGH), "L' − L = GK"), (SEEN_THROUGH <= LOST_THROUGH / LEAST, "so"),
            ),
            Attained(one_direction, {opened(LEAST): LENGTHS_TRIED, opened(LOST_THROUGH): LENGTHS_TRIED}),
        ),
        words=(SHARP,), setting=effects("effects in a basis", IN_A_BASIS).parametrised(read),
        strategies=(RandomInstances(), GradientAscent()),
    ),
    on_weights(
        id="effect-weights-only",
        reading="all values between the two bounds are taken: a singular row of K loses its singular value, and inputs"
        " u and v, as often as f and g say, lose any t between the losses of u and of v",
        given=(READABLE, SINGULAR), concludes=(ENDS, BETWEEN),
        proofs=(
            argued(
                (CHANGE.equals(U_ROW @ L @ K), "L' − L = LK"),
                ((norm(CHANGE) ** 2).equals(dot(U_ROW @ L @ K @ transpose(K), U_ROW @ L)), "‖y‖² = yyᵀ"),
                (ENDS, "uLKKᵀ = s²uL"), (BETWEEN, "multiply out"),
            ),
        ),
        setting=effects("two inputs", BOTH | {"u": "c", "v": "c", "s": "", "t": ""}).parametrised(singular),
    ),
    on_weights(
        id="effect-isometry", reading="a multiple of an isometry: the same share for all inputs",
        given=(READABLE, ISOMETRY), concludes=(LOST.equals(SCALE * SEEN),),
        proofs=(argued((LOST.equals(fro(F @ L @ K)), "L' − L = LK"), (LOST.equals(SCALE * SEEN), "KKᵀ = t²I")),),
        setting=effects("effects that differ by an isometry", BOTH | {"F": "n c", "t": ""}).parametrised(turned),
    ),
    on_weights(
        id="effect-unbounded", reading="otherwise no bound: the loss at v + tu, for t → 0", given=(UNSEEN,),
        concludes=(SEES, LOSES),
        proofs=(
            argued(
                (SEES, "vL = 0"),
                (norm(V_ROW @ L_TARGET) - norm(SCALE * CHANGE) <= norm(V_ROW @ L_TARGET + SCALE * CHANGE),
                 "triangle inequality"),
                (LOSES, "vL = 0"),
            ),
        ),
        setting=effects("a row without an effect", BOTH | {"u": "c", "v": "c", "t": ""}).parametrised(unseen),
    ),
)  # fmt: skip
