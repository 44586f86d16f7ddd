"""Layers of a model that lost channels or neurons: which of the wider layer's channels the narrower one kept."""

from collections.abc import Iterable, Mapping
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

LARGEST: Final = 4096
"""Channels that a side has at most to be searched."""
PART: Final = 0.5
"""Cosine from which a narrower layer is a part of the wider one: the best of many unrelated channels stays below."""
Kept = Int[Tensor, " n"]


def narrowed(
    layers: Iterable[tuple[str, Float[Tensor, "c d"], Float[Tensor, "e f"]]],
) -> Mapping[str, float]:
    """The cosine of each narrower matrix with its part of the wider one; layers without such a part are left out.

    A side that has one size in both keeps its order. What is kept of a width (of the stream) is found once and then
    holds for all layers of that width, unless the layer by itself fits another choice better (an MLP's own neurons).

    Args:
        layers: name, W and W' of unequal sizes.
    """
    told: dict[tuple[int, int], Kept] = {}
    found: dict[str, float] = {}
    left = [entry for entry in layers if _smaller(*entry[1:]) is not None]
    for _ in range(2):  # the first time some layers tell what the others need
        rest = []
        for name, one, two in left:
            wide, narrow = _smaller(one, two) or (one, two)
            cosine = _within(wide, narrow, told)
            if cosine is None or cosine <= PART:
                rest.append((name, one, two))
            else:
                found[name] = cosine
        left = rest
    return found


def _smaller(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor] | None:
    if one.shape != two.shape and all(a >= b for a, b in zip(one.shape, two.shape, strict=True)):
        return one.detach().float(), two.detach().float()
    if one.shape != two.shape and all(a <= b for a, b in zip(one.shape, two.shape, strict=True)):
        return two.detach().float(), one.detach().float()
    return None


def _within(wide: Tensor, narrow: Tensor, told: dict[tuple[int, int], Kept]) -> float | None:
    """The largest cosine over the sides that can be searched; None where no side is known."""
    best: float | None = None
    for turn in (False, True):
        a, b = (wide.mT, narrow.mT) if turn else (wide, narrow)  # rows are known or told, columns are searched
        if a.shape[0] != b.shape[0]:
            rows = told.get((a.shape[0], b.shape[0]))
            if rows is None:
                continue
            a = a[rows]
        if a.shape[1] == b.shape[1]:
            columns = torch.arange(a.shape[1])
        elif a.shape[1] <= LARGEST:
            columns = _columns(a, b)
        else:
            continue
        cosine = float((a[:, columns] * b).sum() / (a[:, columns].norm() * b.norm()).clamp_min(1e-30))
        if best is None or cosine > best:
            best = cosine
            if cosine > PART and a.shape[1] != b.shape[1]:
                told.setdefault((a.shape[1], b.shape[1]), columns)
    return best


def _columns(a: Tensor, b: Tensor) -> Kept:
    a, b = (m / m.norm(dim=0).clamp_min(1e-30) for m in (a, b))
    return (b.mT @ a).argmax(1)
