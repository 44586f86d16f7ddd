"""The three placements compared in App. A.2: none is always best; for equal functions, LoRA never beats another."""

import torch

from ioadapt_theory.claims.language import *

MATRICES = ("W1", "W2", "W1_target", "W2_target", "AB")
SQUARE_LAYERS = with_epsilon(
    matrices("square layers", dict.fromkeys(MATRICES, "c c") | {"sigma": ""}, build=SharedFunction)
)
"""Square layers, so that one AB fits all three placements."""


def nearly_the_same(i: SharedFunction) -> dict[str, Any]:
    """Make models whose functions are closer than their layers: target W₁R, R⁻¹W₂ plus noise, R orthogonal."""
    turn = torch.linalg.matrix_exp(i.w1_target - i.w1_target.mT)
    return {"w1_target": i.w1 @ turn, "w2_target": turn.mT @ i.w2 + 1e-3 * i.w2_target}


OF = {placement: discrepancy(placement) for placement in Placement}
CHANGE = AB @ (W2 - W2_TARGET)
SAME = (W1 @ W2).equals(W1_TARGET @ W2_TARGET)
CLOSER = (spectral(T) + 1) * sqrt(EPSILON) <= fro(CHANGE)
LEFT_OVER = SIGMA**2 * fro(CHANGE) ** 2


def factored(placement: Placement, product: Term, last: Term) -> tuple[Any, ...]:
    split = Link("E‖xD‖² = σ²‖D‖_F², and the gap split off", SIGMA**2 * fro(product) ** 2)
    return OF[placement], split, Link("W₁W₂ = W₁'W₂'", last)


def no_worse(placement: Placement) -> Relation:
    return OF[placement] <= OF[LORA]


LIMIT = SIGMA**2 * spectral(T) ** 2 * EPSILON
sufficient = argued(
    (OF[INPUT] <= LIMIT, "prop-4"), (OF[OUTPUT] <= LIMIT, "prop-5"),
    (OF[LORA].equals(SIGMA**2 * fro(GAP + CHANGE) ** 2), "prop-3-exact"),
    (fro(CHANGE) - sqrt(EPSILON) <= fro(GAP + CHANGE), "triangle inequality, and the hypothesis on the models"),
    (spectral(T) * sqrt(EPSILON) <= fro(GAP + CHANGE), "the second hypothesis"), (no_worse(INPUT), "so"),
    (no_worse(OUTPUT), "so"),
)  # fmt: skip
W, W_TARGET = matrix("w"), matrix("w_target")


def single_layer(name: str, reading: str, left: Term, right: Term, side: str) -> Claim:
    return Claim(
        id=f"transfer-single-layer{name}", source=BEYOND, reading=f"{reading}, on one layer", amends="transfer-input",
        **equal(left, Link("subtract", right)),
        setting=matrices("one layer", {"W": "c d", "W_target": "c d", "AB": side}),
    )  # fmt: skip


def never_worse(placement: Placement) -> Claim:
    """Return the refuted claim that the models are never further apart with ``placement`` than with LoRA."""
    return Claim(
        id=f"transfer-{placement}", source="Sections 1 and 4, App. A.2", origin=READING,
        reading="always, with the same AB", concludes=(no_worse(placement),), **refuted_by("r1", "r2", "r3"),
        setting=SQUARE_LAYERS,
    )  # fmt: skip


CLAIMS = (
    never_worse(INPUT), never_worse(OUTPUT),
    Claim(
        id="transfer-same-function", source="App. A.2 and Fig. 8", origin=IN_WORDS, reading="equal functions",
        amends="transfer-input", given=(SAME,),
        **all_equal(
            factored(INPUT, T @ GAP, NOTHING), factored(OUTPUT, GAP @ T, NOTHING),
            factored(LORA, GAP + CHANGE, LEFT_OVER),
        ),
        attained=("g1", "g2"),
        setting=SQUARE_LAYERS.parametrised(lambda i: {"w1_target": 2 * i.w1, "w2_target": i.w2 / 2}),
    ),
    Claim(
        id="transfer-sufficient", source="App. A.2", reading="a sufficient condition", amends="transfer-input",
        given=(NEARLY_SAME, CLOSER), concludes=(no_worse(INPUT), no_worse(OUTPUT)), proofs=(sufficient,),
        setting=SQUARE_LAYERS.parametrised(nearly_the_same),
    ),
    single_layer("", "LoRA", (W + AB) - (W_TARGET + AB), W - W_TARGET, "c d"),
    single_layer("-input", "input", T @ W - T @ W_TARGET, T @ (W - W_TARGET), "c c"),
    single_layer("-output", "output", W @ T - W_TARGET @ T, (W - W_TARGET) @ T, "d d"),
)  # fmt: skip
