"""The comparison as a whole: match the layers, read them once, compute every value."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from os import PathLike, fspath
from pathlib import Path

from ioadapt_theory.checkpoints import renaming, sources
from ioadapt_theory.checkpoints.checkpoint import Checkpoint
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.similarity.comparison import Comparison, Options, labels_of, role
from ioadapt_theory.similarity.matching import Layer, Match, Matching, Skipped, Space, match_by_names
from ioadapt_theory.similarity.measures import compiled
from ioadapt_theory.similarity.measures.cosine import Moments
from ioadapt_theory.similarity.measures.threads import Progress, over_layers
from ioadapt_theory.similarity.rows import NOT_FINITE, rows_of
from ioadapt_theory.similarity.tracing import match_by_provenance, misled

Model = Checkpoint | str | PathLike[str]
"""An open checkpoint, or what names one: an alias, a path, a hub id."""


def compare(
    first: Model,
    second: Model,
    *more: Model,
    parent: Model | None = None,
    options: Options | None = None,
    cache: Path | None = None,
    progress: Callable[[int], Progress] | None = None,
) -> Comparison:
    """Compare the weights of two or more models, layer by layer, in one pass over their files.

    Args:
        first: An open checkpoint, which stays open, or what ``checkpoints.open_checkpoint`` takes: an alias, a path or
            a hub id.
        second: The model to compare with it.
        more: Further models; all pairs are compared.
        parent: If given, updates (model - parent) are compared instead of models.
        options: What is compared and how; by default cosines of the weights of equal names.
        cache: Folder of the hub's cache; by default where huggingface_hub keeps it.
        progress: Takes the number of elements to read, and returns what takes the elements of every layer when read.

    Returns:
        The rows (one a layer) with the similarity of each pair, their means, what was left out and why.

    Raises:
        InvalidValueError: An option outside its limits, or no layer in common.
        UnknownNameError: A model is no alias, path or hub id.
        SourceError: The weights cannot be had.
        FileFormatError: A file is invalid; or, with ``strict``, a layer is not finite.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.similarity import compare
        >>> path, w = tempfile.mkdtemp(), torch.randn(8, 16)
        >>> save_file({"a.weight": w}, f"{path}/one.safetensors")
        >>> save_file({"a.weight": -w}, f"{path}/two.safetensors")
        >>> comparison = compare(f"{path}/one.safetensors", f"{path}/two.safetensors")
        >>> round(comparison.mean((0, 1)).mean, 6)
        -1.0
    """
    named = [first, second, *more, *([] if parent is None else [parent])]
    with ExitStack() as stack:
        opened = [
            model
            if isinstance(model, Checkpoint)
            else stack.enter_context(sources.open_checkpoint(fspath(model), cache=cache))
            for model in named
        ]
        return _compare(opened, parent is not None, options or Options(), progress)


def _compare(
    opened: Sequence[Checkpoint],
    with_parent: bool,
    options: Options,
    progress: Callable[[int], Progress] | None,
) -> Comparison:
    """Compare open checkpoints, of which the last is the parent of the others if there is one."""
    parent = len(opened) - 1 if with_parent else None
    checkpoints = opened[:parent]
    labels = labels_of(opened)
    _check(checkpoints, options, None if parent is None else opened[parent])
    models, renamed = renaming.common(opened, labels)
    if options.match is Match.NAME:
        matching = match_by_names(models, labels)
    else:
        matching = match_by_provenance(models, labels, lambda: [model.prepare() for model in models])
    layers, skipped = _chosen(matching, labels, options, parent)
    if not layers:
        raise InvalidValueError(_nothing_left(checkpoints, labels, skipped))
    for i, model in enumerate(models):
        model.prepare(Matching(layers, ()).stored(i))
    notes = misled(matching, models, labels) if options.match is Match.NAME else []
    advance = progress(sum(x.numel for x in layers)) if progress else None
    moments = _measure(models, layers, options, parent, advance)
    rows, undefined = rows_of(layers, moments, labels[: len(checkpoints)], options, updates=with_parent)
    if options.strict and (broken := [s for s in undefined if s.reason == NOT_FINITE]):
        where = "; ".join([f"{s.name} of {', '.join(s.models)}" for s in broken[:5]] + ["..."] * (len(broken) > 5))
        count = "1 layer is" if len(broken) == 1 else f"{len(broken)} layers are"
        msg = f"{count} not finite ({where}); omit --strict to skip such layers."
        raise FileFormatError(msg)
    if not rows:
        raise InvalidValueError(_nothing_left(checkpoints, labels, [*skipped, *undefined]))
    return Comparison(
        models=tuple(checkpoints),
        labels=labels[: len(checkpoints)],
        parent=labels[-1] if with_parent else None,
        options=options,
        rows=tuple(rows),
        skipped=(*skipped, *undefined),
        notes=(*renamed, *matching.notes, *notes),
    )


def _check(checkpoints: Sequence[Checkpoint], options: Options, parent: Checkpoint | None) -> None:
    if not 0 < options.lowest <= 1:
        msg = f"lowest is {options.lowest}; it is a fraction of the layers, above 0 and at most 1."
    elif options.threads < 1:
        msg = f"threads is {options.threads}; it is a whole number, at least 1."
    elif options.modules and options.space is not Space.WEIGHT:
        msg = "--layer module goes with --space weight only, since a space belongs to a single matrix."
    elif parent is not None and any(c.source == parent.source for c in checkpoints):
        msg = f"The parent {parent.name} is one of the models; leave it out of them, since its update is zero."
    else:
        return
    raise InvalidValueError(msg)


def _chosen(
    matching: Matching, labels: Sequence[str], options: Options, parent: int | None
) -> tuple[tuple[Layer, ...], tuple[Skipped, ...]]:
    """Return the layers to compare, and the others with the reason for skipping them."""
    chosen, skipped = [], list(matching.skipped)
    for layer in matching.layers:
        members = [i for i in layer.models if i != parent]
        if role(layer.kind) not in options.only:
            reason = f"not asked for ({role(layer.kind)})"
        elif parent is not None and layer.tensors[parent] is None:
            reason = f"not in the parent {labels[parent]}"
        elif len(members) < 2 or (options.in_all_models and len(members) < len(labels) - (parent is not None)):
            reason = "not in all models"
        elif options.space is not Space.WEIGHT and len(layer.shape) < 2:
            reason = "a vector, which has no input or output space"
        elif options.space is not Space.WEIGHT and layer.side(options.space)[1] < 2:
            reason = "a single channel on that side"
        else:
            chosen.append(layer)
            continue
        skipped.append(Skipped(layer.name, tuple(labels[i] for i in layer.models), reason))
    return tuple(chosen), tuple(skipped)


def _measure(
    models: Sequence[Checkpoint],
    layers: Sequence[Layer],
    options: Options,
    parent: int | None,
    advance: Progress | None,
) -> list[Moments]:
    """Read every layer, with the compiled loop where possible and otherwise with torch."""
    results: dict[int, Moments] = {}
    if options.space is Space.WEIGHT and parent is None and not options.null and compiled.usable():
        quick = [k for k, layer in enumerate(layers) if compiled.fills(models, layer) is not None]
        some = [layers[k] for k in quick]
        results |= zip(
            quick, over_layers(some, partial(compiled.moments, models), options.threads, advance), strict=True
        )
    rest = [k for k in range(len(layers)) if k not in results]
    if rest:
        from ioadapt_theory.similarity.measures import inner_products, spaces
        from ioadapt_theory.similarity.measures.reader import Reader, single_threaded_torch

        reader = Reader(models, parent=parent)
        widths = sorted({width for x in layers for width in x.shape[:2]})

        def work(layer: Layer) -> Moments:
            if options.space is Space.WEIGHT:
                return inner_products.moments(layer, reader, sums=options.null)
            return spaces.gram_moments(layer, reader, options.space, widths)

        with single_threaded_torch():
            some = [layers[k] for k in rest]
            results |= zip(rest, over_layers(some, work, options.threads, advance), strict=True)
    return [results[k] for k in range(len(layers))]


def _nothing_left(checkpoints: Sequence[Checkpoint], labels: Sequence[str], skipped: Sequence[Skipped]) -> str:
    sizes = ", ".join(
        f"{label} has {len(c.tensors)} tensors such as {next(iter(c.tensors), 'none')}"
        for label, c in zip(labels, checkpoints, strict=False)
    )
    apart = [s for s in skipped if s.reason == "only there" or s.reason.startswith("shapes differ")]
    unread = [s for s in skipped if s.reason == "no elements" or s.reason.startswith("not floating point")]
    alone = {id(s) for s in (*apart, *unread)}
    common = [s for s in skipped if id(s) not in alone]
    example = "".join(f" Left out: {s.name} ({s.reason})." for s in (common or apart or unread)[-1:])
    if common or not apart:
        return f"Nothing is left to compare: {sizes}.{example}"
    return f"No common parameters to compare: {sizes}.{example} Is one of them a LoRA, a VAE or another architecture?"
