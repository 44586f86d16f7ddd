"""Execution of units of work, in this process or in others, with cached results."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ioadapt_theory.processes import pool
from toys.transfer.runs import Run
from toys.transfer.study import Runner

Progress = Callable[[int, int], None]
"""A function that receives the numbers of submitted and of finished units."""


@contextmanager
def runner(cache: Path, jobs: int, progress: Progress) -> Iterator[Runner]:
    """Yield a function that runs a list of units of work, in this process if ``jobs`` is 1, else in ``jobs`` processes.

    Identical units are run once. The results do not depend on the number of processes.
    """
    cache = cache.absolute()
    if jobs == 1:
        yield partial(_run, cache=cache, executor=None, progress=progress)
        return
    with pool(jobs) as processes:
        yield partial(_run, cache=cache, executor=processes, progress=progress)


def _run(
    units: list[Run], *, cache: Path, executor: Executor | None, progress: Progress
) -> dict[Run, Mapping[str, Any]]:
    todo = sorted(dict.fromkeys(units), key=lambda unit: unit.seed)  # a process caches its latest worlds
    progress(len(todo), 0)
    found: dict[Run, Mapping[str, Any]] = {}
    if executor is None:
        for unit in todo:
            found[unit] = unit.result(cache)
            progress(0, 1)
        return found
    if len({unit.seed for unit in todo}) > 1:  # create each world once, before several processes need it
        worlds = {unit.seed: unit for unit in todo}
        todo = [*worlds.values(), *(unit for unit in todo if unit is not worlds[unit.seed])]
    waiting = {executor.submit(unit.result, cache): unit for unit in todo}
    for future in as_completed(waiting):
        found[waiting[future]] = future.result()
        progress(0, 1)
    return found
