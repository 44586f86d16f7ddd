"""The layer filters one side: Props. 4 and 5, for the effect, at every layer inside a model.

Z has the rows that enter the layer, with E[zᵀz] = FᵀF; J is the Jacobian behind it, with JJᵀ = GGᵀ. Layers behind that
change add D = J' − J, and the function changes by FWD; layers before that change add D to the rows that enter, and the
function changes by DWG. Input adapters write what the layer then reads, output adapters read what it wrote.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ioadapt_theory.claims.language import *

F, G, W, M, D = (matrix(name) for name in ("f", "g", "w", "m", "d"))
BEHIND, BEFORE = fro(F @ W @ D), fro(D @ W @ G)
INPUT_SIZE = spectral(F @ M @ inverse(F))
OUTPUT_SIZE = spectral(inverse(G) @ M @ G)
LORA_SIZE = spectral(F @ M @ inverse(F @ W))
F_REGULAR, G_REGULAR, FW_REGULAR = (rank(x).equals(rows(x)) for x in (F, G, F @ W))
NARROW, WIDE = {"F": "c c", "W": "c d", "D": "d o"}, {"D": "n c", "W": "c d", "G": "d d"}
SIZES = {"c": 3, "d": 4, "o": 2, "n": 5}
SCALES = (Fraction(1, 2), Fraction(3))


def along_first(m: Fraction, change: Fraction) -> dict[str, Any]:
    """M = diag(m, 0), W = F = I, and a change along the first axis."""
    return {"F": [[1, 0], [0, 1]], "W": [[1, 0], [0, 1]], "M": [[m, 0], [0, 0]], "D": [[change, 0], [0, 0]]}


def before_first(m: Fraction, change: Fraction) -> dict[str, Any]:
    """The same before the layer."""
    raw = along_first(m, change)
    return {"G": raw["F"], **{key: raw[key] for key in ("W", "M", "D")}}


@argued(Remarked, "a layer that hardly passes a channel", "no bound that does not contain the layer: W = diag(1, t), t → 0")
def unbounded(claim: Claim) -> Iterator[Step]:
    """F = I, D = (0, 1)ᵀ, the LoRA e₁ᵀe₂ beside W: the function changes by t, and the effect by 1."""
    sp = sympy()
    t = sp.Symbol("t", positive=True)
    w, d, m = sp.diag(1, t), sp.Matrix([0, 1]), sp.Matrix([[0, 1], [0, 0]])
    function, effect = ((x * d).norm() for x in (w, m))
    yield Step("effect/function = 1/t", vanishes(effect / function - 1 / t))
    yield Step("→ ∞", found(sp.limit(effect / function, t, 0), sp.oo))


CLAIMS = (
    Claim(
        id="effect-filter-input",
        source=BEYOND,
        reading="input adapter, layers behind it change",
        given=(F_REGULAR,),
        concludes=(fro(F @ M @ W @ D) <= INPUT_SIZE * BEHIND,),
        proofs=(
            derived("in whitened inputs", fro(F @ M @ W @ D),
                    Link("F⁻¹F put in the middle", fro((F @ M @ inverse(F)) @ (F @ W @ D)), (F_REGULAR,)),
                    Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", INPUT_SIZE * BEHIND, (LEFT,))),
            Attained("one channel", along_first, {INPUT_SIZE: SCALES, BEHIND: SCALES}),
        ),
        expected=PROVED,
        remark="what the layers behind do while the function stays cannot reach an input adapter: it writes only what the "
        "layer then writes; W is in the bound through the function alone",
        words=(SHARP,),
        setting=matrices("a layer and what is behind", {**NARROW, "M": "c c"}, SIZES),
        strategies=(RandomInstances(), GradientAscent()),
    ),
    Claim(
        id="effect-filter-output",
        source=BEYOND,
        reading="output adapter, layers before it change",
        given=(G_REGULAR,),
        concludes=(fro(D @ W @ M @ G) <= BEFORE * OUTPUT_SIZE,),
        proofs=(
            derived("in the metric of the outputs", fro(D @ W @ M @ G),
                    Link("GG⁻¹ put in the middle", fro((D @ W @ G) @ (inverse(G) @ M @ G)), (G_REGULAR,)),
                    Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", BEFORE * OUTPUT_SIZE, (RIGHT,))),
            Attained("one channel", before_first, {OUTPUT_SIZE: SCALES, BEFORE: SCALES}),
        ),
        expected=PROVED,
        remark="what the layers before do while the function stays cannot reach an output adapter: it reads only what the "
        "layer wrote",
        words=(SHARP,),
        setting=matrices("a layer and what is before", {**WIDE, "M": "d d"}, SIZES),
        strategies=(RandomInstances(), GradientAscent()),
    ),
    Claim(
        id="effect-filter-lora",
        source=BEYOND,
        reading="LoRA M, layers behind it change, W square and regular",
        amends="effect-filter-input",
        given=(FW_REGULAR,),
        concludes=(fro(F @ M @ D) <= LORA_SIZE * BEHIND,),
        proofs=(
            derived("through the layer's outputs", fro(F @ M @ D),
                    Link("(FW)⁻¹FW put in the middle", fro((F @ M @ inverse(F @ W)) @ (F @ W @ D)), (FW_REGULAR,)),
                    Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", LORA_SIZE * BEHIND, (LEFT,))),
            Attained("one channel", along_first, {LORA_SIZE: SCALES, BEHIND: SCALES}),
            unbounded,
        ),
        expected=PROVED,
        remark="sharp, and without bound where the layer hardly passes a channel that LoRA writes: on neither side does "
        "the layer filter what LoRA does",
        words=(SHARP,),
        setting=matrices("a square layer and what is behind", {"F": "c c", "W": "c c", "D": "c o", "M": "c c"}, SIZES),
        strategies=(RandomInstances(), GradientAscent()),
    ),
)  # fmt: skip
