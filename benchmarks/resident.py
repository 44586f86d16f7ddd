"""Peak memory of a call, in this process and in its forks (Linux)."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PERIOD = 0.005
"""Seconds between two samples."""


def held(pid: int, *kinds: str) -> float:
    """Return the MB of a process's memory of these kinds, named as in smaps_rollup."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(kinds)) / 1024


def all_held() -> float:
    """Return the MB of this process, and the private MB of its children."""
    pid = os.getpid()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return held(pid, "Rss:") + sum(held(int(child), "Private_") for child in children)


def extra(call: Callable[[], object]) -> float:
    """Return the peak increase of memory in MB during a call; sampling makes the call slower."""
    before = all_held()
    found, done = [before], threading.Event()

    def look() -> None:
        while not done.wait(PERIOD):
            with suppress(OSError):  # a child has ended
                found.append(all_held())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        call()
    finally:
        done.set()
        watcher.join()
    return max(found) - before
