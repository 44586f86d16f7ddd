"""Batches of inputs, and their random split into rows to fit adapters, to select one, and to predict its effect."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError

SHARES: Final = (0.65, 0.15, 0.2)
"""Shares of the rows that are used to fit adapters, to select one of them, and to predict its effect."""
Pair = tuple[Any, Any]
"""A batch for the source model, and a batch with the same samples for the target model."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Pairs of batches, ``rows`` samples in all, to fit adapters, to select one of them and to predict its effect."""

    fit: list[Pair]
    select: list[Pair]
    predict: list[Pair]
    rows: int

    @property
    def counts(self) -> tuple[int, int, int]:
        fit, select, predict = (sum(row_count(one) for one, _ in p) for p in (self.fit, self.select, self.predict))
        return fit, select, predict

    def all_to_predict(self) -> "Parts":
        return Parts([], [], [*self.fit, *self.select, *self.predict], self.rows)


def divided(inputs: Any, target_inputs: Any = None, *, size: int = 32, seed: int = 0) -> Parts:
    """Return all rows, split at random into three parts, as pairs of batches of at most ``size`` rows.

    The inputs are a tensor, a tuple of arguments, a mapping of keyword arguments, or an iterable of such batches;
    ``target_inputs`` are the same samples, row by row, as the target takes them, by default ``inputs``.

    Raises:
        InvalidValueError: there are fewer than 3 rows, a batch is invalid, or the two inputs differ in rows per batch.
    """
    batches = _paired(inputs, target_inputs)
    rows = sum(count for _, _, count in batches)
    if rows < 3:
        msg = f"The inputs have {rows} row{'s' * (rows != 1)}; give at least 3, preferably 256 or more."
        raise InvalidValueError(msg)
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    second = min(max(round(SHARES[0] * rows), 1), rows - 2)
    third = min(max(second + round(SHARES[1] * rows), second + 1), rows - 1)
    parts = [order[:second], order[second:third], order[third:]]
    fit, select, predict = (_taken(batches, part, size) for part in parts)
    return Parts(fit, select, predict, rows)


def whole(inputs: Any, target_inputs: Any = None, *, size: int = 32) -> list[Pair]:
    """Return all rows as pairs of batches, for source and target, of at most ``size`` rows; see ``divided``."""
    batches = _paired(inputs, target_inputs)
    return _taken(batches, torch.arange(sum(count for _, _, count in batches)), size)


def joined(pairs: list[Pair]) -> tuple[list[Pair], Pair]:
    """Return the pairs of batches that can be joined, by their shapes, and their samples in one pair."""
    sources, targets = zip(*pairs, strict=True)
    try:
        return pairs, (_cat(sources), _cat(targets))
    except RuntimeError:
        return (pairs, pairs[0]) if len(pairs) == 1 else joined(pairs[:-1])


def _cat(batches: Sequence[Any]) -> Any:
    first = batches[0]
    if isinstance(first, Mapping):
        return {key: _cat([batch[key] for batch in batches]) for key in first}
    if isinstance(first, list | tuple):
        return type(first)(map(_cat, zip(*batches, strict=True)))
    shared = not isinstance(first, Tensor) or not first.ndim or all(x is first for x in batches)
    return first if shared else torch.cat([*batches])


def _paired(inputs: Any, target_inputs: Any) -> list[tuple[Any, Any, int]]:
    """Return a batch for each model, and the number of its rows, for all batches."""
    sources = listed(inputs)
    targets = sources if target_inputs is None else listed(target_inputs)
    counts, others = ([row_count(batch) for batch in batches] for batches in (sources, targets))
    if counts != others:
        msg = (
            "target_inputs must match inputs row by row, but the batches of inputs have the sizes"
            f" {counts!s:.60}, and those of target_inputs {others!s:.60}."
        )
        raise InvalidValueError(msg)
    return [*zip(sources, targets, counts, strict=True)]


def listed(inputs: Any) -> list[Any]:
    one = isinstance(inputs, Tensor | tuple) or isinstance(inputs, Mapping)
    if isinstance(inputs, str) or (not one and not isinstance(inputs, Iterable)):
        msg = f"The inputs must be a tensor, a tuple, a mapping, or a list of these, not {type(inputs).__name__}."
        raise InvalidValueError(msg)
    batches = [inputs] if one else [*inputs]
    if not batches:
        msg = "The inputs are empty; give at least one batch."
        raise InvalidValueError(msg)
    if any(t.is_floating_point() and not _usable(t) for batch in batches for t in _tensors(batch)):
        msg = "The inputs contain NaN or infinity; remove the rows that contain them."
        raise InvalidValueError(msg)
    return batches


def _usable(t: Tensor) -> bool:
    return bool(t.isfinite().all()) or (_is_square(t) and bool((t < torch.inf).all()))  # -inf masks, NaN does not


def _is_square(t: Tensor) -> bool:
    return t.ndim >= 2 and t.shape[-1] == t.shape[-2] > 1


def row_counts(batch: Any) -> tuple[int, ...]:
    """Return the number of rows of each tensor of a batch, without scalars, empty tensors and shared masks."""
    every = [t for t in _tensors(batch) if t.ndim]
    counts = tuple(len(t) for t in every if len(t) and not _is_shared(t, every))
    if not counts:
        msg = f"Each batch must contain a torch.Tensor with a row or more, but one ({type(batch).__name__}) has none."
        raise InvalidValueError(msg)
    return counts


def row_count(batch: Any) -> int:
    """Return the number of samples in a batch, the largest number of rows of its tensors; 0 samples are an error."""
    return max(row_counts(batch))


def _is_shared(t: Tensor, every: list[Tensor]) -> bool:
    """Return whether t is a mask or bias of pairs of positions, L x L, which belongs to all samples.

    Other tensors of the batch then have L positions. If there are L samples, too, such a mask must be triangular. A
    matrix beside matrices of floats is not a mask but features, as in networks with an input for each element.
    """
    if t.ndim != 2 or not _is_square(t):
        return False
    others = [x for x in every if x is not t and x.ndim > 1 and x.shape[1] == len(t)]
    if any(len(x) not in {1, len(t)} for x in others):
        return bool(t.isinf().any()) or any(x.ndim > 2 or x.dtype != t.dtype for x in others)
    on = t if t.dtype == torch.bool else t != 0
    return bool(others) and bool(on.any()) and (torch.equal(on, on.tril()) or torch.equal(on, on.triu(1)))


def rows_of(batch: Any, rows: Tensor) -> Any:
    """Return the samples of a batch with the indices ``rows``.

    Scalars, tensors with one row and L x L masks belong to every sample. If a tensor has fewer rows than the batch has
    samples, as in networks with separate inputs for each chemical element, the rows at the same relative positions are
    taken.
    """
    count, every = row_count(batch), [t for t in _tensors(batch) if t.ndim]

    def of(value: Tensor) -> Tensor:
        if not value.ndim or (len(value) == 1 and count > 1) or _is_shared(value, every):
            return value
        if len(value) == count:
            return value[rows.to(value.device)]
        owner = torch.arange(len(value)) * count // len(value)
        return value[torch.isin(owner, rows).to(value.device)]

    return mapped(batch, of)


def _taken(batches: list[tuple[Any, Any, int]], rows: Tensor, size: int) -> list[Pair]:
    pairs, start = [], 0
    for source, target, count in batches:
        inside = rows[(rows >= start) & (rows < start + count)] - start
        for chunk in torch.split(inside, size) if len(inside) else ():
            one = rows_of(source, chunk)
            pairs.append((one, one if source is target else rows_of(target, chunk)))
        start += count
    return pairs


def mapped(batch: Any, of: Callable[[Tensor], Any]) -> Any:
    """Return a batch with ``of(tensor)`` in place of each tensor."""
    if isinstance(batch, Tensor):
        return of(batch)
    if isinstance(batch, Mapping):
        return {key: mapped(value, of) for key, value in batch.items()}
    return type(batch)(mapped(value, of) for value in batch) if isinstance(batch, list | tuple) else batch


def _tensors(batch: Any) -> list[Tensor]:
    found: list[Tensor] = []
    mapped(batch, found.append)
    return found
