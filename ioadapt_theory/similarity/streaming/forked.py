"""Tasks shared out to forked processes: nothing is pickled but results, and no process outlives its parent for long."""

import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TYPE_CHECKING, Any

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.errors import WorkerError

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

Deliver = Callable[[int, Any], object]
"""Takes a task and its result."""
Run = Callable[[Iterator[int], Deliver], object]
"""Does tasks as they come and delivers each."""
Pipe = tuple[Connection, Connection]
"""The end that receives and the end that sends."""

Progress = Callable[[int], object]
"""Told of the elements that were read."""

MOST = 4
"""Workers that are used unless more are asked for: each has buffers of its own."""
PERIOD = 0.05
"""Seconds between two messages of a process."""


def usable() -> int:
    """How many workers this machine is good for, at most MOST."""
    return min(len(os.sched_getaffinity(0)), MOST) if forks() else 1


def forks() -> bool:
    """Whether processes can be forked, and read our files by position: elsewhere they would share one place in each."""
    return sys.platform == "linux" and hasattr(os, "fork") and hasattr(os, "preadv")


def share_out(tasks: Sequence[int], count: int, run: Run, deliver: Deliver) -> bool:
    """Run ``run`` in ``count`` forked processes, which take tasks from the front; their results are delivered here.

    Returns False, with nothing done, where processes have nothing to count the tasks by: without /dev/shm, say.

    Raises:
        SourceError: a process could not be started; and whatever ``run`` raises.
        WorkerError: a process was ended from outside.
    """
    context = get_context("fork")
    try:
        taken = context.Value("q", 0)
    except (OSError, ImportError, NotImplementedError):
        return False
    pipes: list[Pipe] = []
    processes: list[BaseProcess] = []
    try:
        pipes += [context.Pipe(duplex=False) for _ in range(count)]
        _start(
            lambda k: context.Process(target=_work, args=(tasks, run, taken, pipes, k), daemon=True), pipes, processes
        )
        running = dict(zip((receive for receive, _ in pipes), processes, strict=True))
        while running:
            for receive in set(running) & set(connection.wait(list(running))):
                try:
                    said = receive.recv()
                except (EOFError, OSError):
                    _ended(running.pop(receive))
                    continue
                if isinstance(said, Exception):
                    raise said
                for task, result in said:
                    deliver(task, result)
    finally:
        for process in processes:
            process.kill()  # which is nothing to one that has ended
            process.join()
        for receive, send in pipes:
            receive.close()
            send.close()
    return True


def _start(process: Callable[[int], BaseProcess], pipes: Sequence[Pipe], processes: list[BaseProcess]) -> None:
    """Start a process for each pipe."""
    try:
        with _without_interrupts(), warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            for k in range(len(pipes)):  # the warning is of threads, none of whose locks we need
                started = process(k)
                started.start()
                processes.append(started)
    except OSError as error:
        msg = f"Cannot start {len(pipes)} processes ({error.strerror}): --workers 1 does without."
        raise SourceError(msg) from error
    for _, send in pipes:
        send.close()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that are started meanwhile never see Ctrl-C: their parent does, afterwards, and ends them.

    Blocking it is not enough: another thread of ours may take the signal, and what Python then raises in the middle of
    a fork is lost.
    """
    came: list[tuple[int, FrameType | None]] = []
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda *told: came.append(told)) if main else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if main:
            signal.signal(signal.SIGINT, signal.SIG_DFL if handler is None else handler)
    if came and callable(handler):
        handler(*came[0])


def _ended(process: BaseProcess) -> None:
    process.join()
    if process.exitcode:
        msg = f"A worker process was ended (status {process.exitcode}), for want of memory? --workers 1 needs least."
        raise WorkerError(msg)


def _work(tasks: Sequence[int], run: Run, taken: "Synchronized[int]", pipes: Sequence[Pipe], k: int) -> None:
    """What process k does."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[k % len(allowed)]})  # away from the parent and the others, where the scheduler
    os.sched_setaffinity(0, allowed)  # may leave us for seconds; then it is free again
    gc.freeze()  # a collection would visit, and so copy, the pages of the parent
    for i, (receive, send) in enumerate(pipes):
        receive.close()
        if i != k:
            send.close()
    outbox = _Outbox(pipes[k][1])
    with suppress(BrokenPipeError):  # the parent is gone
        try:
            run(_from_the_front(tasks, taken), outbox.put)
            outbox.flush()
        except Exception as error:  # of whatever kind, it is the parent's to raise
            outbox.end.send(error)


class _Outbox:
    """Sends what was done in the meantime at once: a message takes longer than a small task."""

    def __init__(self, end: Connection) -> None:
        self.end = end
        self._said: list[tuple[int, Any]] = []
        self._next = time.monotonic() + PERIOD

    def put(self, task: int, result: object) -> None:
        self._said.append((task, result))
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        self.end.send(self._said)
        self._said = []
        self._next = time.monotonic() + PERIOD


def _from_the_front(tasks: Sequence[int], taken: "Synchronized[int]") -> Iterator[int]:
    while True:
        with taken.get_lock():
            position = taken.value
            taken.value += 1
        if position >= len(tasks):
            return
        yield tasks[position]
