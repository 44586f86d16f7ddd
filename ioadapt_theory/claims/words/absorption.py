"""Section 3.3: whether an adapter can be absorbed into the weights of a linear layer or of a convolution.

A sequence of n positions with c channels is the row vector (x₁ … x_n). A convolution y_i = Σ_j x_{i+j} K_j is the block
matrix that adds K_j to block (p(i + j), i), where p maps a position beyond the border to the one used in its place.
"""

from ioadapt_theory.claims.language import *

ABSORBED = "Section 3.3"
N = 6
PADDINGS: dict[str, Callable[[int], int | None]] = {
    "zeros": lambda i: i if 0 <= i < N else None,
    "circular": lambda i: i % N,
    "replicate": lambda i: min(max(i, 0), N - 1),
    "reflect": lambda i: -i if i < 0 else 2 * (N - 1) - i if i >= N else i,
}
"""Position used in place of one beyond the border, by padding mode."""


def convolution(taps: Mapping[int, Any], *, stride: int = 1, dilation: int = 1, padding: str = "zeros") -> Any:
    """Return the matrix of a convolution on N positions; ``taps`` maps offsets to the matrices of its kernel."""
    sp = sympy()
    empty, stands = sp.zeros(*taps[0].shape), PADDINGS[padding]
    outputs = range(0, N, stride)
    blocks = [[empty for _ in outputs] for _ in range(N)]
    for column, o in enumerate(outputs):
        for j, k in taps.items():
            row = stands(o + j * dilation)
            if row is not None:
                blocks[row][column] = blocks[row][column] + k
    return sp.BlockMatrix(blocks).as_explicit()


def mixed(m: Any, positions: int = N) -> Any:
    """Return the matrix that applies ``m`` to the channels of every position: a 1 x 1 convolution without bias."""
    return sympy().diag(*[m] * positions)


def taps(c: int, d: int) -> dict[int, Any]:
    """Return a kernel of width 3 in symbols, a c x d matrix for each of the offsets −1, 0 and 1."""
    sp = sympy()
    return {j: sp.Matrix(c, d, sp.symbols(f"k{'mzp'[j + 1]}:{c * d}")) for j in (-1, 0, 1)}


@argued(Shown)
def channel_mix(claim: Claim) -> Iterator[Step]:
    """Show that a convolution Σ_j S_j X K_j absorbs a mix of channels; S_j X holds the rows at offset j, padded."""
    sp = sympy()
    yield line("input, of two offsets: «S₁(XM)K₁ + S₂(XM)K₂ = S₁X(MK₁) + S₂X(MK₂)»")
    yield line("output: «(S₁XK₁ + S₂XK₂)T = S₁X(K₁T) + S₂X(K₂T)»")
    kernel = taps(2, 3)
    before, after = sp.Matrix(2, 2, sp.symbols("m:4")), sp.Matrix(3, 3, sp.symbols("t:9"))
    for padding in PADDINGS:
        for stride, dilation in ((1, 1), (2, 2)):
            options: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": padding}
            full = convolution(kernel, **options)
            inner = convolution({j: before * k for j, k in kernel.items()}, **options)
            outer = convolution({j: k * after for j, k in kernel.items()}, **options)
            case = f"{padding}, stride {stride}, dilation {dilation}"
            yield Step(f"input, {case}", zero(mixed(before) * full - inner))
            yield Step(f"output, {case}", zero(full * mixed(after, full.cols // 3) - outer))


@argued(Refuted)
def counterexamples(claim: Claim) -> Iterator[Step]:
    """Show by integer examples that a convolution cannot always absorb another one, a bias or a mix of channels."""
    sp = sympy()
    one = sp.Matrix([[1]])
    wide = {-1: one, 0: 2 * one, 1: 3 * one}
    product = convolution(wide) * convolution({j: one for j in (-1, 0, 1)})
    middle = N // 2
    offsets = product[middle - 2, middle], product[middle + 2, middle]
    yield Step("width 3 after width 3 has width 5: offset 2 is reached", found(offsets, (1, 3)))
    diagonal = product[0, 0], product[middle, middle]
    yield Step(f"at the border it is no convolution at all: diagonal {diagonal[0]} there, {diagonal[1]} inside",
               found(diagonal, (3, 6)))  # fmt: skip
    ones = sp.ones(1, N) * convolution({j: one for j in (-1, 0, 1)})
    ends = ones[0], ones[middle]
    yield Step(f"a bias before zero padding: {ends[0]} at the border, {ends[1]} inside, so no bias after it",
               found(ends, (2, 3)))  # fmt: skip
    depthwise, mix = sp.diag(1, 2), sp.ones(2, 2)
    yield Step(
        "depthwise, one group a channel: the absorbed kernel is full",
        found([m.tolist() for m in (mix * depthwise, depthwise * mix)], [[[1, 2], [1, 2]], [[1, 1], [2, 2]]]),
    )
    outputs = convolution(wide, stride=2).cols
    again = outputs, len(range(0, outputs, 2))
    yield Step(f"a stride of 2 in both: {again[1]} outputs instead of {again[0]}", found(again, (3, 2)))


DATA, W, BIAS = matrix("x"), matrix("w"), matrix("bias")


def linear(placement: Placement, layer: Term, merged: Term, remark: str = "") -> Claim:
    side = "c c" if placement is INPUT else "d d"
    return Claim(
        id="absorption-linear" + ("" if placement is INPUT else "-output"),
        source=ABSORBED,
        origin=PRINTED,
        concludes=(layer.equals(merged),),
        prose=f"if f is a linear layer, its {placement} adapter is absorbed into the weights "
        "at the cost of the base model",
        proofs=(derived(layer, Link("weights and bias of the old sizes", merged)),),
        expected=PROVED,
        remark=remark,
        setting=matrices("a layer with bias", {"X": "n c", "W": "c d", "bias": "n d", "AB": side}),
        strategies=(RandomInstances(),),
    )  # fmt: skip


CLAIMS = (
    linear(INPUT, DATA @ T @ W + BIAS, DATA @ (T @ W) + BIAS),
    linear(OUTPUT, (DATA @ W + BIAS) @ T, DATA @ (W @ T) + BIAS @ T,
           "the bias b becomes b(I + AB)"),
    Claim(
        id="absorption-convolution",
        source=ABSORBED,
        origin=PRINTED,
        reading="Φ(I) a kernel of the layer's own width",
        prose="if f is a convolution, Φ(I) is absorbed into its kernel at the cost of the base model",
        proofs=(counterexamples,),
        expected=REFUTED,
        remark="width 3 after width 3 has width 5",
    ),
    Claim(
        id="absorption-channel-mix",
        source=ABSORBED,
        origin=READING,
        reading="Φ(I) a 1 x 1 channel mix without bias",
        amends="absorption-convolution",
        prose="a 1 x 1 channel mix on either side of an ungrouped convolution is absorbed exactly, at the same cost, "
        f"for every stride and dilation and for padding with {', '.join(PADDINGS)}",
        proofs=(channel_mix,),
        expected=PROVED,
    ),
)  # fmt: skip
