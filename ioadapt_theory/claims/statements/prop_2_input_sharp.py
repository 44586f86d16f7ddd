"""Proposition 2 corrected for input adaptation, ŷ = x(I + M)W, M = AB: the constant depends on κ = cond(W)."""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements.prop_1 import bound, by_norms, moved
from ioadapt_theory.claims.statements.prop_1_sharp import adds_up, kernel, units


def spread(m: Model) -> Term:
    kappa = let(f"κ{m.prime}", cond(m.w))
    return kappa + 1 / kappa


RHS_SHARP = EPSILON * total(lambda m: m.sine0**2 * spread(m), *MODELS)
RHS_VECTORS = EPSILON * total(lambda m: m.sine0 * (m.stretches[0] + m.stretches[1]) * spectral(m.w), *MODELS)


def of_condition(m: Model) -> tuple[Any, ...]:
    """Return the steps that bound the change of one model's cosine by (1 − s₀²)(κ + 1/κ)ε."""
    k, inverse_ = kernel(m), pinv(m.w)
    u, v = units(m)
    axes = [let(f"e{sign}{m.prime}", 1 / norm(x) * x) for sign, x in (("₊", u + v), ("₋", u - v))]
    least, most = (let(f"{n}{m.prime}", x**2) for n, x in (("a", sigma(m.w, 1)), ("b", spectral(m.w))))
    squares = [(norm(e @ transpose(m.w)) ** 2, norm(e @ inverse_) ** 2) for e in axes]
    lengths = [norm(e @ inverse_) * norm(e @ transpose(m.w)) for e in axes]
    return (
        (k.equals(m.sine0**2 * (outer(axes[0], axes[0]) - outer(axes[1], axes[1]))), "expand"),
        (moved(m, INPUT).equals(inner(inverse_ @ AB @ m.w, k)), "x = yW⁺: I + AB before W is I + W⁺(AB)W behind it"),
        (abs(moved(m, INPUT)) <= EPSILON * m.sine0**2 * (lengths[0] + lengths[1]), "Cauchy-Schwarz, ‖AB‖₂ ≤ ε"),
        *((x + least * most * y <= least + most, "(λ − a)(b − λ) ≥ 0 for every squared singular value λ of W")
          for x, y in squares),
        *((4 * least * most * x * y <= (x + least * most * y) ** 2, "a square") for x, y in squares),
        *((length <= spread(m) / 2, "Kantorovich, from the last lines, as b = κ²a") for length in lengths),
        (abs(moved(m, INPUT)) <= m.sine0**2 * spread(m) * EPSILON, "so"),
    )  # fmt: skip


sharp_constant = argued(*of_condition(SOURCE), *of_condition(TARGET), *adds_up(INPUT, RHS_SHARP))


def pair(e: list[Any], f: list[Any], h: Fraction, w: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return the inputs whose outputs are e + hf and e − hf if W = diag(``w``)."""
    return tuple([(a + sign * h * b) / k for a, b, k in zip(e, f, w, strict=True)] for sign in (1, -1))  # type: ignore[return-value]


def diagonal(w: list[Any], w_target: list[Any], ab: list[list[Any]], epsilon: Fraction, pairs: Any) -> dict[str, Any]:
    """Return an instance with diagonal weights, the adapter ε · ``ab``, and the source's and target's two inputs."""
    keys = ("x1", "x2", "x1_target", "x2_target")
    size = len(w)
    diagonals = [[[k if i == j else 0 for j in range(size)] for i, k in enumerate(v)] for v in (w, w_target)]
    return {"W": diagonals[0], "W_target": diagonals[1], "AB": [[epsilon * x for x in r] for r in ab],
            "epsilon": epsilon, **dict(zip(keys, (x for p in pairs for x in p), strict=True))}  # fmt: skip


def one_condition(k: Fraction, s: Fraction) -> dict[str, Any]:
    """W = W' = diag(1, κ), AB = ε[[0, 1], [1, 0]]; outputs (1, 1) ± h(1, −1) and, in the target, (1, −1) ± h(1, 1)."""
    h, w = root((1 - s) / (1 + s)), [1, k]
    return diagonal(w, w, [[0, 1], [1, 0]], Fraction(1, 10), (pair([1, 1], [1, -1], h, w), pair([1, -1], [1, 1], h, w)))


def two_conditions(k: Fraction, k_target: Fraction, s: Fraction) -> dict[str, Any]:
    """W = diag(κI, I), W' = diag(κ'I, I), AB = ε[0 I; I 0]; y = (1, 0, t, 0) ± h(0, 1, 0, −t), t = 1 (target: −1)."""
    h, w, w_target = root((1 - s) / (1 + s)), [k, k, 1, 1], [k_target, k_target, 1, 1]
    exchange = [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]]
    pairs = pair([1, 0, 1, 0], [0, 1, 0, -1], h, w), pair([1, 0, -1, 0], [0, 1, 0, 1], h, w_target)
    return diagonal(w, w_target, exchange, Fraction(1, 10), pairs)


CLAIMS = (
    bound(
        "prop-2-input-sharp", INPUT, RHS_SHARP, more=FULL_ROW_RANK, reading="sharp", amends="prop-2-input",
        proofs=(sharp_constant, Attained(one_condition, {cond(SOURCE.w): CONDITIONS_TRIED, SOURCE.s0: COSINES_TRIED})),
        attained=("ce1b", "ce1f"), words=(ATTAINED, SHARP),
    ),
    bound(
        "prop-2-input-vectors", INPUT, RHS_VECTORS, amends="prop-2-input",
        proofs=(by_norms(INPUT, lambda m: m.sine0, RHS_VECTORS),),
    ),
    bound(
        "prop-2-input-sharp-two", INPUT, RHS_SHARP, more=FULL_ROW_RANK, reading="sharp for two condition numbers",
        amends="prop-2-input-sharp",
        proofs=(
            sharp_constant,
            Attained(
                two_conditions,
                {cond(SOURCE.w): CONDITIONS_TRIED, cond(TARGET.w): CONDITIONS_TRIED, SOURCE.s0: COSINES_TRIED},
                every_pair=True,
            ),
        ),
        words=(SHARP, EVERY_PAIR),
    ),
)  # fmt: skip
