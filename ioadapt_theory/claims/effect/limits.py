"""What does not determine the share of its gain that an adapter retains: discrepancy, similar layers, the weights.

The retained share is R = 2cq − q², where c is the cosine and q the norm ratio of an adapter's effects on both models.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ioadapt_theory.claims.language import *

M, W, W_TARGET, F = matrix("m"), matrix("w"), matrix("w_target"), matrix("f")
L, L_TARGET = matrix("l"), matrix("l_target")
EFFECT, EFFECT_TARGET = W1 @ M @ W2, W1_TARGET @ M @ W2_TARGET
SAME_FUNCTION = (W1 @ W @ W2).equals(W1_TARGET @ W @ W2_TARGET)
CLOSER = fro((EYE + M) @ W - (EYE + M) @ W_TARGET) <= fro((W + M @ W) - (W_TARGET + M @ W))
READABLE = (L @ pinv(L) @ (L_TARGET - L)).equals(L_TARGET - L)
WORST = spectral(pinv(L) @ (L_TARGET - L))
SEEN = fro(F @ L)
LOST = fro(F @ (L_TARGET - L))


def share(there: Term) -> Term:
    """Return the share of its gain that an adapter retains; its effect is MW on the source, ``there`` on the target."""
    return (2 * inner(M @ W, there) - fro(there) ** 2) / fro(M @ W) ** 2


no_bound = argued(Remarked, "R = 2t − t² where the layer is equal")(
    spelled(
        "W₁' = diag(t, 1), W = I, W₂' = diag(1/t, 1): W₁'WW₂' = I, as «t · 1/t = 1»",
        "the adapter M = [0 1; 0 0] has e' = te, so R = «1 − (t − 1)² = 2t − t²», without bound",
        "D beside W, and beside −W: «Z(W + D)J − ZWJ = ZDJ = Z(−W + D)J − Z(−W)J»",
    ),
)
unseen = Shown(
    spelled(
        "x = (t, 1), M = diag(1, 0) between two layers, W₁ = W₂ = W₂' = I, W₁' = [0 1; 1 0]: e = xW₁MW₂ = (t, 0), "
        "e' = xW₁'MW₂' = (1, 0), so R = 1 − ‖e' − e‖²/‖e‖² = «1 − ((1 − t)² + 0²)/(t² + 0²) = 2/t − 1/t²», without "
        "bound for t near 0"
    ),
)


def one_point(worst: Fraction, seen: Fraction) -> dict[str, Any]:
    """L = I, L' − L is zero except for its first entry, and F has one row, along the first axis."""
    return {"L": [[1, 0], [0, 1]], "L_target": [[1 + worst, 0], [0, 1]], "F": [[seen, 0]]}


LAYERS = matrices("three layers", {"W1": "c h", "W1_target": "c h", "M": "h k", "W": "h k", "W2": "k d",
                                   "W2_target": "k d"})  # fmt: skip
LAYER = matrices("one layer", {"W": "c d", "W_target": "c d", "M": "c c"})


def rescaled(raw: Mapping[str, Any]) -> Any:
    """Return an instance whose target is the source with the first layer doubled and the last one halved."""
    return LAYERS.parametrise({**raw, "w1_target": 2 * raw["w1"], "w2_target": raw["w2"] / 2})


def shrinking(raw: Mapping[str, Any]) -> Any:
    """Return an instance with ‖I + M‖₂ ≤ 1."""
    gram = raw["m"] @ raw["m"].mT
    return LAYER.parametrise({**raw, "m": -gram / gram.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]})


CLAIMS = (
    Claim(
        id="effect-own-layer",
        source=BEYOND,
        reading="equal functions, and an adapted layer that is equal, keep some of the gain (R ≥ 0)",
        given=(SAME_FUNCTION,),
        concludes=(fro(EFFECT_TARGET - EFFECT) ** 2 <= fro(EFFECT) ** 2,),
        proofs=(*contradicted("effect-own-layer"), no_bound),
        witnesses=("effect-own-layer",),
        expected=REFUTED,
        remark="R = 1 − ‖e' − e‖²/‖e‖² = −3 in effect-own-layer; R has no lower bound",
        setting=LAYERS.parametrised(rescaled),
        strategies=(Replay(), RandomInstances()),
    ),
    Claim(
        id="effect-discrepancy",
        source=BEYOND,
        reading="what has the smaller discrepancy keeps more of the gain",
        given=(CLOSER,),
        concludes=(share(M @ W) <= share(M @ W_TARGET),),
        proofs=contradicted("effect-discrepancy"),
        witnesses=("effect-discrepancy",),
        expected=REFUTED,
        remark="W = 1, W' = 3/2, M = −1/2: discrepancy 1/4 for LoRA and 1/16 for the input adapter, retained share "
        "{lhs of effect-discrepancy} and {rhs of effect-discrepancy}",
        setting=LAYER.parametrised(shrinking),
        strategies=(Replay(), RandomInstances()),
    ),
    Claim(
        id="effect-every-law",
        source=BEYOND,
        reading="sharp over all laws of the inputs",
        given=(READABLE,),
        concludes=(LOST <= WORST * SEEN,),
        proofs=(
            derived(LOST,
                    Link("L' − L = LL⁺(L' − L)", fro(F @ READABLE.left)),
                    Link("put together", fro((F @ L) @ (pinv(L) @ (L_TARGET - L)))),
                    Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", WORST * SEEN)),
            Attained(one_point, {WORST: LENGTHS_TRIED, SEEN: LENGTHS_TRIED}),
        ),
        expected=PROVED,
        remark="R ≥ 1 − ‖L⁺(L' − L)‖₂²; without the hypothesis R has no lower bound",
        words=(SHARP,),
        setting=matrices("two effects", {"L": "c d", "L_target": "c d", "F": "n c"}),
        strategies=(RandomInstances(), GradientAscent()),
    ),
    Claim(
        id="effect-weights-only",
        source=BEYOND,
        amends="effect-every-law",
        prose="there are weights for which R has no lower bound over the laws of the inputs",
        proofs=(unseen,),
        expected=PROVED,
    ),
)  # fmt: skip
