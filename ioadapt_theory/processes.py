"""A pool of spawned processes that leave Ctrl-C to their parent and end with it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from ioadapt_theory.errors import WorkerError

DIED = "A worker process died: it was killed, or the memory was not enough."


@contextmanager
def lost() -> Iterator[None]:
    """Raise one error for everything by which ``submit`` and ``result`` of any executor say that workers are gone.

    Raises:
        WorkerError: They are.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, BrokenExecutor):
            msg = DIED
        elif isinstance(error, CancelledError | OSError) or type(error).__module__.startswith("distributed"):
            msg = f"The cluster does not answer any more, or its workers died ({type(error).__name__})."
        else:
            raise
        raise WorkerError(msg) from None


@contextmanager
def pool(jobs: int) -> Iterator[Executor]:
    """Yield ``jobs`` processes of one thread each; at the end what waits is cancelled, and what runs is waited for.

    A second Ctrl-C during that wait ends it, and what runs.

    Raises:
        WorkerError: One of them was ended from outside.
    """
    executor = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        with _at_interrupts(signal.SIG_IGN):
            for _ in range(jobs):
                executor.submit(int)  # starts a process, which inherits that Ctrl-C is for the parent
        yield executor
    except BrokenExecutor:
        msg = f"{DIED} Finished parts are kept; fewer --jobs need less memory."
        raise WorkerError(msg) from None
    finally:
        with _at_interrupts(_kill_workers):  # an exception inside would leave all waiting for each other
            executor.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Use one thread of torch, and end with the parent: a parent that is killed cannot tell its children."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _kill_workers(*_: object) -> None:
    for child in multiprocessing.active_children():
        child.kill()


@contextmanager
def _at_interrupts(do: Any) -> Iterator[None]:
    """Set what Ctrl-C does for the duration, in the main thread, which alone may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, do)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
