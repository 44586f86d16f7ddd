"""The share of its gain that a copied adapter keeps: measured from its effect, or expected before training.

    The expected cosine of the two effects is N_ST/√(N_SS N_TT), where N_ab = E (r_a·r_b)⟨J_a, J_b⟩, summed over pairs
    of positions of a sample,

is the expected ⟨e_a, e_b⟩ of the effects e = rMJ of one M with independent entries on both models (claim
`effect-random`). It asks for equal sizes on both models: no M is on both otherwise.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.passes import Call, named_output, record, run, undisturbed
from ioadapt_theory.effect.retained import Alignment, Prediction, RowSums, divergences, needed, predict, trust
from ioadapt_theory.effect.rows import SIDES, Rows
from ioadapt_theory.errors import InvalidValueError, IoAdaptError, ShapeError

Off = Callable[[nn.Module], AbstractContextManager[None]]
"""Switches the adapters of a model off for the duration, as ``adapters.disable`` does."""


@dataclass(frozen=True, slots=True)
class Expected(Alignment):
    """Expectation for a layer and side before anything is trained there.

    Attributes:
        cosine: N_ST/√(N_SS N_TT).
        ratio: √(N_TT/N_SS), the expected size on the target by that on the source.
        samples: samples times cotangents that it was estimated from.
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
    seed: int = 0,
    draws: int = 2,
) -> dict[tuple[str, str], Expected]:
    """Return what a copied adapter is expected to keep, by layer and side; sides of unequal sizes are missing.

    Args:
        source: the model that an adapter would be trained on; adapters are switched off by the caller.
        target: the model that it would move to.
        layers: a name for each pair of layers: the module in the source, the module in the target.
        batches: pairs of batches, see ``effect.batches.whole``.
        sides: "weight", "input", "output".
        call: runs a model where a plain call does not.
        seed: of the cotangents, which both models share.
        draws: cotangents for each batch; 128 samples times cotangents predict single layers to .02.
    """
    sums: dict[tuple[str, str], list[float]] = {}
    counts: dict[tuple[str, str], int] = {}
    for number, (one, two) in enumerate(batches):
        options: dict[str, Any] = {"call": call, "seed": seed + number, "draws": draws}
        here = record(source, {name: pair[0] for name, pair in layers.items()}, one, **options).rows
        there = record(target, {name: pair[1] for name, pair in layers.items()}, two, **options).rows
        for name in here.keys() & there.keys():
            for side in sides:
                try:
                    three = products(here[name], there[name], side)
                except IoAdaptError:  # other sizes, or a convolution in many groups
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
    """Return N_ST, N_SS, N_TT of one batch, unnormalised.

    Raises:
        ShapeError: the two layers have other sizes on this side.
    """
    (r, g), (r2, g2) = (rows.both(side) for rows in (source, target))
    if r.shape[-1] != r2.shape[-1] or g.shape[-1] != g2.shape[-1] or len(r) != len(r2):
        sizes = f"{r.shape[-1]} x {g.shape[-1]} and {r2.shape[-1]} x {g2.shape[-1]}"
        msg = f"The {side} sides of the two layers have other sizes: {sizes}."
        raise ShapeError(msg)
    return _product(r, g, r2, g2), _product(r, g, r, g), _product(r2, g2, r2, g2)


def _product(r: Tensor, g: Tensor, r2: Tensor, g2: Tensor) -> float:
    """Σ over pairs of positions of (r·r')(g·g'), in the shorter of two forms."""
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
    *,
    call: Call | None = None,
    need: str | None = None,
    seed: int = 0,
) -> Prediction:
    """Predict what the target's active adapters keep of the effect of the source's; four forward passes a batch.

    Args:
        source: with its adapters active.
        target: with its adapters active.
        batches: pairs of batches, see ``effect.batches.whole``; no row that anything was fitted on.
        off: switches a model's adapters off.
        call: runs a model where a plain call does not, and picks the output that both share.
        need: "labels" or "change"; by default as the outputs look, see ``needed``.
        seed: of what the models draw, and of the bootstrap.

    Returns:
        The share of the effect that is kept.

    Raises:
        InvalidValueError: outputs that do not compare or are not finite, or an adapter that does nothing.
    """
    parts: list[RowSums] = []
    weight = None
    for number, pair in enumerate(batches):
        outputs = []
        with undisturbed(source), undisturbed(target), torch.no_grad():
            for model, batch in zip((source, target), pair, strict=True):
                with off(model):
                    plain, called = named_output(model, batch, call, seed + number)
                need = need or needed(plain, called)
                outputs += [plain, run(model, batch, call, seed + number)]
        s, sa, t, ta = outputs
        require_comparable(s, t)
        if need == "labels" and weight is None:  # of the first batch, for all
            weight = trust(*divergences(s, sa, t))
        parts.append(RowSums.of(s, sa, t, ta, weight))
    if not parts or need is None:
        msg = "There are no inputs: the effect of an adapter needs a batch at least."
        raise InvalidValueError(msg)
    return predict(RowSums.joined(parts), need, seed=seed)


def require_comparable(source: Tensor, target: Tensor) -> None:
    """Raise InvalidValueError where two models have no outputs in common."""
    if source.shape != target.shape:
        msg = (
            f"The models have no outputs in common: {[*source.shape]} and {[*target.shape]} on the same inputs. Give"
            " call= that returns what both share, as the scores of common tokens."
        )
        raise InvalidValueError(msg)
