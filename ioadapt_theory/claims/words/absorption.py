"""Section 3.3: whether an adapter can be absorbed into the weights of a linear layer or of a convolution.

A convolution of n positions with c channels, the rows of X, is Σ_j S_j X K_j: the matrix S_j picks the row at offset j,
so it contains the stride, the dilation and the padding.
"""

from ioadapt_theory.claims.language import *

ABSORBED = "Section 3.3"
DATA, W, BIAS, M, BEHIND = (matrix(name) for name in ("x", "w", "bias", "m", "t"))
OFFSETS = tuple((matrix(f"s{j}"), matrix(f"k{j}")) for j in (1, 2, 3))
OUTER = {j: (scalar(f"f{j}"), scalar(f"g{j}")) for j in (1, 2, 3)}
"""Taps at the offsets −1, 0 and 1 of an adapter Φ(I) and of the layer, for one channel."""


def convolution(x: Term, kernels: Callable[[Term], Term] = lambda k: k) -> Term:
    first, *others = (s @ x @ kernels(k) for s, k in OFFSETS)
    return sum(others, first)


def linear(placement: Placement, layer: Term, merged: Term) -> Claim:
    side = "c c" if placement is INPUT else "d d"
    return Claim(
        id="absorption-linear" + ("" if placement is INPUT else "-output"), source=ABSORBED, origin=PRINTED,
        reading=f"{placement} adapter of a linear layer, in weights and a bias of the old sizes",
        **equal(layer, Link("weights and bias of the old sizes", merged)),
        setting=matrices("a layer with bias", {"X": "n c", "W": "c d", "bias": "n d", "AB": side}),
    )  # fmt: skip


CLAIMS = (
    linear(INPUT, DATA @ T @ W + BIAS, DATA @ (T @ W) + BIAS),
    linear(OUTPUT, (DATA @ W + BIAS) @ T, DATA @ (W @ T) + BIAS @ T),
    Claim(
        id="absorption-convolution", source=ABSORBED, origin=PRINTED,
        reading="Φ(I) a kernel of the layer's own width, taps f and g at −1, 0 and 1: no tap at 2 or −2",
        concludes=((OUTER[3][0] * OUTER[3][1]).equals(NOTHING), (OUTER[1][0] * OUTER[1][1]).equals(NOTHING)),
        **refuted_by("width-3"),
        setting=matrices("two kernels of width 3", dict.fromkeys(("f1", "f2", "f3", "g1", "g2", "g3"), ""),
                         meanings={"f1": "taps of Φ(I)", "g1": "taps of the layer"}),
    ),
    Claim(
        id="absorption-channel-mix", source=ABSORBED, origin=READING,
        reading="Φ(I) a 1 x 1 channel mix without bias, M before or T behind an ungrouped convolution",
        amends="absorption-convolution",
        concludes=(
            convolution(DATA @ M).equals(convolution(DATA, lambda k: M @ k)),
            (convolution(DATA) @ BEHIND).equals(convolution(DATA, lambda k: k @ BEHIND)),
        ),
        proofs=(Expanded(),),
        setting=matrices(
            "a convolution of three taps",
            {"X": "n c", **{f"S{j}": "k n" for j in (1, 2, 3)}, **{f"K{j}": "c d" for j in (1, 2, 3)}}
            | {"M": "c c", "T": "d d"},
            meanings={"S1": "pick the rows at each offset, after padding, stride and dilation",
                      "K1": "the kernel's matrices at each offset", "X": "positions by channels",
                      "M": "the mix before the convolution", "T": "the mix behind it"},
        ),
    ),
)  # fmt: skip
