"""Linear stacks whose layers change independently: what is kept on average, in closed form, at any place.

An adapter at layer l meets the layers of its path: LoRA all but l, input and output adapters all of them.
"""

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.claims.effect.reading import drawn, mean
from ioadapt_theory.claims.language import *

WIDTHS = (4, 5, 6, 3)
PLACE = 1
"""The layer that is adapted, of three: the one in the middle."""
COSINES, RATIOS = (0.9, 0.7, 0.8), (1.1, 0.8, 1.3)
SIZES = (0.1, 0.3, 0.2)
"""Standard deviations of the entries that are added to a layer."""
PATHS = {LORA: (0, 2), INPUT: (0, 1, 2), OUTPUT: (0, 1, 2)}
COSINE, RATIO, OWN_COSINE, OWN_RATIO = (scalar(name) for name in "ctps")


@argued(Shown, "layer by layer from the outputs", "one layer of the path multiplies ⟨e, e'⟩ by ρs, and ‖e'‖² by s²")
def one_layer(claim: Claim) -> Iterator[Step]:
    """B is what the layers behind make of a product of two effects; a layer of 2 x 3 with entries of variance v."""
    sp = sympy()
    v, s = sp.symbols("v s", positive=True)
    rho = sp.Symbol("rho", real=True)
    w, n = drawn("w", 2, 3), drawn("n", 2, 3)
    b = sp.Matrix(3, 3, lambda i, j: sp.Symbol(f"b{min(i, j)}{max(i, j)}", real=True))
    there = s * (rho * w + sp.sqrt(1 - rho**2) * n)
    laws = (list(w), v), (list(n), v)
    for says, one, factor in (("⟨e, e'⟩: E WBW'ᵀ = ρs · v tr(B) I", w, rho * s), ("‖e'‖²: E W'BW'ᵀ = s² · v tr(B) I", there, s**2),
                              ("‖e‖²: E WBWᵀ = v tr(B) I", None, 1)):  # fmt: skip
        left = (w * b * w.T) if one is None else one * b * there.T
        averaged = left.applyfunc(lambda x: sp.simplify(mean(x, *laws)))
        yield Step(says, zero((averaged - factor * v * b.trace() * sp.eye(2)).applyfunc(sp.simplify)))
    k, size = sp.symbols("k delta", positive=True)
    yield Step("ρs = 1, s² = 1 + δ² (independent noise of relative size δ on every layer): 1 − R = (1 + δ²)^k − 1",
               simplifies(1 - (2 - (1 + size**2) ** k) - ((1 + size**2) ** k - 1)))  # fmt: skip


@argued(Shown, "layer by layer from the outputs", "E(W + D)B(W + D)ᵀ = WBWᵀ + ν tr(B) I, and E e' = e")
def noise(claim: Claim) -> Iterator[Step]:
    """The same with a fixed W and entries of D of mean 0 and variance ν."""
    sp = sympy()
    nu = sp.Symbol("nu", positive=True)
    w, d = drawn("w", 2, 3), drawn("d", 2, 3)
    b = sp.Matrix(3, 3, lambda i, j: sp.Symbol(f"b{min(i, j)}{max(i, j)}", real=True))
    averaged = ((w + d) * b * (w + d).T).applyfunc(lambda x: mean(x, (list(d), nu)))
    yield Step("quadratic forms", zero((averaged - w * b * w.T - nu * b.trace() * sp.eye(2)).applyfunc(sp.expand)))
    averaged = (w + d).applyfunc(lambda x: mean(x, (list(d), nu)))
    yield Step("effects, which are linear in every layer", zero(averaged - w))


def matrices_of(n: int, generator: torch.Generator) -> list[Tensor]:
    """Draw the layers of n stacks, with entries of variance 1/rows."""
    return [torch.randn(n, c, d, generator=generator, dtype=torch.float64) / c**0.5
            for c, d in zip(WIDTHS, WIDTHS[1:], strict=False)]  # fmt: skip


def inserted(layers: list[Tensor], placement: Placement, m: Tensor) -> Tensor:
    """The effect of an adapter at its place."""
    first, own, last = layers
    return first @ (m if placement is LORA else m @ own if placement is INPUT else own @ m) @ last


def adapters(generator: torch.Generator) -> dict[Placement, Tensor]:
    """Draw an adapter of every placement."""
    c, d = WIDTHS[PLACE], WIDTHS[PLACE + 1]
    shapes = {LORA: (c, d), INPUT: (c, c), OUTPUT: (d, d)}
    return {p: torch.randn(shape, generator=generator, dtype=torch.float64) for p, shape in shapes.items()}


def random_source(n: int, generator: torch.Generator) -> Tensor:
    """⟨e, e'⟩ − Πρs ‖e‖² and ‖e'‖² − Πs² ‖e‖² of every placement, over the mean of ‖e‖²."""
    source, new = matrices_of(n, generator), matrices_of(n, generator)
    target = [s * (r * w + (1 - r * r) ** 0.5 * x) for w, x, r, s in zip(source, new, COSINES, RATIOS, strict=True)]
    found = []
    for placement, m in adapters(generator).items():
        e, there = (inserted(layers, placement, m) for layers in (source, target))
        size, path = e.square().sum((-2, -1)), PATHS[placement]
        kept = prod(COSINES[j] * RATIOS[j] for j in path), prod(RATIOS[j] ** 2 for j in path)
        products = (e * there).sum((-2, -1)), there.square().sum((-2, -1))
        found += [(x - k * size) / size.mean() for x, k in zip(products, kept, strict=True)]
    return torch.stack(found, 1)


def fixed_source(n: int, generator: torch.Generator) -> Tensor:
    """⟨e, e'⟩ − ‖e‖² and ‖e'‖² − tr B₀ of every placement, over ‖e‖², for one source; the noise is uniform."""
    source = matrices_of(1, generator)
    target = [w + (12**0.5 * size) * (torch.rand((n, *w.shape[1:]), generator=generator, dtype=torch.float64) - 0.5)
              for w, size in zip(source, SIZES, strict=True)]  # fmt: skip
    found = []
    for placement, m in adapters(generator).items():
        e, there = (inserted(layers, placement, m) for layers in (source, target))
        b, size = torch.eye(WIDTHS[-1], dtype=torch.float64), e.square().sum()
        for j in (2, 1, 0):
            if j == PLACE and placement is not INPUT:
                b = m @ b @ m.mT
            if j in PATHS[placement]:
                b = source[j][0] @ b @ source[j][0].mT + SIZES[j] ** 2 * b.trace() * torch.eye(WIDTHS[j], dtype=b.dtype)
            if j == PLACE and placement is INPUT:
                b = m @ b @ m.mT
        found += [((e * there).sum((-2, -1)) - size) / size, (there.square().sum((-2, -1)) - b.trace()) / size]
    return torch.stack(found, 1)


DIFFERENCE = (2 * COSINE * RATIO - RATIO**2) - (2 * (COSINE * OWN_COSINE) * (RATIO * OWN_RATIO) - (RATIO * OWN_RATIO) ** 2)
FACTORED = RATIO * (2 * COSINE * (1 - OWN_COSINE * OWN_RATIO) - RATIO * (1 - OWN_RATIO**2))
CLAIMS = (
    Claim(
        id="effect-random-source",
        source=BEYOND,
        reading="random linear stacks; ratios of expectations",
        prose="W' = s(ρW + √(1 − ρ²)N), W and N with iid entries, independent from layer to layer, the adapter arbitrary: "
        "c = Πρ and q = Πs over its path, so R = 2Πρs − Πs²",
        proofs=(one_layer,),
        expected=PROVED,
        remark="LoRA's path leaves out its own layer: noise of relative size δ on each of L layers costs LoRA "
        "(1 + δ²)^(L − 1) − 1 of the gain, input and output adapters (1 + δ²)^L − 1",
        strategies=(MeanZero(random_source, draws=2000, finest=0.015),),
    ),
    Claim(
        id="effect-fixed-source",
        source=BEYOND,
        reading="any linear stack as the source",
        amends="effect-random-source",
        prose="W' = W + D, the entries of D iid of mean 0 and variance ν, independent from layer to layer: E e' = e and "
        "R = 2 − tr(XB₀Xᵀ)/‖e‖², with B = I at the outputs, B ↦ WBWᵀ + ν tr(B) I for a layer and B ↦ MBMᵀ for the adapter",
        proofs=(noise,),
        expected=PROVED,
        remark="so LoRA loses less than the input adapter that equals it on the source, by ν‖zM‖² tr B of its own layer",
        strategies=(MeanZero(fixed_source, draws=2000, finest=0.015),),
    ),
    Claim(
        id="effect-size-angle",
        source=BEYOND,
        reading="R of LoRA (c, t) less R of an input adapter (cp, ts), p and s the cosine and ratio of the own layer",
        amends="effect-random-source",
        concludes=(DIFFERENCE.equals(FACTORED),),
        proofs=(derived("factor", DIFFERENCE, Link("t comes out", FACTORED)),),
        expected=PROVED,
        remark="LoRA keeps at least as much iff t(1 − s²) ≤ 2c(1 − ps): always for s = 1; where sizes compensate (ts = 1) "
        "iff |t − c| ≤ √(1 − 2pc + c²), an overshoot smaller than the layer's relative angle",
        setting=matrices("sizes and cosines", dict.fromkeys("ctps", ""), {}),
        strategies=(RandomInstances(),),
    ),
)
