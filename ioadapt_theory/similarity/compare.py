"""The whole comparison: match the layers, read once, derive every figure."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

from ioadapt_theory.checkpoints import spelling
from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.similarity.assignment import all_tensors, match_by_similarity
from ioadapt_theory.similarity.comparison import Comparison, Options, Pair, Row, labels_of, role
from ioadapt_theory.similarity.matching import Layer, Match, Matching, Skipped, match_by_names
from ioadapt_theory.similarity.measures import metrics, spaces, subspaces
from ioadapt_theory.similarity.measures.metrics import Values
from ioadapt_theory.similarity.measures.spaces import Space
from ioadapt_theory.similarity.streaming.products import Moments, moments
from ioadapt_theory.similarity.streaming.reader import Reader
from ioadapt_theory.similarity.streaming.workers import Progress, over_layers

NOT_FINITE = "holds NaN or infinity"
ZERO = "zero, so no angle is defined"
NO_UPDATE = "no update since the parent, so no angle is defined"
TRIVIAL = "its Gram is a multiple of the identity, so no angle is defined"


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
    """
    options = options or Options()
    _check(checkpoints, options, parent)
    opened = [*checkpoints, *([parent] if parent else [])]
    labels = labels_of(opened)
    models, respelled = spelling.common(opened, labels)
    prepare = prepare or (lambda matching: _prepare(models, matching))
    if options.match is not Match.AUTO:
        matching = match_by_names(models, labels, options.match)
    else:
        prepare(Matching(all_tensors(models), ()))  # here values are read before the layers are known
        matching = match_by_similarity(models, labels)
    position = len(checkpoints) if parent else None
    layers, skipped = _chosen(matching, labels, options, position)
    if not layers:
        raise InvalidValueError(_nothing(checkpoints, labels, skipped))
    _check_rank(layers, options)
    prepare(Matching(layers, skipped, matching.notes))
    told = progress(sum(x.numel for x in layers)) if progress else None
    found, overlaps = _measure(models, layers, options, position, told)
    rows, undefined = _rows(layers, found, overlaps, labels[: len(checkpoints)], options, updates=parent is not None)
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
        notes=(*respelled, *matching.notes),
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
        elif options.space is not Space.WEIGHT and spaces.sides(layer, options.space)[1] < 2:
            reason = "a single channel on that side"
        else:
            kept.append(layer)
            continue
        skipped.append(Skipped(layer.name, tuple(labels[i] for i in layer.models), reason))
    return tuple(kept), tuple(skipped)


def _measure(
    models: Sequence[Checkpoint], layers: Sequence[Layer], options: Options, parent: int | None, told: Progress | None
) -> tuple[list[Moments], list[metrics.Overlap | None]]:
    n, space = len(models), options.space

    def reader() -> Reader:
        return Reader(models, parent=parent, fast=options.fast)

    if space is Space.WEIGHT:
        found = moments(
            models,
            layers,
            parent=parent,
            sums=options.baseline,
            fast=options.fast,
            workers=options.workers,
            progress=told,
        )
        return found, [None] * len(layers)
    found = over_layers(layers, lambda x, r: spaces.gram_moments(x, r, n, space), reader, options.workers, told)
    if options.subspace is None:
        return found, [None] * len(layers)
    rank = options.subspace
    return found, list(
        over_layers(layers, lambda x, r: subspaces.overlaps(x, r, n, space, rank), reader, options.workers, None)
    )


def _rows(
    layers: Sequence[Layer],
    found: Sequence[Moments],
    overlaps: Sequence[metrics.Overlap | None],
    labels: Sequence[str],
    options: Options,
    *,
    updates: bool,
) -> tuple[list[Row], list[Skipped]]:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for k, layer in enumerate(layers):
        name = layer.name.rpartition(".")[0] or layer.name if options.modules else f"{k}"
        groups[name].append(k)
    rows, skipped = [], []
    reason = TRIVIAL if options.space is not Space.WEIGHT else NO_UPDATE if updates else ZERO
    for module, members in groups.items():
        first = layers[max(members, key=lambda k: layers[k].numel)]
        name = module if options.modules else first.name
        row = Row(
            name=name, kind=first.kind, block=first.block, shape=first.shape, members=tuple(layers[k] for k in members)
        )
        broken: set[str] = set()
        zero: list[tuple[str, ...]] = []
        for pair in combinations(range(len(labels)), 2):
            common = [k for k in members if set(pair) <= set(layers[k].models)]
            if not common:
                continue
            parts = metrics.aligned([found[k] for k in common])
            infinite = [labels[i] for i in pair if not metrics.finite(parts, i)]
            broken.update(infinite)
            value = None if infinite else metrics.values(parts, *pair)
            if value is not None:
                row.values[pair] = _detailed(
                    value, [layers[k] for k in common], parts, overlaps[common[0]], pair, options
                )
            elif not infinite:
                zero.append(tuple(labels[i] for i in pair if metrics.norm_sq(parts, i) <= 0))
        rows.append(row)
        if broken:
            skipped.append(Skipped(name, tuple(sorted(broken)), NOT_FINITE))
        if zero:
            skipped.append(Skipped(name, tuple(sorted({x for z in zero for x in z})), reason))
    return [row for row in rows if row.values], skipped


def _detailed(
    value: Values,
    layers: Sequence[Layer],
    parts: Sequence[Moments],
    overlap: metrics.Overlap | None,
    pair: Pair,
    options: Options,
) -> Values:
    if overlap is not None and not math.isnan(overlap[pair]):
        value = replace(value, subspace=float(overlap[pair]))
    if options.baseline and options.space is Space.WEIGHT:
        return replace(value, baseline=metrics.permuted(parts, [x.numel for x in layers], *pair))
    if options.baseline:
        return replace(value, baseline=(0.0, spaces.baseline_sd(spaces.sides(layers[0], options.space)[1])))
    return value


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
