"""Peak memory of a call, in this process and in those that it forks (Linux)."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PERIOD = 0.005
"""Seconds between two looks."""


def held(pid: int, *kinds: str) -> float:
    """MB of a process's memory that are of these kinds, by their names in smaps_rollup."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(kinds)) / 1024


def all_held() -> float:
    """MB that this process has, and that its children have for themselves alone."""
    pid = os.getpid()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return held(pid, "Rss:") + sum(held(int(child), "Private_") for child in children)


def extra(call: Callable[[], object]) -> float:
    """MB that were held beyond those before, at the most; looking makes the call slower."""
    before = all_held()
    found, done = [before], threading.Event()

    def look() -> None:
        while not done.wait(PERIOD):
            with suppress(OSError):  # a child has ended meanwhile
                found.append(all_held())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        call()
    finally:
        done.set()
        watcher.join()
    return max(found) - before
