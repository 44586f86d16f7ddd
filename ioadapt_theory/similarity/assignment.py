"""Pairing without names: among tensors of equal shape, the assignment with the largest total cosine.

It is a check of the other pairings, not a substitute: vectors such as norms resemble each other whatever their place.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.checkpoints.names.unet import canonical
from ioadapt_theory.similarity.matching import Layer, Match, Matching, Skipped, as_layer, match_by_names
from ioadapt_theory.similarity.measures.overflow import in_range
from ioadapt_theory.similarity.streaming.reader import Reader
from ioadapt_theory.similarity.streaming.workers import single_threaded_torch
from ioadapt_theory.similarity.tracing import match_by_provenance

BUFFER = 4 * 1024 * 1024
"""Elements held at once."""

Shape = tuple[int, ...]


def match_by_similarity(checkpoints: Sequence[Checkpoint], labels: Sequence[str]) -> Matching:
    """Assign the tensors of every other model to those of the first one."""
    reader = Reader(checkpoints, parent=None)
    shapes = [_by_shape(c) for c in checkpoints]
    names = [canonical(c.tensors) for c in checkpoints]
    partners: dict[str, dict[int, str]] = {n: {0: n} for group in shapes[0].values() for n in group}
    skipped: list[Skipped] = []
    with single_threaded_torch():
        for other in range(1, len(checkpoints)):
            for shape, theirs in shapes[other].items():
                ours = shapes[0].get(shape, [])
                cosines = _cosines(reader, (0, ours), (other, theirs)) if ours else np.zeros((0, len(theirs)))
                rows, columns = linear_sum_assignment(cosines, maximize=True)
                for a, b in zip(rows, columns, strict=True):
                    partners[ours[a]][other] = theirs[b]
                for b in sorted(set(range(len(theirs))) - set(columns)):
                    reason = f"no partner of this shape left: {list(shape)} in {labels[0]}"
                    skipped.append(Skipped(names[other][theirs[b]], (labels[other],), reason))
    layers = []
    for name, found in partners.items():
        if len(found) > 1:
            tensors = tuple(found.get(i) for i in range(len(checkpoints)))
            layers.append(as_layer(names[0][name], checkpoints[0].tensors[name], tensors))
        else:
            skipped.append(Skipped(names[0][name], (labels[0],), "only there"))
    return Matching(tuple(layers), tuple(skipped), tuple(_agreement(checkpoints, labels, layers)))


def all_tensors(checkpoints: Sequence[Checkpoint]) -> tuple[Layer, ...]:
    """Every tensor that may find a partner, as a layer of its own."""
    return tuple(
        as_layer(info.name, info, tuple(info.name if j == i else None for j in range(len(checkpoints))))
        for i, checkpoint in enumerate(checkpoints)
        for info in checkpoint.tensors.values()
        if info.is_float and info.numel
    )


def _by_shape(checkpoint: Checkpoint) -> dict[Shape, list[str]]:
    groups: defaultdict[Shape, list[str]] = defaultdict(list)
    for name, info in checkpoint.tensors.items():
        if info.is_float and info.numel:
            groups[info.key].append(name)
    return dict(groups)


def _cosines(reader: Reader, one: tuple[int, list[str]], two: tuple[int, list[str]]) -> Float[np.ndarray, "a b"]:
    """All cosines between tensors of one shape; what is not finite, or zero, counts as the worst partner."""
    owners = [(model, name) for model, names in (one, two) for name in names]
    first = len(one[1])
    exponents = torch.zeros(len(owners), 1, dtype=torch.int32)
    gram, norms = _products(reader, owners, first, exponents)
    if not in_range(norms, reader):
        largest = [max(float(p.abs().max()) for p in _rows(reader, *owner)) for owner in owners]
        exponents = torch.frexp(torch.tensor(largest, dtype=reader.dtype)).exponent[:, None]
        gram, norms = _products(reader, owners, first, exponents)
    cosines = gram / norms[:first, None].sqrt() / norms[first:].sqrt()
    return cosines.nan_to_num(nan=-2.0, posinf=-2.0, neginf=-2.0).numpy()


def _products(
    reader: Reader, owners: Sequence[tuple[int, str]], first: int, exponents: Int[Tensor, "n 1"]
) -> tuple[Float[Tensor, "a b"], Float[Tensor, " n"]]:
    """Inner products of the first tensors with the others, and squared norms, each tensor over 2^exponent."""
    gram = torch.zeros(first, len(owners) - first, dtype=reader.dtype)
    norms = torch.zeros(len(owners), dtype=reader.dtype)
    step = max(1, BUFFER // len(owners))
    for pieces in zip(*(_rows(reader, *owner, step) for owner in owners), strict=True):
        piece = torch.stack(pieces)
        if exponents.any():
            piece = piece.ldexp(-(exponents // 2)).ldexp(exponents // 2 - exponents)  # 2^-exponent may be out of range
        gram += piece[:first] @ piece[first:].T
        norms += piece.square().sum(1)
    return gram, norms


def _rows(reader: Reader, model: int, name: str, step: int = BUFFER) -> Iterator[Tensor]:
    """The pieces of one tensor."""
    numel = reader.checkpoints[model].tensors[name].numel
    for start in range(0, numel, step):
        piece = torch.empty(min(step, numel - start), dtype=reader.dtype)
        reader.widen(model, name, start, piece)
        yield piece


def _agreement(checkpoints: Sequence[Checkpoint], labels: Sequence[str], layers: Sequence[Layer]) -> list[str]:
    """How often the assignment is what the names, and the provenance, say."""
    found = {(other, x.tensors[other]): x.tensors[0] for x in layers for other in x.models[1:]}
    notes = []
    ways = {Match.NAME: match_by_names(checkpoints, labels, Match.NAME)}
    for mode, matching in (ways | {Match.PROVENANCE: match_by_provenance(checkpoints, labels)}).items():
        told = matching.layers
        for other in range(1, len(checkpoints)):
            pairs = [(x.tensors[0], (other, x.tensors[other])) for x in told if {0, other} <= set(x.models)]
            agree = sum(found.get(theirs) == ours for ours, theirs in pairs)
            notes.append(
                f"{labels[0]} | {labels[other]}: {agree} of {len(pairs)} pairs by {mode} are also the most similar"
            )
    return notes
