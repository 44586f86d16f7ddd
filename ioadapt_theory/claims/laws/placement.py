"""Criteria for the choice between LoRA and an input or output adapter; exact if all later layers are linear.

At one input, z is the row that enters the target's adapted layer, J the Jacobian of the outputs with respect to that
layer's output, and e the adapter's effect on the source, where the LoRA MW (input) or WM (output) has the same one.
"""

from ioadapt_theory.claims.language import *

Z, E, SCALE = row("z"), row("e"), scalar("s")
J, M, H, W, W_TARGET = (matrix(name) for name in ("j", "m", "h", "w", "w_target"))
BATCH = matrix("z")
"""The rows z of several inputs with the same J."""
SIDE = {INPUT: "c c", OUTPUT: "d d"}
MEANINGS = {"z": "a row that enters the layer of the target", "Z": "rows that enter the layer of the target",
            "J": "Jacobian of the outputs behind the layer", "M": "the adapter", "e": "its effect on the source",
            "W": "the adapted layer", "H": "a change of the layer"}  # fmt: skip


def lora(placement: Placement) -> Term:
    """Return the effect on the target of the LoRA MW or WM, which has the effect of the adapter M on the source."""
    return Z @ (M @ W if placement is INPUT else W @ M) @ J


def adapted(placement: Placement, w: Term) -> Term:
    return Z @ M @ w @ J if placement is INPUT else Z @ w @ M @ J


def identity(placement: Placement) -> Claim:
    """Return the claim that expresses an adapter's squared error in terms of LoRA's and the layer's change W' − W."""
    own = adapted(placement, W_TARGET - W)
    left = norm(adapted(placement, W_TARGET) - E) ** 2
    right = norm(lora(placement) - E) ** 2 + norm(own) ** 2 - 2 * dot(E - lora(placement), own)
    return Claim(
        id=f"effect-lora-or-{placement}", source=BEYOND, reading="error of the effect at one input",
        **equal(left, Link("the adapter's effect is LoRA's and its own change", right)),
        setting=matrices(f"one row, {placement}", {"z": "c", "W": "c d", "W_target": "c d", "J": "d o",
                                                     "M": SIDE[placement], "e": "o"}, meanings=MEANINGS),
    )  # fmt: skip


EITHER_SIGN = (norm(adapted(INPUT, W + H) - E) ** 2 + norm(adapted(INPUT, W - H) - E) ** 2) / 2
LORA_AND_OWN = norm(lora(INPUT) - E) ** 2 + norm(adapted(INPUT, H)) ** 2
EQUAL = W.equals(W_TARGET)
INPUTS, INPUT_LORA = BATCH @ M @ W_TARGET @ J, BATCH @ (M @ W) @ J
OUTPUTS, OUTPUT_LORA = BATCH @ W_TARGET @ H @ J, BATCH @ (W @ H) @ J
SCALED, PLAIN = BATCH @ M @ (SCALE * W) @ (1 / SCALE * J), BATCH @ M @ W @ J
SCALED_LORA, PLAIN_LORA = BATCH @ H @ (1 / SCALE * J), 1 / SCALE * (BATCH @ H @ J)
BOTH_SIDES = matrices(
    "one layer, both sides",
    {"Z": "n c", "M": "c c", "W": "c d", "W_target": "c d", "H": "d d", "J": "d o"},
    meanings=MEANINGS | {"M": "an input adapter, and the LoRA MW", "H": "an output adapter, and the LoRA WH"},
)
CLAIMS = (
    identity(INPUT), identity(OUTPUT),
    Claim(
        id="effect-same-layer", source=BEYOND, reading="a layer that is equal in both models", given=(EQUAL,),
        **all_equal((INPUTS, Link("W' = W", INPUT_LORA)), (OUTPUTS, Link("W' = W", OUTPUT_LORA))),
        setting=BOTH_SIDES.parametrised(lambda i: {"w_target": i.w}),
    ),
    Claim(
        id="effect-independent-change", source=BEYOND, reading="the layer's own change H with either sign",
        amends="effect-lora-or-input", **equal(EITHER_SIGN, Link("expand both squares", LORA_AND_OWN)),
        setting=matrices(
            "two changes", {"z": "c", "W": "c d", "J": "d o", "M": "c c", "H": "c d", "e": "o"}, meanings=MEANINGS,
        ),
    ),
    Claim(
        id="effect-scale-gauge", source=BEYOND, reading="the layer times s, what follows divided by s",
        amends="effect-lora-or-input",
        **all_equal((SCALED, Link("s/s = 1", PLAIN)), (SCALED_LORA, Link("s comes out", PLAIN_LORA))),
        setting=matrices(
            "a scale", {"Z": "n c", "M": "c c", "W": "c d", "H": "c d", "J": "d o", "s": ""},
            meanings=MEANINGS | {"M": "an input adapter", "H": "a LoRA", "s": "a scale"},
        ),
    ),
)  # fmt: skip
