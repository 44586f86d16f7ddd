"""An adapter reads at one place and writes at another: the effect of M on a batch is RMJ.

The rows of R are what the adapter reads (n samples), and J is the Jacobian of the outputs with respect to what it
writes; on the target, these are R' and J'. LoRA reads the layer's input and writes its output; an input adapter reads
and writes the input, an output adapter the output. In linear models RMJ is the exact effect. In others it is the
first-order term in M, and J depends on the sample.
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.language import *

R_, R_TARGET, J, J_TARGET = matrix("r"), matrix("r_target"), matrix("j"), matrix("j_target")
M, L, U, WRITTEN = matrix("m"), matrix("l"), row("u"), row("v")
PRODUCT = inner(R_ @ M @ J, R_TARGET @ L @ J_TARGET)
BY_GRAMS = inner((transpose(R_) @ R_TARGET) @ L @ (J_TARGET @ transpose(J)), M)


def compared(e: Term, there: Term) -> tuple[Term, Term]:
    return inner(e, there) / (fro(e) * fro(there)), fro(there) / fro(e)


READ, READ_TARGET, WROTE, WROTE_TARGET = U @ transpose(R_), U @ transpose(R_TARGET), WRITTEN @ J, WRITTEN @ J_TARGET
COSINE, RATIO = compared(R_ @ outer(U, WRITTEN) @ J, R_TARGET @ outer(U, WRITTEN) @ J_TARGET)
AS_FACTORS = compared(outer(READ, WROTE), outer(READ_TARGET, WROTE_TARGET))
COSINES = sim(READ, READ_TARGET) * sim(WROTE, WROTE_TARGET)
RATIOS = norm(READ_TARGET) / norm(READ) * (norm(WROTE_TARGET) / norm(WROTE))


def drawn(name: str, rows_: int, columns: int) -> Any:
    """Return a matrix of symbols that stand for random entries with mean 0."""
    return sympy().Matrix(rows_, columns, lambda i, j: sympy().Symbol(f"{name}{i}{j}"))


def mean(x: Any, *laws: tuple[Any, Any]) -> Any:
    """Return the mean of x, of degree ≤ 2 in each random symbol; a law is (independent symbols of mean 0, variance)."""
    for entries, variance in laws:
        terms = sympy().Poly(sympy().expand(x), *entries).terms()
        x = sum(k * variance ** (sum(powers) // 2) for powers, k in terms if all(p in (0, 2) for p in powers))
    return sympy().expand(x)


@argued(Shown)
def expected(claim: Claim) -> Iterator[Step]:
    """Average ⟨e, e'⟩ on two samples over 2 x 3 adapters: M with iid entries, or AB with iid entries of A and of B."""
    sp = sympy()
    v, w = sp.symbols("v w")
    samples = [(drawn(f"r{t}", 1, 2), drawn(f"s{t}", 1, 2), drawn(f"j{t}", 3, 2), drawn(f"k{t}", 3, 2)) for t in "12"]
    right = sum((r * s.T)[0] * (j * k.T).trace() for r, s, j, k in samples)
    m, a, b = drawn("m", 2, 3), drawn("a", 2, 2), drawn("b", 2, 3)
    product = [(list(a), v), (list(b), w)]
    for says, adapter, laws, scale in (("iid entries", m, [(list(m), v)], v),
                                       ("an AB through 2 columns", a * b, product, 2 * v * w)):  # fmt: skip
        left = sum((r * adapter * j * k.T * adapter.T * s.T)[0] for r, s, j, k in samples)
        yield Step(
            f"{says}: E⟨e, e'⟩ = {str(scale).replace('*', '')} Σ ⟨r, r'⟩⟨J, J'⟩",
            vanishes(mean(left, *laws) - scale * right),
        )
    constant = {x: y for k in (2, 3) for x, y in zip(samples[1][k], samples[0][k], strict=True)}
    split = sum((r * s.T)[0] for r, s, _, _ in samples) * (samples[0][2] * samples[0][3].T).trace()
    yield Step(
        "one Jacobian for all samples: Σ ⟨r, r'⟩⟨J, J'⟩ = ⟨R, R'⟩⟨J, J'⟩", vanishes(right.subs(constant) - split)
    )


CLAIMS = (
    Claim(
        id="effect-read-write",
        source=BEYOND,
        concludes=(PRODUCT.equals(BY_GRAMS),),
        proofs=(derived(PRODUCT, Link("turn the trace round", BY_GRAMS)),),
        expected=PROVED,
        setting=matrices("two adapters", {"R": "n p", "R_target": "n q", "J": "s o", "J_target": "t o", "M": "p s",
                                          "L": "q t"}),
        strategies=(RandomInstances(),),
    ),
    Claim(
        id="effect-rank-one",
        source=BEYOND,
        reading="an adapter of rank one",
        amends="effect-read-write",
        concludes=(COSINE.equals(COSINES), RATIO.equals(RATIOS)),
        proofs=(
            Derived((
                Chain(COSINE, (Link("R(uᵀv)J = (uRᵀ)ᵀ(vJ)", AS_FACTORS[0]),
                                   Link("products of columns and of rows", COSINES))),
                Chain(RATIO, (Link("R(uᵀv)J = (uRᵀ)ᵀ(vJ)", AS_FACTORS[1]),
                                  Link("lengths of columns and of rows", RATIOS))),
            )),
        ),
        expected=PROVED,
        setting=matrices("one vector", {"R": "n p", "R_target": "n p", "J": "s o", "J_target": "s o", "u": "p",
                                      "v": "s"}),
        strategies=(RandomInstances(),),
    ),
    Claim(
        id="effect-random",
        source=BEYOND,
        amends="effect-read-write",
        prose="M with iid entries, or AB with iid entries in A and in B: E⟨e, e'⟩ is a constant times Σ ⟨r, r'⟩⟨J, "
        "J'⟩ over samples",
        proofs=(expected,),
        expected=PROVED,
    ),
)  # fmt: skip
