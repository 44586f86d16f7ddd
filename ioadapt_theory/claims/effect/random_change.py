"""Linear stacks whose layers change independently: the share of its gain that an adapter retains on average.

A target layer is W' = s(ρW + √(1 − ρ²)N) or W + H, with random N and H; e and e' are an adapter's effects on source and
target. The effect of an adapter at layer l depends on the layers of its path: all but l for LoRA, all for input and
output adapters.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from ioadapt_theory.claims.effect.reading import drawn, mean
from ioadapt_theory.claims.language import *

WIDTHS = (4, 5, 6, 3)
"""Widths of a stack of three layers, adapted in the middle."""
PATHS = {LORA: (0, 2), INPUT: (0, 1, 2), OUTPUT: (0, 1, 2)}
COSINES, RATIOS, NOISE = (0.9, 0.7, 0.8), (1.1, 0.8, 1.3), (0.1, 0.3, 0.2)


@argued(Shown)
def one_layer(claim: Claim) -> Iterator[Step]:
    sp = sympy()
    v, s, k, size = positives("v s k delta")
    rho = sp.Symbol("rho")
    w, n, b = drawn("w", 2, 3), drawn("n", 2, 3), drawn("b", 3, 3)
    there, laws = s * (rho * w + sp.sqrt(1 - rho**2) * n), ((list(w), v), (list(n), v))
    for says, one, other, factor in (("⟨e, e'⟩: E WBW'ᵀ = ρs · v tr(B) I", w, there, rho * s),
                                     ("‖e'‖²: E W'BW'ᵀ = s² · v tr(B) I", there, there, s**2),
                                     ("‖e‖²: E WBWᵀ = v tr(B) I", w, w, 1)):  # fmt: skip
        averaged = (one * b * other.T).applyfunc(lambda x: mean(x, *laws))
        yield Step(says, zero((averaged - factor * v * b.trace() * sp.eye(2)).applyfunc(sp.simplify)))
    yield Step("noise of relative size δ on k layers, where ρs = 1 and s² = 1 + δ²: 1 − R = (1 + δ²)^k − 1",
               simplifies(1 - (2 - (1 + size**2) ** k) - ((1 + size**2) ** k - 1)))  # fmt: skip


@argued(Shown)
def noise(claim: Claim) -> Iterator[Step]:
    w, h, b, nu = drawn("w", 2, 3), drawn("h", 2, 3), drawn("b", 3, 3), sympy().Symbol("nu")
    forms, linear = (x.applyfunc(lambda y: mean(y, (list(h), nu))) for x in ((w + h) * b * (w + h).T, w + h))
    yield Step(
        "E(W + H)B(W + H)ᵀ = WBWᵀ + ν tr(B) I",
        zero((forms - w * b * w.T - nu * b.trace() * sympy().eye(2)).applyfunc(sympy().expand)),
    )
    yield Step("E e' = e, as it is linear in each layer", zero(linear - w))


def layers(n: int, generator: torch.Generator) -> list[Tensor]:
    return [torch.randn(n, c, d, generator=generator, dtype=torch.float64) / c**0.5 for c, d in pairwise(WIDTHS)]


def adapters(generator: torch.Generator) -> Iterator[tuple[Placement, Tensor]]:
    _, c, d, _ = WIDTHS
    for placement, shape in {LORA: (c, d), INPUT: (c, c), OUTPUT: (d, d)}.items():
        yield placement, torch.randn(shape, generator=generator, dtype=torch.float64)


def effect(stack: list[Tensor], placement: Placement, m: Tensor) -> Tensor:
    """Return the effect of the adapter ``m`` on the middle layer of a stack, with the rows of I as inputs."""
    first, own, last = stack
    return first @ (m if placement is LORA else m @ own if placement is INPUT else own @ m) @ last


def random_source(n: int, generator: torch.Generator) -> Tensor:
    """Return how far ⟨e, e'⟩ and ‖e'‖² are from their predicted multiples of ‖e‖², relative to its mean: n x 6.

    e and e' are the effects of one random adapter, for each placement in turn, on n random sources and their targets.
    """
    source, new, found = layers(n, generator), layers(n, generator), []
    target = [s * (r * w + (1 - r * r) ** 0.5 * x) for w, x, r, s in zip(source, new, COSINES, RATIOS, strict=True)]
    for placement, m in adapters(generator):
        e, there = effect(source, placement, m), effect(target, placement, m)
        size, path = e.square().sum((-2, -1)), PATHS[placement]
        kept = prod(COSINES[j] * RATIOS[j] for j in path), prod(RATIOS[j] ** 2 for j in path)
        found += [((x * there).sum((-2, -1)) - k * size) / size.mean() for x, k in zip((e, there), kept, strict=True)]
    return torch.stack(found, 1)


def predicted_square(source: list[Tensor], placement: Placement, m: Tensor) -> Tensor:
    """Return the mean squared norm of the effect of ``m`` on noisy targets, by a recursion from the outputs back."""
    b = torch.eye(source[-1].shape[-1], dtype=torch.float64)
    for j in (2, 1, 0):
        b = m @ b @ m.mT if j == 1 and placement is not INPUT else b
        if j in PATHS[placement]:
            b = source[j][0] @ b @ source[j][0].mT + NOISE[j] ** 2 * b.trace() * torch.eye(WIDTHS[j], dtype=b.dtype)
        b = m @ b @ m.mT if j == 1 and placement is INPUT else b
    return b.trace()


def fixed_source(n: int, generator: torch.Generator) -> Tensor:
    """Return how far ⟨e, e'⟩ and ‖e'‖² are from their predicted means, divided by ‖e‖²: n x 6.

    e and e' are the effects of one random adapter, for each placement in turn, on one source and on n noisy copies.
    """
    source, found = layers(1, generator), []
    target = [w + 12**0.5 * size * (torch.rand((n, *w.shape[1:]), generator=generator, dtype=w.dtype) - 0.5)
              for w, size in zip(source, NOISE, strict=True)]  # fmt: skip
    for placement, m in adapters(generator):
        e, there = effect(source, placement, m), effect(target, placement, m)
        for x, predicted in ((e, e.square().sum()), (there, predicted_square(source, placement, m))):
            found.append(((x * there).sum((-2, -1)) - predicted) / e.square().sum())
    return torch.stack(found, 1)


CLAIMS = (
    Claim(
        id="effect-random-source",
        source=BEYOND,
        prose="W' = s(ρW + √(1 − ρ²)N), W and N with iid entries, independent from layer to layer, the adapter "
        "arbitrary: c = Πρ and q = Πs over its path, so R = 2Πρs − Πs²",
        proofs=(one_layer,),
        expected=PROVED,
        remark="LoRA's path leaves out its own layer; noise of relative size δ on each of L layers costs LoRA "
        "(1 + δ²)^(L − 1) − 1 of the gain, input and output adapters (1 + δ²)^L − 1",
        strategies=(MeanZero(random_source, draws=2000, finest=0.015),),
    ),
    Claim(
        id="effect-fixed-source",
        source=BEYOND,
        amends="effect-random-source",
        prose="W' = W + H, the entries of H iid of mean 0 and variance ν, independent from layer to layer: E e' = e "
        "and R = 2 − tr(XB₀Xᵀ)/‖e‖², with B = I at the outputs, B ↦ WBWᵀ + ν tr(B) I for a layer and B ↦ MBMᵀ for the "
        "adapter",
        proofs=(noise,),
        expected=PROVED,
        strategies=(MeanZero(fixed_source, draws=2000, finest=0.015),),
    ),
)
