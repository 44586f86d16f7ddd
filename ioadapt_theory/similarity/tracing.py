"""Layers of pruned and renumbered models: paired by what they contain, or at least told where names mislead."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ioadapt_theory.checkpoints.alignment import Contents, Origins, by_contents
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, torch_dtype
from ioadapt_theory.checkpoints.names.unet import canonical
from ioadapt_theory.checkpoints.neurons import KIN, mlps, order_of
from ioadapt_theory.checkpoints.provenance import origins
from ioadapt_theory.similarity.matching import Layer, Match, Matching, group, match_by_names, wrong_origins

PIECES, PIECE = 16, 256
"""Pieces of a tensor that are read, evenly spaced, and the values in each."""
LOOKED_AT = 3
"""MLPs whose neurons are looked at."""


def match_by_provenance(
    checkpoints: Sequence[Checkpoint], labels: Sequence[str], prepare: Callable[[], object] = tuple
) -> Matching:
    """Pair tensors of equal origin: by the layout of known students, else by what the first and the others contain.

    A layer whose origin is not in the first model has no partner. ``prepare`` is called before values are read.
    """
    names = [canonical(c.tensors) for c in checkpoints]
    if any(origins(plain.values()) for plain in names):
        return match_by_names(checkpoints, labels, Match.PROVENANCE)
    prepare()
    keys, notes = [names[0]], list[str]()
    for i in range(1, len(checkpoints)):
        found = by_contents(contents(checkpoints[0], names[0]), contents(checkpoints[i], names[i]))
        traced = _all_tensors(found, names[i].values()) if found else {}
        keys.append(
            {
                stored: traced.get(name, name if not found else f"{name} of {labels[i]}")
                for stored, name in names[i].items()
            }
        )
        notes.append(_told(found, labels[0], labels[i]))
    matching = group(checkpoints, labels, keys)
    return Matching(matching.layers, matching.skipped, tuple(notes))


def shuffled(
    layers: Sequence[Layer],
    checkpoints: Sequence[Checkpoint],
    labels: Sequence[str],
    cosine: Callable[[str, int], float],
) -> list[str]:
    """What is to be said of MLPs whose neurons stand in another order than those of the first model.

    Looked at are those whose weights are as strangers' while those of the other layers are alike.

    Args:
        layers: that are paired.
        checkpoints: the models.
        labels: of them.
        cosine: of a layer of that name in the first model and the given one; NaN where there is none.
    """
    notes = []
    for i in range(1, len(checkpoints)):
        pairs = {x.name.removesuffix(".weight"): x for x in layers if len(x.shape) == 2 and {0, i} <= {*x.models}}
        inside = list(mlps(pairs))
        others = [cosine(pairs[n].name, i) for n in pairs.keys() - {n for r, w in inside for n in (*r, *w)}]
        if not others or not sorted(others)[len(others) // 2] > KIN:
            continue
        strange = [reads[0] for reads, _ in inside if cosine(pairs[reads[0]].name, i) < KIN]
        found = []
        for name in strange[:LOOKED_AT]:
            ours, theirs = (_whole(checkpoints[k], str(pairs[name].tensors[k])) for k in (0, i))
            if ours.shape[0] >= ours.shape[1]:  # neurons are the wide side, which torch's layers have as rows
                ours, theirs = ours.mT, theirs.mT
            if order_of(ours, theirs) is not None:
                found.append(name.rpartition(".")[0])
        if found:
            notes.append(
                f"{labels[i]}: the neurons of MLPs such as {found[0]} stand in another order than in {labels[0]}"
                f" ({len(found)} of {min(len(strange), LOOKED_AT)} that were looked at): cosines of their weights say"
                " nothing, spaces of the sides that face the rest of the model do"
            )
    return notes


def _whole(checkpoint: Checkpoint, name: str) -> Any:
    import torch

    info = checkpoint.tensors[name]
    whole = torch.empty(info.numel, dtype=torch_dtype(info.dtype))
    checkpoint.read(name, 0, whole)
    return whole.view(info.key)


def misled(matching: Matching, checkpoints: Sequence[Checkpoint], labels: Sequence[str]) -> list[str]:
    """What is to be said of a pairing by names of models with unlike numbers of layers, if all is on this machine."""
    names = [canonical(c.tensors) for c in checkpoints]
    if any(c.pending() for c in checkpoints):
        return []
    if any(origins(plain.values()) for plain in names):
        return []  # layouts have spoken already
    traced: list[Mapping[str, str] | None] = [None]
    for i in range(1, len(checkpoints)):
        differ = _depths(names[0].values()) != _depths(names[i].values())
        found = by_contents(contents(checkpoints[0], names[0]), contents(checkpoints[i], names[i])) if differ else None
        traced.append(_all_tensors(found, names[i].values()) if found else None)
    return wrong_origins(matching.layers, labels, traced)


def contents(checkpoint: Checkpoint, names: Mapping[str, str]) -> Contents:
    """Some values of every matrix of a checkpoint; ``names`` are those to be matched by, for the stored ones."""
    stored = {name: old for old, name in names.items()}
    matrices = {
        n: info for n, old in stored.items() if len((info := checkpoint.tensors[old]).key) > 1 and info.is_float
    }

    return Contents(
        {name: info.key for name, info in matrices.items()}, lambda name: _some(checkpoint, matrices[name].name)
    )


def _some(checkpoint: Checkpoint, name: str) -> Any:
    """Values of a tensor, in pieces that lie evenly."""
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


def _all_tensors(found: Origins, names: Any) -> dict[str, str]:
    """Origins of all tensors: what is no matrix goes with the part of the model that it is in."""
    parts: dict[str, str] = {}
    for new, old in found.of.items():
        for one, other in zip(_numbered(new), _numbered(old), strict=False):
            parts[one] = other
    traced = dict(found.of)
    for name in names:
        inside = _numbered(name)
        if name not in traced and (not inside or inside[-1] in parts):
            traced[name] = parts[inside[-1]] + name[len(inside[-1]) :] if inside else name
    return traced


def _numbered(name: str) -> list[str]:
    """The parts of a model that a tensor is in and that have a number: ``a.0`` and ``a.0.b.1`` for a.0.b.1.weight."""
    return [name[: m.end()] for m in re.finditer(r"(?:^|\.)\d+(?=\.)", name)]


def _depths(names: Any) -> dict[str, int]:
    """How many numbered parts every list of parts has."""
    lists: dict[str, set[str]] = {}
    for name in names:
        for part in _numbered(name):
            lists.setdefault(part.rpartition(".")[0], set()).add(part)
    return {start: len(parts) for start, parts in lists.items()}


def _told(found: Origins | None, first: str, label: str) -> str:
    if found is None:
        return f"nothing in {label} is in {first}, so that equal names were taken"
    if not found.moved:
        return f"equal names are equal layers: {label} has what {first} has, in the same places"
    return f"{label} is traced back to {first}: {len(found.moved)} of {len(found.of)} matrices have other numbers there"
