"""Bounds on the error of an adapter's effect by the change of the function: Props. 4 and 5 for effects.

W is the layer and M the adapter. If later layers change, the rows z that enter the layer have E[zᵀz] = FᵀF, the
Jacobian behind the layer changes by H, and the function by FWH. If earlier layers change, the rows change by H, the
Jacobian J has JJᵀ = FFᵀ, and the function changes by HWF. An input adapter writes what the layer reads, and an output
adapter reads what the layer writes.
"""

from ioadapt_theory.claims.language import *

F, W, M, H = (matrix(name) for name in ("f", "w", "m", "h"))
BEHIND, BEFORE = fro(F @ W @ H), fro(H @ W @ F)
INPUT_SIZE, OUTPUT_SIZE, LORA_SIZE = (
    spectral(m) for m in (F @ M @ inverse(F), inverse(F) @ M @ F, F @ M @ inverse(F @ W))
)
REGULAR, BOTH_REGULAR = (rank(x).equals(rows(x)) for x in (F, F @ W))


def one_channel(size: Fraction, change: Fraction) -> dict[str, Any]:
    """W = F = I, and M and H are zero except for their first entries."""
    eye = [[1, 0], [0, 1]]
    return {"F": eye, "W": eye, "M": [[size, 0], [0, 0]], "H": [[change, 0], [0, 0]]}


MEANINGS = {
    "F": "FᵀF are the second moments before the adapter; for an output adapter FFᵀ = JJᵀ, J the Jacobian behind it",
    "W": "the adapted layer", "M": "the adapter", "H": "change of the Jacobian, or of the rows, on the other side",
}  # fmt: skip


def filtered(name: str, reading: str, given: Relation, chain: Derived, axes: dict[str, str]) -> Claim:
    """Return the claim that ``chain`` proves: the change of the function bounds the change of an adapter's effect."""
    (deduction,) = chain.chains
    bound = deduction.links[-1].formula
    return Claim(
        id=f"effect-filter-{name}", source=BEYOND, reading=f"sharp; {reading}", given=(given,),
        concludes=(deduction.first <= bound,),
        proofs=(chain, Attained(one_channel, {next(x for x in bound.args if x.op == op): LENGTHS_TRIED
                                              for op in ("spectral", "fro")})),
        words=(SHARP,), setting=matrices(f"a layer and a change, {name}", axes, meanings=MEANINGS),
        strategies=(RandomInstances(), GradientAscent()),
    )  # fmt: skip


CLAIMS = (
    filtered(
        "input", "input adapter, layers behind it change", REGULAR,
        derived(fro(F @ M @ W @ H),
                Link("F⁻¹F put in the middle", fro((F @ M @ inverse(F)) @ (F @ W @ H))),
                Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", INPUT_SIZE * BEHIND)),
        {"F": "c c", "W": "c d", "H": "d o", "M": "c c"},
    ),
    filtered(
        "output", "output adapter, layers before it change", REGULAR,
        derived(fro(H @ W @ M @ F),
                Link("FF⁻¹ put in the middle", fro((H @ W @ F) @ (inverse(F) @ M @ F))),
                Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", BEFORE * OUTPUT_SIZE)),
        {"H": "n c", "W": "c d", "F": "d d", "M": "d d"},
    ),
    filtered(
        "lora", "LoRA, layers behind it change", BOTH_REGULAR,
        derived(fro(F @ M @ H),
                Link("(FW)⁻¹FW put in the middle", fro((F @ M @ inverse(F @ W)) @ (F @ W @ H))),
                Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", LORA_SIZE * BEHIND)),
        {"F": "c c", "W": "c c", "H": "c o", "M": "c c"},
    ),
)  # fmt: skip
