"""Props. 4 and 5 for adapters between layers, as in practice, and for inputs with any second moments E[xᵀx] = FᵀF."""

from ioadapt_theory.claims.language import *

PLACE = "beyond App. A.2"


def between(hidden: str) -> Setting:
    """Return the setting of two-layer models whose AB fits before W₂ and, if ``hidden`` is "c", also before W₁."""
    axes = {"W1": f"c {hidden}", "W2": f"{hidden} d"}
    axes |= {f"{key}_target": a for key, a in axes.items()} | {"AB": f"{hidden} {hidden}", "sigma": ""}
    return with_epsilon(matrices("two layers", axes, build=SharedFunction))


def anisotropic(side: str) -> Setting:
    """Return the setting of App. A.2 with E[xᵀx] = FᵀF instead of σ²I; AB is c x c (``side`` "c") or d x d ("d")."""
    axes = {"W1": "c h", "W2": "h d", "W1_target": "c k", "W2_target": "k d", "AB": f"{side} {side}", "F": "c c"}
    return matrices(f"second moments F'F ({side})", axes, attributes={"F": "factor"})


INSIDE = mean_square(X @ W1 @ T @ W2 - X @ W1_TARGET @ T @ W2_TARGET, SIGMA)
EVERYWHERE = mean_square(X @ T @ W1 @ T @ W2 - X @ T @ W1_TARGET @ T @ W2_TARGET, SIGMA)
FIRST, SECOND = W1 - W1_TARGET, W2 - W2_TARGET


def of_parts(first: Term, second: Term) -> Term:
    return SIGMA**2 * (first + second) ** 2


BY_LAYERS = (SIGMA * spectral(T) * (fro(FIRST) * spectral(W2) + spectral(W1_TARGET) * fro(SECOND))) ** 2
F = matrix("factor")
F_REGULAR = rank(F).equals(rows(F))
BEFORE = discrepancy(None, F)
"""Expected squared distance without an adapter, E‖xW₁W₂ − xW₁'W₂'‖²."""
WHITENED = F @ T @ inverse(F)
inside = partial(Claim, source=PLACE, reading="adapter between the layers", strategies=SEARCHES)
with_moments = partial(Claim, source=PLACE, reading="x = zF, z ~ N(0, I)", given=(F_REGULAR,), strategies=SEARCHES)
CLAIMS = (
    inside(
        id="prop-4-interior", given=(NEARLY_SAME,), concludes=(INSIDE <= SIGMA**2 * spectral(T) ** 2 * EPSILON,),
        **refuted_by("g1"), setting=between("h"),
    ),
    inside(
        id="prop-4-interior-layers", amends="prop-4-interior",
        **at_most(
            INSIDE, Link("telescope", SIGMA**2 * fro(FIRST @ (T @ W2) + (W1_TARGET @ T) @ SECOND) ** 2),
            Link("triangle inequality", of_parts(fro(FIRST @ (T @ W2)), fro((W1_TARGET @ T) @ SECOND))),
            Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂ and ‖M‖₂‖N‖_F",
                 of_parts(fro(FIRST) * spectral(T @ W2), spectral(W1_TARGET @ T) * fro(SECOND))),
            Link("‖MN‖₂ ≤ ‖M‖₂‖N‖₂", of_parts(fro(FIRST) * (spectral(T) * spectral(W2)),
                                             (spectral(W1_TARGET) * spectral(T)) * fro(SECOND))),
            Link("‖I + AB‖₂ in front", BY_LAYERS),
        ),
        attained=("interior-attained",), words=(ATTAINED,), setting=between("h"),
    ),
    inside(
        id="prop-4-every-layer", reading="adapter before every layer", given=(NEARLY_SAME,),
        concludes=(EVERYWHERE <= SIGMA**2 * spectral(T) ** 4 * EPSILON,), **refuted_by("g1"), setting=between("c"),
    ),
    with_moments(
        id="prop-4-anisotropic", concludes=(discrepancy(INPUT, F) <= spectral(T) ** 2 * BEFORE,),
        **refuted_by("anisotropic"), setting=anisotropic("c"),
    ),
    with_moments(
        id="prop-4-whitened", amends="prop-4-anisotropic",
        **at_most(
            discrepancy(INPUT, F), Link("x = zF, and F⁻¹F put in the middle", fro(WHITENED @ (F @ GAP)) ** 2),
            Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", (spectral(WHITENED) * fro(F @ GAP)) ** 2),
            Link("expand, z again x", spectral(WHITENED) ** 2 * BEFORE),
        ),
        setting=anisotropic("c"),
    ),
    with_moments(
        id="prop-5-anisotropic",
        **at_most(
            discrepancy(OUTPUT, F), Link("x = zF, and I + AB factored out on the right", fro((F @ GAP) @ T) ** 2),
            Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", (fro(F @ GAP) * spectral(T)) ** 2),
            Link("expand, z again x", spectral(T) ** 2 * BEFORE),
        ),
        setting=anisotropic("d"),
    ),
)  # fmt: skip
