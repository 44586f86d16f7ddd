"""Find which channels of a wider layer a narrower one kept."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

LARGEST: Final = 4096
"""Channels of a side at most that are searched."""
PART: Final = 0.5
"""Cosine from which a channel is one of the wider layer's, or twice what the best of unrelated ones reaches by chance."""


def kept_channels(
    layers: Iterable[tuple[str, Float[Tensor, "c d"], Float[Tensor, "e f"]]],
) -> Mapping[str, float]:
    """Return the median cosine of each narrower layer's channels with those of the wider one that they are.

    A side that has one size in both keeps its order. What is kept of a width is found once and then holds for all
    layers of that width. Layers whose channels are not found are left out.

    Args:
        layers: name, W and W' of unequal sizes.
    """
    known: dict[tuple[int, int], Int[Tensor, " n"]] = {}
    cosines: dict[str, float] = {}
    left = [(name, *sorted((one.detach().float(), two.detach().float()), key=Tensor.numel)[::-1]) for name, one, two in layers]
    left = [entry for entry in left if all(a >= b for a, b in zip(entry[1].shape, entry[2].shape, strict=True))]
    for _ in range(2):  # the first time some layers tell what the others need
        for name, wide, narrow in left:
            found = [_kept(wide, narrow, known), _kept(wide.mT, narrow.mT, known)]
            best = max((cosine for cosine in found if cosine is not None), default=None)
            if best is not None:
                cosines[name] = best
        left = [entry for entry in left if entry[0] not in cosines]
    return cosines


def _kept(wide: Tensor, narrow: Tensor, known: dict[tuple[int, int], Int[Tensor, " n"]]) -> float | None:
    """Search the columns, where the rows are known; None where they are not, or the columns are others."""
    sizes, sizes_across = ((wide.shape[axis], narrow.shape[axis]) for axis in (1, 0))
    if sizes_across[0] != sizes_across[1]:
        if sizes_across not in known:
            return None
        wide = wide[known[sizes_across]]
    if sizes[0] > LARGEST:
        return None
    wide, narrow = (m / m.norm(dim=0).clamp_min(torch.finfo(m.dtype).tiny) for m in (wide, narrow))
    alike, columns = (narrow.mT @ wide).max(1)
    chance = math.sqrt(2 * math.log(max(sizes[0], 2)) / len(narrow))
    median = float(alike.median())
    if median <= max(PART, 2 * chance) or 2 * len(set(columns.tolist())) <= len(columns):
        return None
    if sizes[0] != sizes[1]:
        known.setdefault(sizes, columns)
    return median
