"""Distances of all pairs of models: of their sketches, or of the weights themselves where these are read again."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.similarity.many.sketch import CHUNK, Sketch, key_of, read_chunks


@dataclass(frozen=True, slots=True)
class Distances:
    """Over the tensors that two models have in common, by name and shape.

    Attributes:
        names: of the n models.
        distance: (n, n) ‖a - b‖.
        norm: (n, n) of row i over what it has in common with j.
        common: (n, n) part of the smaller model's norm² that is common; 0 where nothing is.
    """

    names: tuple[str, ...]
    distance: Float[np.ndarray, "n n"]
    norm: Float[np.ndarray, "n n"]
    common: Float[np.ndarray, "n n"]

    @property
    def cosine(self) -> Float[np.ndarray, "n n"]:
        """Of the common weights; 0 where nothing is common."""
        both = self.norm * self.norm.T
        inner = (self.norm**2 + self.norm.T**2 - self.distance**2) / 2
        return np.divide(inner, both, out=np.zeros_like(both), where=both > 0)


def of_sketches(sketches: Sequence[Sketch]) -> Distances:
    """From sketches alone, a product of matrices for each tensor.

    Raises:
        InvalidValueError: unlike numbers of buckets.
    """
    if len(kinds := {s.buckets for s in sketches}) > 1:
        msg = f"Sketches of {', '.join(map(str, sorted(kinds)))} buckets have no common distances: make them anew."
        raise InvalidValueError(msg)
    n = len(sketches)
    square, own = np.zeros((n, n)), np.zeros((n, n))
    for key, members in _holders([one.parts for one in sketches]).items():
        rows = np.stack([sketches[i].parts[key].buckets for i in members]).astype(np.float64)
        at = np.ix_(members, members)
        square[at] += _apart(rows)
        own[at] += np.array([sketches[i].parts[key].square for i in members])[:, None]
    return _distances([s.name for s in sketches], square, own)


def of_checkpoints(checkpoints: Sequence[Checkpoint]) -> Distances:
    """Of the weights themselves, all models read once, side by side, in float64."""
    n = len(checkpoints)
    square, own = np.zeros((n, n)), np.zeros((n, n))
    keys = [{key_of(info): info for info in c.tensors.values() if info.is_float and info.numel} for c in checkpoints]
    for key, members in _holders(keys).items():
        at = np.ix_(members, members)
        step = max(1, CHUNK // len(members))
        for pieces in zip(*(read_chunks(checkpoints[i], keys[i][key], step) for i in members), strict=True):
            rows = np.stack([piece.double().numpy() for piece in pieces])
            own[at] += np.einsum("ij,ij->i", rows, rows)[:, None]
            square[at] += _apart(rows)
    return _distances([c.name for c in checkpoints], square, own)


def _holders(models: Sequence[Collection[str]]) -> dict[str, list[int]]:
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for i, one in enumerate(models):
        for key in one:
            holders[key].append(i)
    return holders


def _apart(rows: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n n"]:
    """Squared distances of rows; what all have in common is taken off first, it would drown what they have not."""
    rows = rows - rows[0]
    norms = np.einsum("ij,ij->i", rows, rows)
    return np.maximum(norms[:, None] + norms - 2 * rows @ rows.T, 0)


def exact(one: Checkpoint, two: Checkpoint) -> tuple[float, float, float]:
    """‖a - b‖, ‖a‖, ‖b‖ over the tensors of one name and shape, in float64."""
    square, a, b = 0.0, 0.0, 0.0
    for name, info in one.tensors.items():
        other = two.tensors.get(name)
        if other is None or other.key != info.key or not (info.is_float and other.is_float and info.numel):
            continue
        for x, y in zip(read_chunks(one, info), read_chunks(two, other), strict=True):
            x, y = x.double(), y.double()
            square += float((x - y).square().sum())
            a += float(torch.dot(x, x))
            b += float(torch.dot(y, y))
    return square**0.5, a**0.5, b**0.5


def _distances(names: Sequence[str], square: Float[np.ndarray, "n n"], own: Float[np.ndarray, "n n"]) -> Distances:
    np.fill_diagonal(square, 0)
    whole = np.diagonal(own)
    common = np.maximum(own / np.maximum(whole[:, None], 1e-300), 0)
    return Distances(tuple(names), np.sqrt(square), np.sqrt(own), np.maximum(common, common.T))
