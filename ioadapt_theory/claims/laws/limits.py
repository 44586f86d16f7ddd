"""What does not determine the share of its gain that an adapter retains: discrepancy and similar layers.

The retained share is R = 2cq − q², where c is the cosine and q the norm ratio of an adapter's effects on both models.
"""

from ioadapt_theory.claims.language import *

M, W, W_TARGET = matrix("m"), matrix("w"), matrix("w_target")
EFFECT, EFFECT_TARGET = W1 @ M @ W2, W1_TARGET @ M @ W2_TARGET
SAME_FUNCTION = (W1 @ W @ W2).equals(W1_TARGET @ W @ W2_TARGET)
CLOSER = fro((EYE + M) @ W - (EYE + M) @ W_TARGET) <= fro((W + M @ W) - (W_TARGET + M @ W))


def share(there: Term) -> Term:
    """Return the share of its gain that an adapter retains; its effect is MW on the source, ``there`` on the target."""
    return (2 * inner(M @ W, there) - fro(there) ** 2) / fro(M @ W) ** 2


LAYERS = matrices("three layers", {"W1": "c h", "W1_target": "c h", "M": "h k", "W": "h k", "W2": "k d",
                                   "W2_target": "k d"},
                  meanings={"M": "a LoRA beside W", "W1": "layer before it", "W2": "layer behind it"})  # fmt: skip
LAYER = matrices(
    "one layer", {"W": "c d", "W_target": "c d", "M": "c c"}, meanings={"M": "an input adapter, and the LoRA MW"}
)


def shrinking(i: Any) -> dict[str, Any]:
    """Make an instance with ‖I + M‖₂ ≤ 1."""
    gram = i.m @ i.m.mT
    return {"m": -gram / gram.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]}


CLAIMS = (
    Claim(
        id="effect-own-layer", source=BEYOND,
        reading="equal functions, and an adapted layer that is equal, keep some of the gain (R ≥ 0)",
        given=(SAME_FUNCTION,), concludes=(fro(EFFECT_TARGET - EFFECT) ** 2 <= fro(EFFECT) ** 2,),
        **refuted_by("effect-own-layer"),
        setting=LAYERS.parametrised(lambda i: {"w1_target": 2 * i.w1, "w2_target": i.w2 / 2}),
    ),
    Claim(
        id="effect-discrepancy", source=BEYOND, reading="what has the smaller discrepancy keeps more of the gain",
        given=(CLOSER,), concludes=(share(M @ W) <= share(M @ W_TARGET),),
        **refuted_by("effect-discrepancy"), setting=LAYER.parametrised(shrinking),
    ),
)  # fmt: skip
