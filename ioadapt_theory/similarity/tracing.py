"""Layers of pruned and renumbered models: pair them by contents, or warn that names mislead."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ioadapt_theory.checkpoints.alignment import Contents, Origins, by_contents
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, torch_dtype
from ioadapt_theory.checkpoints.names.unet import canonical
from ioadapt_theory.similarity.matching import Matching, group, wrong_origins

PIECES, PIECE = 16, 256
"""Number of evenly spaced pieces read from a tensor, and of values in each."""


def match_by_provenance(
    checkpoints: Sequence[Checkpoint], labels: Sequence[str], prepare: Callable[[], object] = tuple
) -> Matching:
    """Return tensors paired by equal origin: by the layout of known students, else by contents.

    A layer whose origin is not in the first model has no partner. ``prepare`` is called before values are read.
    """
    names = [canonical(c.tensors) for c in checkpoints]
    prepare()
    keys, notes = [names[0]], list[str]()
    for i in range(1, len(checkpoints)):
        origin = by_contents(contents(checkpoints[0], names[0]), contents(checkpoints[i], names[i]))
        key = _keys(origin, list(names[i].values()), labels[i])
        keys.append({stored: key[name] for stored, name in names[i].items()})
        notes.append(_note(origin, labels[0], labels[i]))
    matching = group(checkpoints, labels, keys)
    return Matching(matching.layers, matching.skipped, tuple(notes))


def _keys(origin: Origins | None, names: Sequence[str], label: str) -> dict[str, str]:
    """Return the key that each layer is paired by: its origin, or else a name that no other model has."""
    if origin is None:
        return {name: name for name in names}
    traced = _all_tensors(origin, names)
    first = {old: new for new, old in reversed(traced.items())}  # a block may stand twice
    return {name: old if (old := traced.get(name)) and first[old] == name else f"{name} of {label}" for name in names}


def misled(matching: Matching, checkpoints: Sequence[Checkpoint], labels: Sequence[str]) -> list[str]:
    """Return notes on pairing by name models with different numbers of layers, if all files are local."""
    names = [canonical(c.tensors) for c in checkpoints]
    traced: list[Mapping[str, str] | None] = [None]
    for i in range(1, len(checkpoints)):
        differ = _depths(names[0].values()) != _depths(names[i].values())
        origin = by_contents(contents(checkpoints[0], names[0]), contents(checkpoints[i], names[i])) if differ else None
        traced.append(_all_tensors(origin, names[i].values()) if origin else None)
    return wrong_origins(matching.layers, labels, traced)


def contents(checkpoint: Checkpoint, names: Mapping[str, str]) -> Contents:
    """Return some values of every matrix of a checkpoint; ``names`` maps stored names to matching keys."""
    stored = {name: old for old, name in names.items()}
    matrices = {
        n: info for n, old in stored.items() if len((info := checkpoint.tensors[old]).key) > 1 and info.is_float
    }

    return Contents(
        {name: info.key for name, info in matrices.items()}, lambda name: _some(checkpoint, matrices[name].name)
    )


def _some(checkpoint: Checkpoint, name: str) -> Any:
    """Return values of a tensor, in evenly spaced pieces."""
    import torch

    info = checkpoint.tensors[name]
    size = min(PIECE, info.numel)
    starts = torch.linspace(0, info.numel - size, PIECES if info.numel > size else 1, dtype=torch.float64).long()
    piece = torch.empty(size, dtype=torch_dtype(info.dtype))
    read, taken = checkpoint.filler(name, piece), []
    for start in starts.tolist():
        read(start)
        taken.append(piece.to(torch.float64, copy=True))
    return torch.cat(taken).numpy()


def _all_tensors(origin: Origins, names: Iterable[str]) -> dict[str, str]:
    """Return the origins of all tensors; norms and biases follow the part of the model that they are in."""
    parts: dict[str, str] = {}
    for new, old in origin.of.items():
        for one, other in zip(_numbered(new), _numbered(old), strict=False):
            parts[one] = other
    traced = dict(origin.of)
    for name in names:
        inside = _numbered(name)
        if name not in traced and (not inside or inside[-1] in parts):
            traced[name] = parts[inside[-1]] + name[len(inside[-1]) :] if inside else name
    return traced


def _numbered(name: str) -> list[str]:
    """Return the numbered parts of a model that a tensor is in: ``a.0`` and ``a.0.b.1`` for a.0.b.1.weight."""
    return [name[: m.end()] for m in re.finditer(r"(?:^|\.)\d+(?=\.)", name)]


def _depths(names: Iterable[str]) -> dict[str, int]:
    """Count the numbered parts of every list of parts."""
    lists: dict[str, set[str]] = {}
    for name in names:
        for part in _numbered(name):
            lists.setdefault(part.rpartition(".")[0], set()).add(part)
    return {start: len(parts) for start, parts in lists.items()}


def _note(origin: Origins | None, first: str, label: str) -> str:
    if origin is None:
        return f"{label} has no layer of {first}, so layers of equal names were paired"
    if not origin.moved:
        return f"equal names are equal layers: {label} has the layers of {first} in the same places"
    return (
        f"{label} is traced back to {first}: {len(origin.moved)} of {len(origin.of)} matrices have other numbers there"
    )
