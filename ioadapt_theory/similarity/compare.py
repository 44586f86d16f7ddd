"""The whole comparison: match the layers, read once, derive every figure."""

import math
from collections.abc import Callable, Sequence

from ioadapt_theory import kernels
from ioadapt_theory.checkpoints import renaming
from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.similarity.comparison import Comparison, Options, labels_of, role
from ioadapt_theory.similarity.matching import Layer, Match, Matching, Skipped, match_by_names
from ioadapt_theory.similarity.measures.cosine import Overlap
from ioadapt_theory.similarity.measures.space import Space, sides
from ioadapt_theory.similarity.rows import NOT_FINITE, rows_of
from ioadapt_theory.similarity.streaming import compiled
from ioadapt_theory.similarity.streaming.forked import Progress
from ioadapt_theory.similarity.streaming.moments import Moments
from ioadapt_theory.similarity.tracing import match_by_provenance, misled, shuffled


def compare(
    checkpoints: Sequence[Checkpoint],
    options: Options | None = None,
    *,
    parent: Checkpoint | None = None,
    prepare: Callable[[Matching], None] | None = None,
    progress: Callable[[int], Progress] | None = None,
) -> Comparison:
    """Compare two or more open checkpoints in one pass.

    Args:
        checkpoints: The models.
        options: What is compared and how.
        parent: If given, updates (model - parent) are compared instead of models.
        prepare: Called with the matching before values are read, to fetch files; by default each model fetches its own.
        progress: Given the number of elements to read, returns what is told of every layer's elements.

    Raises:
        InvalidValueError: fewer than two models, an option outside its limits, or no layer in common.
        FileFormatError: with ``strict``, if a layer is not finite.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.checkpoints import open_checkpoint
        >>> from ioadapt_theory.similarity.compare import compare
        >>> path, w = tempfile.mkdtemp(), torch.randn(8, 16)
        >>> save_file({"a.weight": w}, f"{path}/one.safetensors")
        >>> save_file({"a.weight": -w}, f"{path}/two.safetensors")
        >>> with open_checkpoint(f"{path}/one.safetensors") as one, open_checkpoint(f"{path}/two.safetensors") as two:
        ...     round(compare([one, two]).mean((0, 1)).mean, 6)
        -1.0
    """
    options = options or Options()
    _check(checkpoints, options, parent)
    opened = [*checkpoints, *([parent] if parent else [])]
    labels = labels_of(opened)
    models, respelled = renaming.common(opened, labels)
    prepare = prepare or (lambda matching: _prepare(models, matching))
    if options.match is Match.NAME:
        matching = match_by_names(models, labels, options.match)
    else:
        from ioadapt_theory.similarity.assignment import all_tensors, match_by_similarity

        everything = Matching(all_tensors(models), ())
        if options.match is Match.PROVENANCE:
            matching = match_by_provenance(models, labels, lambda: prepare(everything))
        else:
            prepare(everything)  # here values are read before the layers are known
            matching = match_by_similarity(models, labels)
    position = len(checkpoints) if parent else None
    layers, skipped = _chosen(matching, labels, options, position)
    if not layers:
        raise InvalidValueError(_nothing(checkpoints, labels, skipped))
    if options.subspace is not None:
        _check_rank(layers, options)
    prepare(Matching(layers, skipped, matching.notes))
    notes = misled(matching, models, labels) if options.match is Match.NAME else []
    told = progress(sum(x.numel for x in layers)) if progress else None
    found, overlaps = _measure(models, layers, options, position, told)
    rows, undefined = rows_of(layers, found, overlaps, labels[: len(checkpoints)], options, updates=parent is not None)
    if options.space is Space.WEIGHT and options.match is not Match.AUTO and parent is None and not options.modules:
        cosines = {(row.name, i): v.cosine for row in rows for (first, i), v in row.values.items() if first == 0}
        notes += shuffled(layers, models, labels, lambda name, i: cosines.get((name, i), math.nan))
    if options.strict and (broken := [s for s in undefined if s.reason == NOT_FINITE]):
        where = "; ".join([f"{s.name} of {', '.join(s.models)}" for s in broken[:5]] + ["..."] * (len(broken) > 5))
        they, are = ("it", "is") if len(broken) == 1 else ("they", "are")
        count = f"{len(broken)} layer{'s' * (len(broken) > 1)}"
        msg = f"{count} {are} not finite ({where}): without --strict {they} {are} left out."
        raise FileFormatError(msg)
    if not any(row.values for row in rows):
        raise InvalidValueError(_nothing(checkpoints, labels, [*skipped, *undefined]))
    return Comparison(
        models=tuple(checkpoints),
        labels=labels[: len(checkpoints)],
        parent=labels[-1] if parent else None,
        options=options,
        rows=tuple(rows),
        skipped=(*skipped, *undefined),
        notes=(*respelled, *matching.notes, *notes),
    )


def _prepare(models: Sequence[Checkpoint], matching: Matching) -> None:
    for i, model in enumerate(models):
        model.prepare(matching.stored(i))


def _check(checkpoints: Sequence[Checkpoint], options: Options, parent: Checkpoint | None) -> None:
    if len(checkpoints) < 2:
        msg = f"A comparison needs two models or more, got {len(checkpoints)}."
    elif not 0 < options.lowest <= 1:
        msg = f"The lowest fraction of layers lies in (0, 1], got {options.lowest}."
    elif options.subspace is not None and (options.space is Space.WEIGHT or options.subspace < 1):
        msg = f"--subspace {options.subspace} needs a rank of at least 1 and --space input or output."
    elif options.modules and options.space is not Space.WEIGHT:
        msg = "Spaces belong to single matrices: --layer module goes with --space weight only."
    elif parent is not None and any(c.source == parent.source for c in checkpoints):
        msg = f"The parent {parent.name} is one of the models: its own update is zero. Leave it out of the models."
    else:
        return
    raise InvalidValueError(msg)


def _check_rank(layers: Sequence[Layer], options: Options) -> None:
    from ioadapt_theory.similarity.measures import subspaces

    rank = options.subspace
    if rank is not None and rank > (limit := max(subspaces.most(layer, options.space) for layer in layers)):
        msg = f"--subspace {rank} is more directions than any layer can be told apart by: at most {limit} here."
        raise InvalidValueError(msg)


def _chosen(
    matching: Matching, labels: Sequence[str], options: Options, parent: int | None
) -> tuple[tuple[Layer, ...], tuple[Skipped, ...]]:
    """Leave out what was not asked for, saying why."""
    kept, skipped = [], list(matching.skipped)
    for layer in matching.layers:
        members = [i for i in layer.models if i != parent]
        if role(layer.kind) not in options.only:
            reason = f"not asked for ({role(layer.kind)})"
        elif parent is not None and layer.tensors[parent] is None:
            reason = f"not in the parent {labels[parent]}"
        elif len(members) < 2 or (options.shared and len(members) < len(labels) - (parent is not None)):
            reason = "not shared by all"
        elif options.space is not Space.WEIGHT and len(layer.shape) < 2:
            reason = "a vector, so no space on either side"
        elif options.space is not Space.WEIGHT and sides(layer, options.space)[1] < 2:
            reason = "a single channel on that side"
        else:
            kept.append(layer)
            continue
        skipped.append(Skipped(layer.name, tuple(labels[i] for i in layer.models), reason))
    return tuple(kept), tuple(skipped)


def _measure(
    models: Sequence[Checkpoint], layers: Sequence[Layer], options: Options, parent: int | None, told: Progress | None
) -> tuple[list[Moments], list[Overlap | None]]:
    if options.space is not Space.WEIGHT:
        return _spaces(models, layers, options, parent, told)
    plain = parent is None and not options.baseline and kernels.usable()
    quick = compiled.moments(models, layers, workers=options.workers, progress=told) if plain else {}
    rest = [layer for k, layer in enumerate(layers) if k not in quick]
    others: list[Moments] = []
    if rest:
        from ioadapt_theory.similarity.streaming.inner_products import moments

        others = moments(
            models,
            rest,
            parent=parent,
            sums=options.baseline,
            workers=options.workers,
            progress=told,
        )
    left = iter(others)
    return [quick[k] if k in quick else next(left) for k in range(len(layers))], [None] * len(layers)


def _spaces(
    models: Sequence[Checkpoint], layers: Sequence[Layer], options: Options, parent: int | None, told: Progress | None
) -> tuple[list[Moments], list[Overlap | None]]:
    from ioadapt_theory.similarity.measures import spaces, subspaces
    from ioadapt_theory.similarity.streaming.reader import Reader
    from ioadapt_theory.similarity.streaming.workers import over_layers

    n, space = len(models), options.space

    def reader() -> Reader:
        return Reader(models, parent=parent)

    widths = sorted({width for x in layers for width in x.shape[:2]})
    found = over_layers(layers, lambda x, r: spaces.gram_moments(x, r, n, space, widths), reader, options.workers, told)
    if options.subspace is None:
        return found, [None] * len(layers)
    rank = options.subspace
    return found, list(
        over_layers(layers, lambda x, r: subspaces.overlaps(x, r, n, space, rank), reader, options.workers, None)
    )


def _nothing(checkpoints: Sequence[Checkpoint], labels: Sequence[str], skipped: Sequence[Skipped]) -> str:
    told = ", ".join(
        f"{label} has {len(c.tensors)} tensors such as {next(iter(c.tensors), 'none')}"
        for label, c in zip(labels, checkpoints, strict=False)
    )
    apart = [s for s in skipped if s.reason == "only there" or s.reason.startswith("shapes differ")]
    own = [s for s in skipped if s.reason == "no elements" or s.reason.startswith("not floating point")]
    common = [s for s in skipped if s not in apart and s not in own]
    last = (common or apart or own)[-1:]
    why = "".join(f" Left out: {s.name} ({s.reason})." for s in last)
    if common or not apart:
        return f"Nothing is left to compare: {told}.{why}"
    return f"No common parameters to compare: {told}.{why} Is one of them a LoRA, a VAE or another architecture?"
