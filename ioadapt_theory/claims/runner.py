"""Do pieces on any executor, processes or a cluster, and refuse settings that cannot work."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import Any

import torch

from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.evidence.findings import Verification
from ioadapt_theory.claims.pieces import Piece, do, values
from ioadapt_theory.claims.settings import stacks
from ioadapt_theory.errors import InvalidValueError, IoAdaptError
from ioadapt_theory.processes import lost

LIMITS = {
    **dict.fromkeys(("stacks", "samples"), 10**9),  # in parts and blocks: flat memory, but years
    **dict.fromkeys(("instances", "starts", "steps"), 10**6),  # all instances and starts are in memory at once
    **{"depth": 1000, "rank": 10_000, "jobs": 1024, "condition": 1e12},
}
"""Largest value of every number on the command line."""


class RefusedError(IoAdaptError, RuntimeError):
    """A worker does not do a piece, or cannot."""


def results(
    todo: Iterable[Piece], executor: Executor | None = None, ahead: Callable[[], int] = lambda: 2
) -> Iterator[tuple[Piece, Verification]]:
    """Do the pieces, in this process or on an executor, and yield them as they are finished.

    Args:
        todo: pieces.
        executor: any; None for this process.
        ahead: how many may wait or run there at the moment: a bounded queue keeps the memory flat.

    Raises:
        RefusedError: a worker has other code or versions.
        WorkerError: workers died, or nobody answers any more.
    """
    todo = iter(todo)
    if executor is None:
        for piece in todo:
            yield piece, _verification(do(values(piece)))
        return
    waiting = dict[Future[Any], Piece]()
    while True:
        with lost():
            room = max(0, ahead() - len(waiting))
        for piece in islice(todo, room):
            with lost():
                waiting[executor.submit(do, values(piece))] = piece
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            with lost():
                answer = future.result()
            yield waiting.pop(future), _verification(answer)


def _verification(answer: Any) -> Verification:
    if refused := answer.get("refused"):
        msg = f"{refused[:1].upper()}{refused[1:]}."
        raise RefusedError(msg)
    return Verification.from_json(answer)


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
        torch.empty((), device=run.device)
    except (RuntimeError, AssertionError) as error:
        msg = f"Device {run.device!r} cannot be used: {str(error).splitlines()[0]}"
        raise InvalidValueError(msg) from None
