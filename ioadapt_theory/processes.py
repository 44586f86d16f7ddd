"""Executors that run work in other processes: a pool of spawned processes, or the workers of a Dask cluster."""

import logging
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import torch

from ioadapt_theory.errors import InvalidValueError, MissingExtraError, WorkerError

DIED = "A worker process died: it was killed, or the memory was not enough."
PATIENCE = 15.0
"""Seconds for a scheduler to answer, and for a first worker to be there."""
LOUD = ("distributed", "tornado", "asyncio")
"""Loggers that print tracebacks when a scheduler or a worker is lost."""


@contextmanager
def lost() -> Iterator[None]:
    """Raise one error for everything by which ``submit`` and ``result`` of any executor say that workers are gone."""
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

    They leave Ctrl-C to their parent and end with it. A second Ctrl-C during the wait ends it, and what runs.

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


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """Yield an executor on a Dask cluster, and a function that counts the threads that its workers have at the moment.

    A task of a worker that is lost is done by another one; Dask gives up on a task that took several workers with it.
    ``address`` is that of the scheduler, "tcp://host:8786".

    Raises:
        MissingExtraError: The extra ``cluster`` is not installed.
        InvalidValueError: No scheduler answers there, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        package = "dask.distributed"
        raise MissingExtraError(package, "cluster") from None
    make: Any = Client  # without annotations
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] in LOUD]:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the caller says once what is lost
    try:
        with warnings.catch_warnings(action="ignore"):  # versions are compared piece by piece
            client = make(address, timeout=PATIENCE, set_as_default=False, name="ioadapt")
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else "time is out"
        msg = f"No Dask scheduler answers at {address!r}: {reason}."
        raise InvalidValueError(msg) from None
    try:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            msg = f"The Dask cluster at {address!r} has no workers."
            raise InvalidValueError(msg) from None
        yield client.get_executor(pure=False), lambda: sum(client.nthreads().values())
    finally:
        with warnings.catch_warnings(action="ignore"), suppress(OSError):  # a scheduler that died says no good-bye
            client.close(timeout=PATIENCE)
