"""Absorbing an adapter into the weights: linear layers, and convolutions written as matrices over positions.

A sequence of n positions with c channels is the row vector (x₁ … x_n); a convolution y_i = Σ_j x_{i+j} K_j with zero
padding is the block matrix with K_{i'-i} in block (i', i). Stride keeps some of its block columns.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ioadapt_theory.claims.proofs.argument import Step, proves, sympy, zero
from ioadapt_theory.claims.proofs.reachable import equal

N = 6


def convolution(taps: Mapping[int, Any], *, stride: int = 1, dilation: int = 1) -> Any:
    """The block matrix of a zero-padded convolution on N positions."""
    sp = sympy()
    zero = sp.zeros(*taps[0].shape)
    rows = [
        [taps.get((i - o) // dilation, zero) if (i - o) % dilation == 0 else zero for o in range(0, N, stride)]
        for i in range(N)
    ]
    return sp.BlockMatrix(rows).as_explicit()


def mixed(m: Any, positions: int = N) -> Any:
    """The same channel mix at every position: a 1 x 1 convolution without bias."""
    return sympy().diag(*[m] * positions)


def taps(c: int, d: int, name: str = "k") -> dict[int, Any]:
    """A kernel of width 3 in symbols."""
    sp = sympy()
    return {j: sp.Matrix(c, d, sp.symbols(f"{name}{'mzp'[j + 1]}:{c * d}")) for j in (-1, 0, 1)}


@proves("linear layers: X(I + AB)W + b = X[(I + AB)W] + b and (XW + b)(I + AB) = X[W(I + AB)] + b(I + AB)")
def linear() -> Iterator[Step]:
    """One matrix of the old size; the output adapter also acts on the bias."""
    sp = sympy()
    x, w, m, b = sp.symbols("X W M b", commutative=False)
    yield Step("input", equal((x * (1 + m)) * w + b, x * ((1 + m) * w) + b))
    yield Step("output", equal((x * w + b) * (1 + m), x * (w * (1 + m)) + b * (1 + m)))


@proves("a 1 x 1 channel mix without bias is absorbed exactly on either side, for any stride and dilation, borders too")
def channel_mix() -> Iterator[Step]:
    """Y = Σ_j S_j X K_j with S_j picking rows of X or zero rows: stride, dilation and padding are all in the S_j."""
    sp = sympy()
    x, m, t, s, k, s2, k2 = sp.symbols("X M T S K S2 K2", commutative=False)
    yield Step(
        "input: Σ S_j (XM) K_j = Σ S_j X (MK_j)",
        equal(s * (x * m) * k + s2 * (x * m) * k2, s * x * (m * k) + s2 * x * (m * k2)),
    )
    yield Step(
        "output: (Σ S_j X K_j) T = Σ S_j X (K_j T)",
        equal((s * x * k + s2 * x * k2) * t, s * x * (k * t) + s2 * x * (k2 * t)),
    )
    kernel = taps(2, 3)
    before, after = sp.Matrix(2, 2, sp.symbols("m:4")), sp.Matrix(3, 3, sp.symbols("t:9"))
    for stride, dilation in ((1, 1), (2, 1), (1, 2), (2, 2)):
        full = convolution(kernel, stride=stride, dilation=dilation)
        inner = convolution({j: before * k for j, k in kernel.items()}, stride=stride, dilation=dilation)
        outer = convolution({j: k * after for j, k in kernel.items()}, stride=stride, dilation=dilation)
        same = zero(mixed(before) * full - inner)
        yield Step(f"input, stride {stride}, dilation {dilation}", same)
        same = zero(full * mixed(after, full.cols // 3) - outer)
        yield Step(f"output, stride {stride}, dilation {dilation}", same)


@proves("Φ(I) of the kernel's own width, a biased input adapter, and grouped layers are not absorbed at the same cost")
def counterexamples() -> Iterator[Step]:
    """Four integer examples with one or two channels."""
    sp = sympy()
    one = sp.Matrix([[1]])
    wide = {-1: one, 0: 2 * one, 1: 3 * one}
    product = convolution(wide) * convolution({j: one for j in (-1, 0, 1)})
    middle = N // 2
    yield Step(
        "width 3 after width 3 has width 5: offset 2 is reached",
        product[middle - 2, middle] != 0 != product[middle + 2, middle],
    )
    yield Step(
        "at the border it is no convolution at all: diagonal 3 there, 6 inside",
        (product[0, 0], product[middle, middle]) == (3, 6),
    )
    ones = sp.ones(1, N) * convolution({j: one for j in (-1, 0, 1)})
    yield Step(
        "a bias before zero padding: 2 at the border, 3 inside, so no bias after it", (ones[0], ones[middle]) == (2, 3)
    )
    depthwise, mix = sp.diag(1, 2), sp.Matrix([[1, 1], [1, 1]])
    yield Step(
        "depthwise (groups = channels): the absorbed kernel is full",
        not (mix * depthwise).is_diagonal() and not (depthwise * mix).is_diagonal(),
    )
    outputs = convolution(wide, stride=2).cols
    yield Step("stride 2 in f(.; Φ(I)) as well: 2 outputs instead of 3", (outputs, len(range(0, outputs, 2))) == (3, 2))
