"""Verify many claims: in processes, resumable, and what is finished is kept when interrupted."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import torch

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.evidence.findings import Verification
from ioadapt_theory.claims.instances import load
from ioadapt_theory.claims.settings import stacks
from ioadapt_theory.claims.verifying import parts, strategies, work
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.processes import pool
from ioadapt_theory.results import fingerprint

LIMITS = {
    **dict.fromkeys(("stacks", "samples"), 10**9),  # in parts and blocks: flat memory, but years
    **dict.fromkeys(("instances", "starts", "steps"), 10**6),  # all instances and starts are in memory at once
    **{"depth": 1000, "rank": 10_000, "jobs": 1024, "condition": 1e12},
}
"""Largest value of every number on the command line."""
Piece = tuple[str, int, int]
"""(claim, strategy, part)."""


def pieces(claims: Sequence[str], run: Run) -> Iterator[Piece]:
    """All independent pieces of work, lazily: a long run may have millions."""
    return ((name, strategy, part) for name in claims for strategy, part in parts(CLAIMS[name], run))


def count(name: str, run: Run) -> int:
    """How many pieces a claim has."""
    return sum(strategy.parts(run) for strategy in strategies(CLAIMS[name]))


class Journal:
    """Finished pieces, one JSON line each; a line that was cut short is done again."""

    def __init__(self, folder: Path, claims: Sequence[str], run: Run, version: str) -> None:
        """The file is named after everything that determines the result."""
        config = {"claims": list(claims), "run": asdict(run), "version": version, "torch": torch.__version__}
        self.path = folder / f"{fingerprint(config)}.jsonl"

    def read(self) -> dict[Piece, Verification]:
        """Pieces that an interrupted run has left."""
        done = dict[Piece, Verification]()
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    name, strategy, part, raw = json.loads(line)
                    done[name, strategy, part] = Verification.from_json(raw)
                except (ValueError, KeyError, TypeError):
                    continue
        return done

    def add(self, piece: Piece, found: Verification) -> None:
        """Append one piece."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([*piece, found.to_json()]) + "\n")

    def remove(self) -> None:
        """The run is complete: the next one computes everything anew."""
        self.path.unlink(missing_ok=True)


def default_folder() -> Path:
    """Where interrupted runs are kept: the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ioadapt-theory" / "verify"


def results(todo: Iterable[Piece], run: Run, jobs: int) -> Iterator[tuple[Piece, Verification]]:
    """Do the pieces, in this process or in ``jobs`` others, and yield them as they are finished."""
    if jobs == 1:
        for piece in todo:
            yield piece, _do(piece, run)
        return
    with pool(jobs) as processes:
        todo, waiting = iter(todo), dict[Future[Verification], Piece]()
        while True:
            for piece in islice(todo, 2 * jobs - len(waiting)):  # a bounded queue: flat memory
                waiting[processes.submit(_do, piece, run)] = piece
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()


def _do(piece: Piece, run: Run) -> Verification:
    name, strategy, part = piece
    return work(CLAIMS[name], run, strategy, part)


def total(claims: Sequence[str], found: Iterable[Verification]) -> dict[str, Verification]:
    """Merge by claim, in the order of ``claims``."""
    merged: dict[str, Verification] = {name: Verification(claim=name) for name in claims}
    for verification in found:
        merged[verification.claim] = merged[verification.claim] | verification
    return merged


def merge(files: Sequence[str]) -> dict[str, Verification]:
    """Merge the records that ``ioadapt verify --format json`` wrote, claims in the order of the registry.

    Raises:
        FileFormatError: a file that is not such a record.
    """
    found: list[Verification] = []
    for file in files:
        try:
            found += [Verification.from_json(entry) for entry in load(file, "record")["results"].values()]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, FileFormatError):
                raise
            msg = f"{file!r} is not what `ioadapt verify --format json` writes."
            raise FileFormatError(msg) from None
    known = {v.claim for v in found}
    return total([name for name in CLAIMS if name in known], found)


def check(run: Run, jobs: int) -> None:
    """Refuse settings that cannot work.

    Raises:
        InvalidValueError: a number below 1 or above what can be done, or a device that is not there.
    """
    for name, limit in LIMITS.items():
        value = jobs if name == "jobs" else getattr(run, name)
        if not 1 <= value <= limit:
            limits = f"at most {limit:g}" if value > limit else "at least 1"
            msg = f"--{name} {value:g} must be {limits}."
            raise InvalidValueError(msg)
    stacks.check(run)
    try:
        torch.empty(0, device=run.device)
    except (RuntimeError, AssertionError) as error:
        msg = f"Device {run.device!r} cannot be used: {str(error).splitlines()[0]}"
        raise InvalidValueError(msg) from None
