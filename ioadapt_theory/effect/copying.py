"""The share of its gain (loss reduction) that a copied adapter retains, predicted after or before its training.

A change M of a layer that reads r has the effect e = rMJ on the outputs, to first order, where J is the Jacobian. If M
has uncorrelated entries of mean 0 and variance 1, the effects e_a and e_b in two models a and b have the expected inner
product N_ab, the mean over samples of the sum of (r_a·r_b)⟨J_a, J_b⟩ over pairs of positions (claim `effect-random`).
For a source S and a target T, N_ST/√(N_SS N_TT), made of means, stands for the cosine, of which it is not the mean. No
M fits layers of different sizes.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.compared import Compared, first_rows
from ioadapt_theory.effect.goal import Goal
from ioadapt_theory.effect.likelihood import read
from ioadapt_theory.effect.passes import Call, cotangents, record
from ioadapt_theory.effect.reads_writes import SIDES, Rows
from ioadapt_theory.effect.retained import Alignment, Prediction, RowSums, predict, trust
from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError, ShapeError, UnsupportedError

Off = Callable[[nn.Module], AbstractContextManager[None]]
"""Function, such as ``disable``, that returns a context manager for a model; inside it, the adapters are off."""


@dataclass(frozen=True, slots=True)
class Expected(Alignment):
    """The cosine and size ratio to be expected of an adapter's effects on two models, computed before it is trained.

    Attributes:
        cosine: the expected cosine of the effects on the source's and on the target's outputs.
        ratio: the expected size of the effect on the target divided by the size on the source.
        samples: number of samples times number of backward passes in the estimate.
    """

    samples: int


def expected(
    source: nn.Module,
    target: nn.Module,
    layers: Mapping[str, tuple[nn.Module, nn.Module]],
    batches: Iterable[Pair],
    *,
    sides: tuple[str, ...] = SIDES,
    call: Call | None = None,
    need: str = "change",
    seed: int = 0,
    draws: int = 2,
) -> dict[tuple[str, str], Expected]:
    """Return the expected cosine and size ratio of a copied adapter's effects, by layer and side.

    Sides of different sizes, and the weight sides of convolutions with many groups, are left out.

    Args:
        source: the model that an adapter would be trained on; the caller switches its adapters off.
        target: the model that the adapter would be copied to; its adapters must be off, too.
        layers: name -> the layer's module in the source and in the target.
        batches: pairs of batches, see ``effect.batches.whole``.
        sides: what the adapter would change in a layer, its "weight", its "input" or its "output".
        call: function that runs a model on a batch; by default a plain call.
        need: "labels" if the outputs are logits; effects are then compared in the Fisher metric of the source's class
            probabilities, as improbable classes do not matter. For other needs, all outputs have the same weight.
        seed: seed of the random cotangents of the outputs, which are the same for both models.
        draws: number of backward passes per batch; for samples · draws = 128, ``R`` has an error of about 0.02.
    """
    sums: dict[tuple[str, str], list[float]] = {}
    counts: dict[tuple[str, str], int] = {}
    for number, (one, two) in enumerate(batches):
        draw = cotangents(draws, seed + number, (lambda y: y.float().softmax(-1)) if need == "labels" else None)
        options: dict[str, Any] = {"call": call, "seed": seed + number, "directions": draw}
        here = record(source, {name: pair[0] for name, pair in layers.items()}, one, **options).rows
        there = record(target, {name: pair[1] for name, pair in layers.items()}, two, **options).rows
        for name in here.keys() & there.keys():
            for side in sides:
                try:
                    three = products(here[name], there[name], side)
                except (ShapeError, UnsupportedError):  # different sizes, or a convolution with many groups
                    continue
                key = name, side
                sums[key] = [a + b for a, b in zip(sums.get(key, [0.0] * 3), three, strict=True)]
                counts[key] = counts.get(key, 0) + draws * here[name].samples
    made = {}
    for key, (both, ss, tt) in sorted(sums.items()):
        idle = ss <= 0 or tt <= 0
        alike = (0.0, 0.0) if idle else (both / math.sqrt(ss * tt), math.sqrt(tt / ss))
        made[key] = Expected(*alike, counts[key])
    return made


def products(source: Rows, target: Rows, side: str) -> tuple[float, float, float]:
    """Return expected inner products of effects: source with target, source with source, and target with target.

    They are estimated for a change with independent entries of mean 0 and variance 1, and summed over a batch.

    Raises:
        ShapeError: the two layers have different sizes or numbers of samples on this side.
    """
    (r, g), (r2, g2) = (rows.both(side) for rows in (source, target))
    wide = torch.promote_types(r.dtype, torch.float32)
    r, g, r2, g2 = (x.to(r2.device, wide) for x in (r, g, r2, g2))
    if r.shape[-1] != r2.shape[-1] or g.shape[-1] != g2.shape[-1] or len(r) != len(r2):
        msg = f"The two layers have different sizes or numbers of samples on the {side} side."
        raise ShapeError(msg)
    return _product(r, g, r2, g2), _product(r, g, r, g), _product(r2, g2, r2, g2)


def _product(r: Tensor, g: Tensor, r2: Tensor, g2: Tensor) -> float:
    """Return the sum of (r·r2)(g·g2) over cotangents, samples and pairs of positions, in the cheaper of two ways."""
    positions, sizes = r.shape[1], (r.shape[2], g.shape[3])
    if positions * positions * sum(sizes) <= positions * sizes[0] * sizes[1]:
        return float(((r @ r2.mT) * (g @ g2.mT)).double().sum())
    whole, whole2 = (torch.einsum("npc,knpd->kncd", *pair) for pair in ((r, g), (r2, g2)))
    return float((whole * whole2).double().sum())


def measured(
    source: nn.Module,
    target: nn.Module,
    batches: Iterable[Pair],
    off: Off,
    compared: Compared,
    *,
    seed: int = 0,
) -> Prediction:
    """Return a prediction of the share of the source's gain (loss reduction) that the copied adapters retain.

    Args:
        source: the source, with its adapters active.
        target: the target, with its adapters active.
        batches: pairs of batches, see ``effect.batches.whole``, of rows that were not used in a fit.
        off: function that returns a context manager in which a model's adapters are switched off.
        compared: what is compared of the two models.
        seed: seed of random numbers in the models, and of the bootstrap.

    Raises:
        InvalidValueError: there are no batches, outputs differ in shape or are not finite, or the source's adapters
            have no effect.
    """
    parts: list[RowSums] = []
    weight = None

    def both(model: nn.Module, batch: Any, number: int) -> tuple[Tensor, Tensor, Any, Any]:
        with off(model):
            plain, known = read(model, batch, compared.call, seed + number)
        adapted, other = read(model, batch, compared.call, seed + number)
        return plain, adapted, known, other

    def outputs(batch: Any) -> tuple[Tensor, Tensor]:
        return both(source, batch, 0)[:2]

    with ExitStack() as stack, torch.no_grad():
        for model in (source, target):
            stack.enter_context(undisturbed(model))
        for number, (one, two) in enumerate(batches):
            if not parts and compared.rounded(partial(outputs, first_rows(one, 2)), source, target).coarse:
                for model in (source, target):
                    stack.enter_context(undisturbed(model, precise=True))
            (s, sa, *known), (t, ta, *other) = both(source, one, number), both(target, two, number)
            if weight is None:  # from the first batch, for all batches
                weight = trust(*Goal(s, sa, t, compared.need).divergences()) if compared.need == "labels" else 0.0
            told: Any = None if known[0] is None or other[0] is None else (*known, other[0])
            parts.append(Goal(s, sa, t, compared.need, weight, known=told).sums(ta, other[1]))
    if not parts:
        msg = "The inputs are empty; give at least one batch."
        raise InvalidValueError(msg)
    return predict(RowSums.joined(parts), compared.need, seed=seed)
