"""A pool of spawned processes that ends with its parent and reports lost workers."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from ioadapt_theory.errors import WorkerError


@contextmanager
def pool(jobs: int) -> Iterator[Executor]:
    """Yield a pool of ``jobs`` processes with one torch thread each.

    On exit, waiting tasks are cancelled, and running ones are waited for; Ctrl-C during this wait kills the processes.
    At other times, the processes ignore Ctrl-C. The processes end with their parent process.

    Raises:
        WorkerError: a worker process died.
    """
    executor = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        with _at_interrupts(signal.SIG_IGN):
            for _ in range(jobs):
                executor.submit(int)  # starts a process, which inherits the handler of Ctrl-C
        yield executor
    except BrokenExecutor:
        msg = "A worker process died, for example because memory ran out; lower --jobs to use less memory."
        raise WorkerError(msg) from None
    finally:
        with _at_interrupts(_kill_workers):  # an exception inside would cause a deadlock
            executor.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Use one torch thread, and exit when the parent process ends, even if the parent is killed."""
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
    """Handle Ctrl-C with ``do`` inside the block, but only in the main thread, since Python forbids it in others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, do)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
