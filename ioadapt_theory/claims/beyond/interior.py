"""Props. 4 and 5 inside a model, where adapters are in practice, and for inputs of any second moments E[xᵀx] = FᵀF."""

from dataclasses import dataclass, replace
from functools import partial

from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.settings.shared_function import start

PLACE = "beyond App. A.2"


def between(*, everywhere: bool) -> Setting:
    """Return the setting with AB in front of W₂ (h x h), or in front of both layers (h = c)."""
    h, n = ("c", 3) if everywhere else ("h", 4)
    weights = (Letter("W1", "w1", f"c {h}"), Letter("W2", "w2", f"{h} d"))
    targets = (Letter("W1_target", "w1_target", f"c {h}"), Letter("W2_target", "w2_target", f"{h} d"))
    raw = {"w1": (3, n), "w2": (n, 2), "w1_target": (3, n), "w2_target": (n, 2), "sigma": (), "ab": (n, n)}
    return replace(
        function_setting(INPUT),
        name="setting A.2 (interior)",
        letters=(*weights, *targets, Letter("AB", "ab", f"{h} {h}"), Letter("sigma", "sigma", positive=True)),
        start=partial(start, shapes=raw),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Anisotropic:
    """W₁, W₂, W₁', W₂', AB and the factor F (c x c) of E[xᵀx]."""

    w1: Array
    w2: Array
    w1_target: Array
    w2_target: Array
    ab: Array
    factor: Array


def anisotropic(placement: Placement) -> Setting:
    """Return setting A.2 with the key F for σ."""
    axis, size = ("c", 3) if placement is INPUT else ("d", 2)
    shapes = {
        "w1": (3, 4),
        "w2": (4, 2),
        "w1_target": (3, 4),
        "w2_target": (4, 2),
        "ab": (size, size),
        "factor": (3, 3),
    }
    return Setting(
        name=f"setting A.2 with E[x'x] = F'F ({placement})",
        build=Anisotropic,
        letters=(
            Letter("W1", "w1", "c h"),
            Letter("W2", "w2", "h d"),
            Letter("W1_target", "w1_target", "c k"),
            Letter("W2_target", "w2_target", "k d"),
            Letter("AB", "ab", f"{axis} {axis}"),
            Letter("F", "factor", "c c"),
        ),
        start=lambda n, generator: normals(n, shapes, generator),
        parametrise=lambda raw: Anisotropic(**raw),
    )


INSIDE = mean_square(X @ W1 @ T @ W2 - X @ W1_TARGET @ T @ W2_TARGET, SIGMA)
EVERYWHERE = mean_square(X @ T @ W1 @ T @ W2 - X @ T @ W1_TARGET @ T @ W2_TARGET, SIGMA)
FIRST, SECOND = W1 - W1_TARGET, W2 - W2_TARGET
BY_LAYERS = (SIGMA * spectral(T) * (fro(FIRST) * spectral(W2) + spectral(W1_TARGET) * fro(SECOND))) ** 2
F = matrix("factor")
F_REGULAR = rank(F).equals(rows(F))
BEFORE = discrepancy(None, F)
"""E‖xW₁W₂ − xW₁'W₂'‖²."""
WHITENED = F @ T @ inverse(F)
CLAIMS = (
    Claim(
        id="prop-4-interior",
        source=PLACE,
        reading="adapter between the layers",
        given=(NEARLY_SAME,),
        concludes=(INSIDE <= SIGMA**2 * spectral(T) ** 2 * EPSILON,),
        proofs=contradicted("g1"),
        witnesses=("g1",),
        expected=REFUTED,
        remark="equal functions do not stay equal: {lhs of g1} from ε = 0, where LoRA on W₁ has {lhs of g1 in prop-3}",
        setting=between(everywhere=False),
        strategies=(*SEARCHES, StackMonteCarlo(INPUT, layer=1)),
    ),
    Claim(
        id="prop-4-interior-layers",
        source=PLACE,
        reading="adapter between the layers",
        amends="prop-4-interior",
        concludes=(INSIDE <= BY_LAYERS,),
        proofs=(
            derived(
                "telescope, triangle inequality",
                INSIDE,
                Link("telescope", SIGMA**2 * fro(FIRST @ (T @ W2) + (W1_TARGET @ T) @ SECOND) ** 2),
                Link(
                    "triangle inequality",
                    SIGMA**2 * (fro(FIRST @ (T @ W2)) + fro((W1_TARGET @ T) @ SECOND)) ** 2,
                    (TRIANGLE_FROBENIUS,),
                ),
                Link(
                    "‖MN‖_F ≤ ‖M‖_F‖N‖₂ and ‖M‖₂‖N‖_F",
                    SIGMA**2 * (fro(FIRST) * spectral(T @ W2) + spectral(W1_TARGET @ T) * fro(SECOND)) ** 2,
                    (LEFT, RIGHT),
                ),
                Link(
                    "‖MN‖₂ ≤ ‖M‖₂‖N‖₂",
                    SIGMA**2
                    * (fro(FIRST) * (spectral(T) * spectral(W2)) + (spectral(W1_TARGET) * spectral(T)) * fro(SECOND))
                    ** 2,
                    (SPECTRAL_PRODUCT,),
                ),
                Link("‖I + AB‖₂ in front", BY_LAYERS),
            ),
        ),
        attained=("interior-attained",),
        expected=PROVED,
        remark="what is left inside a model depends on the layers, not on the function",
        words=(ATTAINED,),
        setting=between(everywhere=False),
        strategies=SEARCHES,
    ),
    Claim(
        id="prop-4-every-layer",
        source=PLACE,
        reading="adapter before every layer",
        given=(NEARLY_SAME,),
        concludes=(EVERYWHERE <= SIGMA**2 * spectral(T) ** 4 * EPSILON,),
        proofs=contradicted("g1"),
        witnesses=("g1",),
        expected=REFUTED,
        remark="one interior adapter among them suffices",
        setting=between(everywhere=True),
        strategies=SEARCHES,
    ),
    Claim(
        id="prop-4-anisotropic",
        source=PLACE,
        reading="x = zF, z ~ N(0, I)",
        given=(F_REGULAR,),
        concludes=(discrepancy(INPUT, F) <= spectral(T) ** 2 * BEFORE,),
        proofs=contradicted("anisotropic"),
        witnesses=("anisotropic",),
        expected=REFUTED,
        remark="AB moves what varies much to where the models differ",
        setting=anisotropic(INPUT),
        strategies=SEARCHES,
    ),
    Claim(
        id="prop-4-whitened",
        source=PLACE,
        reading="x = zF, z ~ N(0, I)",
        amends="prop-4-anisotropic",
        given=(F_REGULAR,),
        concludes=(discrepancy(INPUT, F) <= spectral(WHITENED) ** 2 * BEFORE,),
        proofs=(
            derived(
                "x = zF",
                discrepancy(INPUT, F),
                Link("x = zF, and F⁻¹F put in the middle", fro(WHITENED @ (F @ GAP)) ** 2, (F_REGULAR,)),
                Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", (spectral(WHITENED) * fro(F @ GAP)) ** 2, (LEFT,)),
                Link("expand, z again x", spectral(WHITENED) ** 2 * BEFORE),
            ),
        ),
        expected=PROVED,
        remark="Prop. 4 for whitened inputs",
        setting=anisotropic(INPUT),
        strategies=SEARCHES,
    ),
    Claim(
        id="prop-5-anisotropic",
        source=PLACE,
        reading="x = zF, z ~ N(0, I)",
        given=(F_REGULAR,),
        concludes=(discrepancy(OUTPUT, F) <= spectral(T) ** 2 * BEFORE,),
        proofs=(
            derived(
                "sample by sample",
                discrepancy(OUTPUT, F),
                Link("x = zF, and I + AB factored out on the right", fro((F @ GAP) @ T) ** 2),
                Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", (fro(F @ GAP) * spectral(T)) ** 2, (RIGHT,)),
                Link("expand, z again x", spectral(T) ** 2 * BEFORE),
            ),
        ),
        expected=PROVED,
        remark="output adaptation does not care about the law of the inputs; a regular F is not needed here",
        setting=anisotropic(OUTPUT),
        strategies=SEARCHES,
    ),
)
