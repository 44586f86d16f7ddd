"""Each layer's own part of an adapter's effect, to first order: ⟨ξ, e⟩ = Σ over positions of (rA)·(Bg)."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.passes import Call, record
from ioadapt_theory.effect.retention import Alignment
from ioadapt_theory.effect.rows import Rows
from ioadapt_theory.effect.translation import Factors

Side = tuple[Tensor, Tensor, str]
"""A, B and the side that they act on."""


@dataclass(frozen=True, slots=True)
class Single(Alignment):
    """One layer.

    Attributes:
        cosine: c, between its effects on both models.
        ratio: q, size on the target by size on the source.
        weight: its share of the squares of all layers' effects on the source.
        samples: samples times cotangents that it was estimated from.
    """

    weight: float
    samples: int


def effects(rows: Rows, side: str, factors: Factors) -> Tensor:
    """Return ⟨ξ, e⟩ of a change AB, cotangents x samples."""
    a, b = factors
    r, g = rows.reader(side), rows.writer(side)
    return ((r @ a.to(r)) * (g @ b.to(g).mT)).sum((-2, -1))


def by_layer(
    source: nn.Module,
    target: nn.Module,
    layers: Mapping[str, tuple[nn.Module, nn.Module]],
    batches: Iterable[Pair],
    factors: Mapping[str, tuple[Side, Side]],
    *,
    call: Call | None = None,
    seed: int = 0,
    draws: int = 2,
) -> dict[str, Single]:
    """Return what each layer's part of an adapter keeps; one forward and one backward pass of each model a batch.

    Args:
        source: the model; adapters are switched off by the caller.
        target: likewise.
        layers: a name for each pair of layers: the module in the source, the module in the target.
        batches: pairs of batches, see ``effect.batches.whole``.
        factors: name -> the change on the source, the change on the target; equal for a copy.
        call: runs a model where a plain call does not.
        seed: of the cotangents, which both models share.
        draws: cotangents for each batch; 128 samples times cotangents predict a layer to .02.
    """
    sums: dict[str, Tensor] = {}
    samples: dict[str, int] = {}
    for number, (one, two) in enumerate(batches):
        options: dict[str, Any] = {"call": call, "seed": seed + number, "draws": draws}
        here = record(source, {n: layers[n][0] for n in factors}, one, **options).rows
        there = record(target, {n: layers[n][1] for n in factors}, two, **options).rows
        for name in here.keys() & there.keys():
            (a, b, side), (a2, b2, side2) = factors[name]
            e, e2 = (
                effects(*args).double().flatten()
                for args in ((here[name], side, (a, b)), (there[name], side2, (a2, b2)))
            )
            sums[name] = sums.get(name, torch.zeros(3)) + torch.stack([e @ e2, e @ e, e2 @ e2])
            samples[name] = samples.get(name, 0) + len(e)
    total = float(sum(s[1] for s in sums.values())) or 1.0
    return {name: single(*map(float, s), total=total, samples=samples[name]) for name, s in sorted(sums.items())}


def single(inner: float, source: float, target: float, *, total: float, samples: int) -> Single:
    """Return what sums of ⟨ξ, e⟩ say of a layer."""
    if source <= 0 or target <= 0:
        return Single(0.0, 0.0, source / total, samples)
    return Single(inner / math.sqrt(source * target), math.sqrt(target / source), source / total, samples)
