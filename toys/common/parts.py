"""Runs the parts of a study in this process or in several; each part stores its result, so that a rerun goes on."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tqdm import tqdm

from ioadapt_theory.processes import pool


class Part(Hashable, Protocol):
    def result(self, cache: Path, /) -> Mapping[str, Any]: ...


P = TypeVar("P", bound=Part)


def collect(phases: Iterable[Sequence[P]], cache: Path, jobs: int, title: str) -> dict[P, Mapping[str, Any]]:
    """Return the result of every part; the parts of a phase may use the results of earlier phases."""
    found, groups = dict[P, Mapping[str, Any]](), [*phases]
    with (
        pool(jobs) if jobs > 1 else nullcontext() as executor,
        tqdm(total=sum(map(len, groups)), desc=title, disable=None) as bar,
    ):
        for some in groups:
            waiting = {executor.submit(part.result, cache): part for part in some} if executor else {}
            for future in as_completed(waiting):
                found[waiting[future]] = future.result()
                bar.update()
            for part in some if executor is None else ():
                found[part] = part.result(cache)
                bar.update()
    return found
