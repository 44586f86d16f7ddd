"""A Dask cluster as an executor, by the address of its scheduler."""

import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import Any

from ioadapt_theory.errors import InvalidValueError, MissingExtraError

PATIENCE = 15.0
"""Seconds for the scheduler to answer, and for a first worker to be there."""

LOUD = ("distributed", "tornado", "asyncio")
"""Loggers that print tracebacks when a scheduler or a worker is lost."""


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """Yield an executor that runs on the workers, and a function that says how many threads they have at the moment.

    A task of a worker that is lost is done by another one; Dask gives up on a task that took several workers with it.

    Args:
        address: of the scheduler, "tcp://host:8786".

    Raises:
        MissingExtraError: the extra ``cluster`` is not installed.
        InvalidValueError: no scheduler answers there, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError:
        package = "dask.distributed"
        raise MissingExtraError(package, "cluster") from None
    make: Any = Client  # without annotations
    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[0] in LOUD]:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what is lost is said once, by who asked
    try:
        with warnings.catch_warnings(action="ignore"):  # versions are compared piece by piece
            client = make(address, timeout=PATIENCE, set_as_default=False, name="ioadapt")
    except (OSError, ValueError, TypeError) as error:
        msg = (
            f"No Dask scheduler answers at {address!r}: {str(error).splitlines()[0] if str(error) else 'time is out'}."
        )
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
