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

DIED = "A worker process died, for example because memory ran out; lower --jobs to use less memory."
PATIENCE = 15.0
"""Seconds to wait for a scheduler to answer, and for a first worker."""
LOUD = ("distributed", "tornado", "asyncio")
"""Loggers that print tracebacks if a scheduler or a worker is lost."""


@contextmanager
def lost(executor: Executor) -> Iterator[None]:
    """Raise WorkerError for the errors with which the executor's ``submit`` and ``result`` report lost workers."""
    try:
        yield
    except Exception as error:
        if isinstance(error, BrokenExecutor):
            msg = DIED
        elif isinstance(executor, ProcessPoolExecutor):  # an error of the task itself
            raise
        elif isinstance(error, CancelledError | OSError) or type(error).__module__.startswith("distributed"):
            msg = f"The Dask cluster no longer answers, or its workers died ({type(error).__name__})."
        else:
            raise
        raise WorkerError(msg) from None


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
        raise WorkerError(DIED) from None
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


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """Yield an executor on a Dask cluster, and a function that returns the current number of worker threads.

    If a worker is lost, another one runs its task; Dask gives up on a task that kills several workers.
    ``address`` is the address of the scheduler, such as "tcp://host:8786".

    Raises:
        MissingExtraError: the extra ``cluster`` is not installed.
        InvalidValueError: no scheduler answers at the address, or the scheduler has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        package = "dask.distributed"
        raise MissingExtraError(package, "cluster") from None
    make: Any = Client  # its parameters have no annotations
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] in LOUD]:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the caller reports the loss once
    try:
        with warnings.catch_warnings(action="ignore"):  # each task detects different versions
            client = make(address, timeout=PATIENCE, set_as_default=False, name="ioadapt")
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else f"no answer within {PATIENCE:g} s"
        msg = f"No Dask scheduler answers at {address!r} ({reason}); check the address."
        raise InvalidValueError(msg) from None
    try:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            msg = f"The Dask cluster at {address!r} has no workers; start at least one."
            raise InvalidValueError(msg) from None
        yield client.get_executor(pure=False), lambda: sum(client.nthreads().values())
    finally:
        with warnings.catch_warnings(action="ignore"), suppress(OSError):  # a dead scheduler keeps connections open
            client.close(timeout=PATIENCE)
