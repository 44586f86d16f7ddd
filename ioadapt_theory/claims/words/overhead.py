"""Section 3.2: multiply-adds of the three placements in a c x d layer, for n tokens and adapters of rank r."""

from ioadapt_theory.claims.language import *

NUMBER, C, D, RANK = (scalar(name) for name in "ncdr")
COSTS: Mapping[str, tuple[Term, ...]] = {
    "forward": tuple(NUMBER * (C * D + x) for x in (RANK * (C + D), 2 * RANK * C, 2 * RANK * D)),
    "parameters": (RANK * (C + D), 2 * RANK * C, 2 * RANK * D),
    "merge": (RANK * C * D, 2 * RANK * C * D, 2 * RANK * C * D),
    "backward": (NUMBER * RANK * (C + 2 * D), NUMBER * C * D + 3 * NUMBER * RANK * C, 3 * NUMBER * RANK * D),
    "inside": (
        NUMBER * C * D + NUMBER * RANK * (2 * C + 2 * D),
        NUMBER * C * D + 4 * NUMBER * RANK * C,
        NUMBER * C * D + 4 * NUMBER * RANK * D,
    ),
}
"""Costs of LoRA, input and output adapters; "backward" needs no gradient of X, but input adapters need dY Wᵀ.

A test compares them with the multiply-adds that torch counts.
"""
SIZES = matrices("sizes of a layer", dict.fromkeys(("n", "c", "d", "r"), ""),
                 meanings={"n": "number of tokens", "c": "inputs", "d": "outputs", "r": "rank of AB"})  # fmt: skip
SQUARE = C.equals(D)


def claim(name: str, where: str, *kinds: str, amends: str | None = "overhead", refuted: bool = False) -> Claim:
    """Return the claim that input and output adapters cost no more than LoRA if c = d."""
    costs = [(let(f"{side}.{kind}", other), let(f"lora.{kind}", lora))
             for kind in kinds for lora, *others in [COSTS[kind]]
             for side, other in zip(("input", "output"), others, strict=True)]  # fmt: skip
    settled: dict[str, Any] = refuted_by("one-token") if refuted else {"proofs": (Expanded(),), "expected": PROVED}
    return Claim(
        id=name, source="Section 3.2", origin=PRINTED if amends is None else READING,
        reading=f"no additional overhead for c = d, multiply-adds of {where}", amends=amends, given=(SQUARE,),
        concludes=tuple(other <= lora if refuted else other.equals(lora) for other, lora in costs),
        setting=SIZES.parametrised(lambda i: {"d": i.c}),
       **settled,
    )  # fmt: skip


CLAIMS = (
    claim("overhead", "the forward pass, and parameters", "forward", "parameters", amends=None),
    claim("overhead-merging", "merging", "merge", refuted=True),
    claim("overhead-training", "the backward pass behind frozen layers", "backward", refuted=True),
    claim("overhead-training-inside", "the backward pass where earlier layers learn", "inside"),
)
