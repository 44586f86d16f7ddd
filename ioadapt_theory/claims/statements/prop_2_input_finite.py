"""Proposition 2 for input adaptation without a remainder: ŷ = x(I + M)W, M = AB, κ = cond(W), K = (κ + 1/κ)/2.

The bound L = ln(μ²/(1 − ε²)) on |artanh ŝ − artanh s₀|, with the larger root μ of μ² = 2Kεμ + 1 − ε², is
sharp for every number ≥ 2 of rows of W. It satisfies sinh(L/2) = cosh(ln κ) sinh(artanh ε).
"""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import PROP_2_TEXT
from ioadapt_theory.claims.statements.prop_2_input_sharp import diagonal, pair, spread
from ioadapt_theory.claims.statements.prop_2_output_sharp import shift


def largest(m: Model) -> Term:
    """Return μ = Kε + √(1 + (K² − 1)ε²), the largest singular value that W⁺(I + AB)W can have; K = (κ + 1/κ)/2."""
    mean = spread(m) / 2
    return let(f"μ{m.prime}", mean * EPSILON + sqrt(1 + (mean**2 - 1) * EPSILON**2))


FINITE_BOUND = tuple(shift(m, INPUT) <= -(spread(m) * ln(1 - EPSILON)) for m in (SOURCE, TARGET))
FINITE_SHARP = tuple(shift(m, INPUT) <= ln(largest(m) ** 2 / (1 - EPSILON**2)) for m in (SOURCE, TARGET))

INTEGRAL = "∫₀¹ ε/(1 − tε) dt = −ln(1 − ε), and d artanh s = ds/(1 − s²) cancels 1 − s² in prop-2-input-sharp"


def integrated(m: Model) -> tuple[Any, ...]:
    """Return the steps that integrate the bound of prop-2-input-sharp along x(I + tM)W from t = 0 to 1."""
    there = EYE + TIME * AB
    return (
        ((m.x1 @ AB @ m.w).equals(m.x1 @ there @ inverse(there) @ AB @ m.w), "at every place t/(1 + t) of the way"),
        (spectral(inverse(there) @ AB) <= EPSILON / (1 - TIME * EPSILON),
         "so there I + (I + tM)⁻¹M dt acts on x(I + tM)"),
    )  # fmt: skip


def both_singular_values(m: Model) -> tuple[Any, ...]:
    """Return the steps that bound the singular values of W⁺(I + M)W, which acts behind the layer."""
    mean, mu, k = (
        let(f"{n}{m.prime}", x) for n, x in (("K", spread(m) / 2), ("μ", largest(m).args[0]), ("κ", cond(m.w)))
    )
    d = let(f"d{m.prime}", (k + scalar("t") / k) / (1 + scalar("t")))
    s, back = let(f"S{m.prime}", pinv(m.w) @ T @ m.w), let(f"Z{m.prime}", pinv(m.w) @ inverse(T) @ m.w)
    root_ = ((mu - EPSILON / d) * (mu - EPSILON * d) - 1).equals(mu * EPSILON * (2 * mean - d - 1 / d))
    return (
        ((m.y1 @ s).equals(m.x1 @ T @ m.w), "x = yW⁺, so S acts on the outputs"),
        ((m.y2 @ s).equals(m.x2 @ T @ m.w), "likewise"),
        ((mu**2).equals(2 * mean * EPSILON * mu + 1 - EPSILON**2), "the definition of μ"),
        (root_, "for every number d from 1/κ to κ, as the squared singular values of W, scaled"),
        (NOTHING <= 2 * mean - d - 1 / d, "likewise, so [μ − ε/d, −1; −1, μ − εd] has no negative eigenvalue"),
        (spectral(s) <= mu, "so uSvᵀ ≤ Σ ab + (ε/2)(a²/d + b²d) ≤ (μ/2)Σ a² + b² = μ for unit u, v of entries a, b"),
        (spectral(inverse(T) - 1 / (1 - EPSILON**2) * EYE) <= EPSILON / (1 - EPSILON**2), "as ‖(I + M) − I‖₂ ≤ ε"),
        (spectral(back) <= mu / (1 - EPSILON**2), "so the same holds for (1 − ε²)(I + M)⁻¹, which undoes S"),
        (shift(m, INPUT) <= ln(spectral(s) * spectral(back)), "prop-2-output-artanh"),
    )  # fmt: skip


def finite_worst(epsilon: Fraction, k: Fraction, s: Fraction) -> dict[str, Any]:
    """W = W' = diag(κ, 1), AB = ε[[0, 1], [1, 0]], outputs symmetric about a left singular axis of W⁻¹(I + AB)W."""
    h, w = root((1 - s) / (1 + s)), [k, 1]
    s11, s12, s22 = 1 + (epsilon / k) ** 2, epsilon * k + epsilon / k, 1 + (epsilon * k) ** 2  # SSᵀ
    gap = (s11 - s22) / 2
    axis = [s12, -gap + root(gap**2 + s12**2)]
    both_ = pair(axis, [-axis[1], axis[0]], h, w)
    return diagonal(w, w, [[0, 1], [1, 0]], epsilon, (both_, both_))


finite = partial(
    Claim, source=PROP_2_TEXT, given=(*SPECTRAL.given, *FULL_ROW_RANK, NOT_PARALLEL, BELOW_ONE),
    setting=similarity_setting(INPUT), strategies=SEARCHES,
)  # fmt: skip
CLAIMS = (
    finite(
        id="prop-2-input-finite", reading="finite", amends="prop-2-input", concludes=FINITE_BOUND,
        proofs=(argued(*integrated(SOURCE), *integrated(TARGET), *((r, INTEGRAL) for r in FINITE_BOUND), numbers="t"),),
    ),
    finite(
        id="prop-2-input-finite-sharp", reading="finite and sharp", amends="prop-2-input-finite",
        concludes=FINITE_SHARP,
        proofs=(
            argued(
                *both_singular_values(SOURCE), *both_singular_values(TARGET), *((r, "so") for r in FINITE_SHARP),
                numbers="t",
            ),
            Attained(
                finite_worst, {EPSILON: BALLS_TRIED, cond(SOURCE.w): CONDITIONS_TRIED[1:], SOURCE.s0: COSINES_TRIED},
            ),
        ),
        words=(SHARP,),
    ),
)  # fmt: skip
