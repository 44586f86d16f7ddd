"""`ioadapt similarity tree` and `sketch`: which of many models is made from which."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ioadapt_theory.cli import OK
from ioadapt_theory.errors import InvalidValueError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ioadapt_theory.similarity.many.distances import Distances
    from ioadapt_theory.similarity.many.tree import Node

TASKS = ("tree", "sketch")
TOGETHER = 32
"""Models that are read side by side; more take sketches."""


def run(task: str, sources: list[str], args: argparse.Namespace) -> int:
    """Do it; status 0."""
    if args.figure is not None:
        from ioadapt_theory.similarity.report import plots

        plots.check_format(args.figure)
    if task == "sketch":
        return _sketch(sources, args)
    if len(sources) < 2 and args.sketches is None:
        msg = f"A tree needs two models or more, got {len(sources)}."
        raise InvalidValueError(msg)
    if len(sources) > TOGETHER and args.sketches is None:
        msg = f"{len(sources)} models are too many to read side by side: --sketches FOLDER keeps a sketch of each."
        raise InvalidValueError(msg)
    found, nodes = _exact(sources) if args.sketches is None else _by_sketches(sources, args)
    _write(found, nodes, args)
    return OK


def _sketch(sources: list[str], args: argparse.Namespace) -> int:
    from ioadapt_theory.similarity.many.kept import sketch_all

    if args.sketches is None or not sources:
        msg = "A sketch needs models and a folder: ioadapt similarity sketch MODEL... --sketches FOLDER."
        raise InvalidValueError(msg)
    with _executor(args.workers) as executor:
        for source, path in zip(sources, sketch_all(sources, args.sketches, args.buckets, executor), strict=True):
            sys.stdout.write(f"{source}: {path} ({path.stat().st_size / 1000:.0f} kB)\n")
    return OK


def _exact(sources: list[str]) -> tuple["Distances", tuple["Node", ...]]:
    from dataclasses import replace

    from ioadapt_theory.checkpoints.renaming import as_modules
    from ioadapt_theory.checkpoints.sources import open_checkpoint, prepare
    from ioadapt_theory.similarity.many.distances import of_checkpoints
    from ioadapt_theory.similarity.many.tree import tree

    with ExitStack() as stack:
        models = [stack.enter_context(open_checkpoint(source)) for source in sources]
        prepare(models, [None] * len(models))
        found = replace(of_checkpoints([as_modules(m) for m in models]), names=tuple(sources))
    return found, tuple(replace(node, exact=True) for node in tree(found))


def _by_sketches(sources: list[str], args: argparse.Namespace) -> tuple["Distances", tuple["Node", ...]]:
    """Of the models that are named, or of all in the folder; near pairs are read again unless told otherwise."""
    from ioadapt_theory.checkpoints.renaming import as_modules
    from ioadapt_theory.checkpoints.sources import open_checkpoint
    from ioadapt_theory.similarity.many.distances import exact, of_sketches
    from ioadapt_theory.similarity.many.kept import in_folder, load, sketch_all
    from ioadapt_theory.similarity.many.tree import tree

    if sources:
        with _executor(args.workers) as executor:
            paths = sketch_all(sources, args.sketches, args.buckets, executor)
    else:
        paths = in_folder(args.sketches)
    sketches = [load(path) for path in paths]
    if len(sketches) < 2:
        msg = f"A tree needs two models or more, got {len(sketches)} in {args.sketches}."
        raise InvalidValueError(msg)
    found = of_sketches(sketches)

    def measure(i: int, j: int) -> tuple[float, float, float]:
        with open_checkpoint(sketches[i].name) as one, open_checkpoint(sketches[j].name) as two:
            return exact(as_modules(one), as_modules(two))

    return found, tree(found, measure if args.recheck else None)


def _write(found: "Distances", nodes: tuple["Node", ...], args: argparse.Namespace) -> None:
    from ioadapt_theory.results import replacing
    from ioadapt_theory.similarity.many import show

    if args.figure is not None:
        with replacing(args.figure) as temporary:
            show.save_dendrogram(found, temporary)
    text = json.dumps(show.to_json(nodes), indent=1, ensure_ascii=False) + "\n" if args.format == "json" else None
    text = show.to_text(nodes) if text is None else text
    if args.output is None:
        sys.stdout.write(text)
        return
    with replacing(args.output) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def _executor(workers: int | None) -> Iterator["Executor | None"]:
    if workers is None or workers == 1:
        yield None
        return
    from ioadapt_theory.processes import pool

    with pool(workers) as executor:
        yield executor
