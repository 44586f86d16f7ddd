"""Peak memory of a call, in this process and in its forks (Linux)."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PERIOD = 0.005
"""Seconds between two samples of the memory."""


def held(pid: int, *kinds: str) -> float:
    """Return a process's memory in MB: the sum of the fields in smaps_rollup that start with one of ``kinds``."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(kinds)) / 1024


def all_held() -> float:
    """Return the memory of this process plus the private memory of its children, in MB."""
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
