"""Collection of evidence on claims: all strategies of a claim, in this process or on an executor."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed

import torch

from ioadapt_theory.claims.claim import Claim, Run, Strategy
from ioadapt_theory.claims.evidence.extremes import Said
from ioadapt_theory.claims.evidence.findings import Verification, merged
from ioadapt_theory.claims.evidence.formal import MachineChecked, record
from ioadapt_theory.claims.evidence.needed import Needed
from ioadapt_theory.claims.registry import CLAIMS
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from ioadapt_theory.processes import lost

MOST = dict.fromkeys(("instances", "starts", "steps"), 10**6)  # all instances and starts are in memory at once
"""Maximum values of the counts in a ``Run``."""
DEFAULT = Run()


def strategies(claim: Claim) -> tuple[Strategy, ...]:
    """Return the claim's searches and exact arguments, the check of ``Claim.words``, and Coq's theorem if any."""
    checked = (MachineChecked(),) if claim.id in record() else ()
    return (*claim.strategies, *claim.proofs, Said(), Needed(), *checked)


def named(claims: Mapping[str, Claim], names: Sequence[str]) -> list[Claim]:
    for name in names:
        if name not in claims:
            raise UnknownNameError("claim", name, claims)
    return [claims[name] for name in names or claims]


def work(claim: Claim, run: Run, strategy: Strategy) -> Verification:
    """Return the evidence of one strategy, with the computing time."""
    begin = time.perf_counter()
    finding = strategy(claim, run)
    return Verification(claim=claim.id, findings={finding.kind: finding}, seconds=time.perf_counter() - begin)


def verify(claim: Claim | str, run: Run = DEFAULT) -> Verification:
    """Return all evidence on a claim; apart from the time, it is deterministic for a given run on one machine.

    Args:
        claim: a claim, or its id.
        run: the settings of the searches.

    Raises:
        InvalidValueError: a setting is outside its limits.
        UnknownNameError: there is no claim of this id.

    Example:
        >>> from ioadapt_theory.claims import Run, verify
        >>> str(verify("prop-4-exact", Run(instances=10)).verdict)
        'proved'
    """
    check(run)
    claim = named(CLAIMS, [claim])[0] if isinstance(claim, str) else claim
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums are then formed in the same order everywhere
    try:
        with torch.enable_grad():
            return merged(claim.id, (work(claim, run, strategy) for strategy in strategies(claim)))
    finally:
        torch.set_num_threads(threads)


def check(run: Run) -> None:
    """Raise InvalidValueError for a setting that is not a whole number within its limits."""
    for name, most in {"seed": 2**63 - 1, **MOST}.items():
        value, least = getattr(run, name), 0 if name == "seed" else 1
        if type(value) is not int or not least <= value <= most:
            msg = f"{name} must be a whole number from {least} to {most:,}, not {value!r:.40}."
            raise InvalidValueError(msg)


def results(names: Sequence[str], run: Run, executor: Executor | None = None) -> Iterator[Verification]:
    """Yield the result of each claim as it is finished, in this process or on an executor's processes.

    Raises:
        WorkerError: a worker process died.
    """
    if executor is None:
        yield from (verify(name, run) for name in names)
        return
    with lost():
        waiting = [executor.submit(verify, name, run) for name in names]
        yield from (future.result() for future in as_completed(waiting))
