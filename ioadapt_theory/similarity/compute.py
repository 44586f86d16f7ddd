"""`compare`: match the layers, read each once, and compute every value."""

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import combinations
from os import PathLike, fspath

import torch
from torch import nn

from ioadapt_theory.adapters.layer import AdaptedLayer, base_of, walk
from ioadapt_theory.checkpoints import renaming, sources
from ioadapt_theory.checkpoints.checkpoint import Checkpoint, InMemory
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.similarity import spaces, weights
from ioadapt_theory.similarity.matching import Layer, Matching, Skipped, Space, paired
from ioadapt_theory.similarity.result import ROLES, Comparison, Row, Settings, labels_of, role
from ioadapt_theory.similarity.weights import Moments, in_range, values

Model = Checkpoint | nn.Module | str | PathLike[str]
"""A model in memory, an open checkpoint, or an alias, a path or a hub id."""
Progress = Callable[[int], object]
"""A function that is called with the number of elements of each layer."""

MOST_THREADS = 4
"""Default maximum number of threads, each of which needs memory for a layer of its own."""
NOT_FINITE = "contains NaN, infinity, or values whose squares float64 cannot represent"


def compare(
    first: Model,
    second: Model,
    *more: Model,
    space: Space | str = Space.WEIGHT,
    lowest: float = 0.2,
    only: Collection[str] = ROLES,
    threads: int | None = None,
    progress: Callable[[int], Progress] | None = None,
) -> Comparison:
    """Compare the weights of two or more models, layer by layer, in one pass over their files.

    Args:
        first: A model in memory, whose adapters are ignored; an open checkpoint, which stays open; or an alias, a path
            or a hub id, see ``checkpoints.open_checkpoint``.
        second: The model to compare with it.
        more: Further models; all pairs are compared.
        space: What to compare: the "weight", or the Gram matrices of the "input" or "output" sides of layers.
        lowest: Fraction of a pair's layers, those with the lowest cosines, that ``Comparison.lowest`` averages.
        only: Roles of the layers to compare: any of "weight", "norm" and "bias".
        threads: Number of threads; None for one per processor, up to four.
        progress: Called with the number of elements to read; returns a function, which is called after each layer with
            its number of elements.

    Returns:
        The comparison: rows (one per layer) with the similarity of each pair, means, and skipped tensors with reasons.

    Raises:
        InvalidValueError: An option is outside its limits, a model in memory has merged adapters, or no layer is left.
        UnknownNameError: ``space`` or one of ``only`` is unknown.
        IoAdaptError: A model cannot be opened; the subclasses are those that ``open_checkpoint`` raises.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.similarity import compare
        >>> path, w = tempfile.mkdtemp(), torch.randn(8, 16)
        >>> save_file({"a.weight": w}, f"{path}/one.safetensors")
        >>> save_file({"a.weight": -w}, f"{path}/two.safetensors")
        >>> comparison = compare(f"{path}/one.safetensors", f"{path}/two.safetensors")
        >>> [row.name for row in comparison.rows], round(comparison.mean((0, 1)).mean, 6)
        (['a.weight'], -1.0)
    """
    options = Settings(space=Space(space), lowest=lowest, only=frozenset(only), threads=threads)
    with ExitStack() as stack:
        opened = [_opened(model, stack) for model in (first, second, *more)]
        labels = labels_of(opened)
        models, renamed = renaming.common(opened, labels)
        matching = paired(models, labels)
        layers, skipped = _chosen(matching, labels, options)
        if not layers:
            raise InvalidValueError(_nothing_left(opened, labels, skipped))
        moments = _measure(models, layers, options, progress(sum(x.numel for x in layers)) if progress else None)
        rows = [_row(layer, m, labels, options, skipped) for layer, m in zip(layers, moments, strict=True)]
        rows = [row for row in rows if row.values]
        if not rows:
            raise InvalidValueError(_nothing_left(opened, labels, skipped))
        return Comparison(
            models=tuple(opened),
            labels=labels,
            options=options,
            rows=tuple(rows),
            skipped=tuple(skipped),
            notes=(*renamed, *matching.notes),
        )


def _opened(model: Model, stack: ExitStack) -> Checkpoint:
    if isinstance(model, Checkpoint):
        return model
    if not isinstance(model, nn.Module):
        return stack.enter_context(sources.open_checkpoint(fspath(model)))
    layers = {"": model, **dict(walk(model))}
    if any(isinstance(layer, AdaptedLayer) and layer.merged for layer in layers.values()):
        msg = f"An adapter is merged into the {type(model).__name__}; unmerge it, or unload a copy of the model."
        raise InvalidValueError(msg)
    tensors = {}
    for name, layer in layers.items():
        base = base_of(layer)
        for leaf, tensor in (*base.named_parameters(recurse=False), *base.named_buffers(recurse=False)):
            if leaf not in base._non_persistent_buffers_set:  # those are in no file
                tensors[f"{name}.{leaf}".lstrip(".")] = tensor.detach().cpu()
    return InMemory(type(model).__name__, f"{type(model).__name__} in memory", tensors)


def _chosen(matching: Matching, labels: Sequence[str], options: Settings) -> tuple[list[Layer], list[Skipped]]:
    chosen, skipped = [], list(matching.skipped)
    for layer in matching.layers:
        if role(layer.kind) not in options.only:
            reason = f"not requested ({role(layer.kind)})"
        elif options.space is not Space.WEIGHT and len(layer.shape) < 2:
            reason = "a vector, which has no input or output space"
        elif options.space is not Space.WEIGHT and layer.side(options.space)[1] < 2:
            reason = f"only one {options.space} channel"
        else:
            chosen.append(layer)
            continue
        skipped.append(Skipped(layer.name, tuple(labels[i] for i in layer.models), reason))
    return chosen, skipped


def _measure(
    models: Sequence[Checkpoint], layers: Sequence[Layer], options: Settings, advance: Progress | None
) -> list[Moments]:
    """Return the moments of all layers; they are divided among threads, which begin with the largest."""

    def work(layer: Layer) -> Moments:
        if options.space is Space.WEIGHT:
            return weights.moments(layer, models)
        return spaces.moments(layer, models, options.space)

    order, found = sorted(layers, key=lambda layer: -layer.numel), dict[Layer, Moments]()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(options.threads or _processors()) as pool:
            for layer, result in zip(order, pool.map(work, order), strict=True):  # an error cancels the rest
                found[layer] = result
                if advance is not None:
                    advance(layer.numel)
    finally:
        torch.set_num_threads(before)
    return [found[layer] for layer in layers]


def _processors() -> int:
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(own, MOST_THREADS)


def _row(layer: Layer, m: Moments, labels: Sequence[str], options: Settings, skipped: list[Skipped]) -> Row:
    """Return the row of a layer, and add the layer to ``skipped`` for models whose cosines are undefined."""
    row = Row(layer)
    broken = [i for i in layer.models if not in_range(float(m.inner[i, i]))]
    zero = [i for i in layer.models if i not in broken and m.inner[i, i] <= 0]
    for i, j in combinations([i for i in layer.models if i not in (*broken, *zero)], 2):
        if (value := values(m, i, j)) is not None:
            row.values[i, j] = value
    trivial = "all zero"
    if options.space is not Space.WEIGHT:
        trivial = "its Gram matrix is a multiple of the identity"
    for some, why in ((broken, NOT_FINITE), (zero, f"{trivial}, so the cosine is undefined")):
        if some:
            skipped.append(Skipped(layer.name, tuple(sorted(labels[i] for i in some)), why))
    return row


def _nothing_left(checkpoints: Sequence[Checkpoint], labels: Sequence[str], skipped: Sequence[Skipped]) -> str:
    some = [
        f"tensors such as {next(iter(c.tensors))} ({len(c.tensors)} in all)" if c.tensors else "no tensors"
        for c in checkpoints
    ]
    sizes = ", ".join(f"{label} has {what}" for label, what in zip(labels, some, strict=True))
    common = [s for s in skipped if s.reason != "in no other model"]
    if common:
        s = max(common, key=lambda s: len(s.models))
        return f"No layer is left to compare: {sizes}; {s.name} of {', '.join(s.models)} is left out ({s.reason})."
    return f"No tensors have the same name: {sizes}. Is a LoRA, VAE or other architecture among the models?"
