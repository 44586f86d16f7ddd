"""LoRA or an input or output adapter: what decides between them, for every network and every pair of models.

At one input, z is the row that enters the layer and J the Jacobian of the outputs behind it, of the target; e is the
adapter's effect on the source. LoRA is Δ = MW, or WM beside an output adapter: the same effect on the source.
"""

from ioadapt_theory.claims.language import *

Z, E = row("z"), row("e")
J, M, D = matrix("j"), matrix("m"), matrix("d")
W, W_TARGET = matrix("w"), matrix("w_target")
S = scalar("s")
ROWS_Z = matrix("z")
"""Several inputs, of one J."""

SIZES = {"n": 5, "c": 3, "d": 4, "o": 2}


def lora(placement: Placement) -> Term:
    """The effect of the LoRA that equals the adapter on the source."""
    return Z @ (M @ W if placement is INPUT else W @ M) @ J


def adapted(placement: Placement, w: Term) -> Term:
    """The effect of the adapter where the layer is w."""
    return Z @ M @ w @ J if placement is INPUT else Z @ w @ M @ J


def at_one_layer(name: str, placement: Placement, *others: str) -> Setting:
    """Return the setting of a layer of the target."""
    side = "c c" if placement is INPUT else "d d"
    axes = {"z": "c", "W": "c d", "W_target": "c d", "J": "d o", "M": side, "D": "c d", "e": "o"}
    kept = {key: axes[key] for key in ("z", "W", "J", "M", *others)}
    return matrices(f"{name}, {placement}", kept, SIZES)


def identity(placement: Placement) -> Claim:
    """What the layer's own change adds to LoRA's error."""
    own = adapted(placement, W_TARGET - W)
    left = norm(adapted(placement, W_TARGET) - E) ** 2
    right = norm(lora(placement) - E) ** 2 + norm(own) ** 2 - 2 * dot(E - lora(placement), own)
    return Claim(
        id=f"effect-lora-or-{placement}",
        source=BEYOND,
        reading="error of the effect at one input, any network",
        concludes=(left.equals(right),),
        proofs=(derived("expand the square", left, Link("the adapter's effect is LoRA's and its own change", right)),),
        expected=PROVED,
        remark="it loses less than LoRA iff the layer's own change undoes what the other layers' changes do to the effect; "
        "where the own change has mean 0 given everything else, LoRA loses least, by the mean of the second term",
        setting=at_one_layer("one input", placement, "W_target", "e"),
        strategies=(RandomInstances(),),
    )


def independent(placement: Placement) -> tuple[Term, Term]:
    """The mean error for W + D and W − D, and LoRA's with what is added."""
    plus_, minus = (norm(adapted(placement, w) - E) ** 2 for w in (W + D, W - D))
    return (plus_ + minus) / 2, norm(lora(placement) - E) ** 2 + norm(adapted(placement, D)) ** 2


LEFT_, RIGHT_ = independent(INPUT)
SAME_LAYER = W.equals(W_TARGET)
SCALED = ROWS_Z @ M @ (S * W) @ (1 / S * J), ROWS_Z @ M @ W @ J
SCALED_LORA = ROWS_Z @ D @ (1 / S * J), 1 / S * (ROWS_Z @ D @ J)
EQUAL_INPUT = ROWS_Z @ M @ W_TARGET @ J, ROWS_Z @ (M @ W) @ J
EQUAL_OUTPUT = ROWS_Z @ W_TARGET @ D @ J, ROWS_Z @ (W @ D) @ J


CLAIMS = (
    identity(INPUT),
    identity(OUTPUT),
    Claim(
        id="effect-same-layer",
        source=BEYOND,
        reading="a layer that is equal in both models",
        given=(SAME_LAYER,),
        concludes=(EQUAL_INPUT[0].equals(EQUAL_INPUT[1]), EQUAL_OUTPUT[0].equals(EQUAL_OUTPUT[1])),
        proofs=(
            Derived("the same layer", (
                Deduction(EQUAL_INPUT[0], (Link("W' = W", EQUAL_INPUT[1], (SAME_LAYER,)),)),
                Deduction(EQUAL_OUTPUT[0], (Link("W' = W", EQUAL_OUTPUT[1], (SAME_LAYER,)),)),
            )),
        ),
        expected=PROVED,
        remark="input and output adapters are then the same adapter as LoRA, and move alike, well or badly",
        setting=matrices("one layer, both sides",
                         {"Z": "n c", "M": "c c", "W": "c d", "W_target": "c d", "D": "d d", "J": "d o"},
                         SIZES),
    ),
    Claim(
        id="effect-independent-change",
        source=BEYOND,
        reading="the layer's own change D with either sign",
        amends="effect-lora-or-input",
        concludes=(LEFT_.equals(RIGHT_),),
        proofs=(derived("parallelogram", LEFT_, Link("expand both squares", RIGHT_)),),
        expected=PROVED,
        remark="LoRA loses least on average, by exactly the square of the own change's effect, whatever the network, the "
        "adapter, the data and the changes of other layers; so for every law of D that is symmetric about 0",
        setting=at_one_layer("two changes", INPUT, "D", "e"),
        strategies=(RandomInstances(),),
    ),
    Claim(
        id="effect-scale-gauge",
        source=BEYOND,
        reading="the layer times s, what follows divided by s",
        amends="effect-lora-or-input",
        concludes=(SCALED[0].equals(SCALED[1]), SCALED_LORA[0].equals(SCALED_LORA[1])),
        proofs=(
            Derived("s cancels", (
                Deduction(SCALED[0], (Link("s/s = 1", SCALED[1]),)),
                Deduction(SCALED_LORA[0], (Link("s comes out", SCALED_LORA[1]),)),
            )),
        ),
        expected=PROVED,
        remark="the function is unchanged; an input adapter keeps R = 1, LoRA R = 1 − (1 − 1/s)², and 1 if it is "
        "multiplied by s",
        setting=matrices("a scale", {"Z": "n c", "M": "c c", "W": "c d", "D": "c d", "J": "d o", "s": ""}, SIZES),
        strategies=(RandomInstances(),),
    ),
)  # fmt: skip
