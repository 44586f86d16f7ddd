"""All claims by id, and the collection of evidence on them: in this process or on an executor."""

import re
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from importlib import import_module
from pathlib import Path

import torch

from ioadapt_theory.claims.claim import Claim, Run, Strategy
from ioadapt_theory.claims.evidence.extremes import needed, said
from ioadapt_theory.claims.evidence.formal import machine_checked, record
from ioadapt_theory.claims.findings import Verification, merged
from ioadapt_theory.errors import InvalidValueError, UnknownNameError, require_whole

FILES: Mapping[str, list[str]] = tomllib.loads(Path(__file__).with_name("registry.toml").read_text(encoding="utf-8"))
"""The files that state claims -> the ids of their claims."""


class Claims(Mapping[str, Claim]):
    """Claims by id, in the order of ``FILES``; a file is imported when one of its claims is asked for."""

    def __init__(self) -> None:
        self._file = {name: file for file, names in FILES.items() for name in names}

    def __getitem__(self, name: str) -> Claim:
        stated: tuple[Claim, ...] = import_module(f"ioadapt_theory.claims.{self._file[name]}").CLAIMS
        return next(claim for claim in stated if claim.id == name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._file)

    def __len__(self) -> int:
        return len(self._file)

    def __repr__(self) -> str:
        from ioadapt_theory.claims.report import counted

        return f"{counted(self.values()).rstrip()} CLAIMS['prop-3'] is one of them."


CLAIMS = Claims()


def strategies(claim: Claim) -> tuple[Strategy, ...]:
    """Return the claim's searches and exact arguments, the check of ``Claim.words``, and Coq's theorem if any."""
    checked = (machine_checked,) if claim.id in record() else ()
    return (*claim.strategies, *claim.proofs, said, needed, *checked)


def named(names: Sequence[str]) -> list[Claim]:
    """Return the claims of these ids, all claims without names; "Proposition 2" names all whose ids begin with it."""
    found = dict[str, Claim]()
    for name in names:
        spelt = re.sub(r"[^a-z0-9]+", "-", name.lower().replace("proposition", "prop"))
        ids = [name] if name in CLAIMS else [one for one in CLAIMS if f"{one}-".startswith(f"{spelt}-")]
        ids = [spelt] if spelt in ids else ids
        if not ids:
            raise UnknownNameError("claim", name, CLAIMS)
        found |= {one: CLAIMS[one] for one in ids}
    return [*(found or CLAIMS).values()]


def single(claim: Claim | str) -> Claim:
    """Return the claim of an id or number; raise InvalidValueError if several claims have this number."""
    if isinstance(claim, Claim):
        return claim
    found, *others = named([claim])
    if others:
        msg = f"Several claims have this number; give one of {', '.join(c.id for c in (found, *others))}."
        raise InvalidValueError(msg)
    return found


def work(claim: Claim, run: Run, strategy: Strategy) -> Verification:
    """Return the evidence of one strategy, with the computing time."""
    begin = time.perf_counter()
    finding = strategy(claim, run)
    return Verification(claim=claim.id, findings={finding.kind: finding}, seconds=time.perf_counter() - begin)


def verify(
    claim: Claim | str,
    run: Run | None = None,
    *,
    seed: int = 0,
    instances: int = 2000,
    starts: int = 64,
    steps: int = 200,
) -> Verification:
    """Return all evidence on a claim; apart from the time, it is deterministic for given settings on one machine.

    Args:
        claim: a claim, its id, or its number, such as "Proposition 3".
        run: settings for several calls, in place of the following arguments.
        seed: seed of all random draws.
        instances: number of random instances.
        starts: number of random instances from which gradient ascent searches for a violation.
        steps: number of steps of the gradient ascent.

    Raises:
        InvalidValueError: a setting is outside its limits or given twice, or several claims have this number.
        UnknownNameError: there is no such claim.

    Example:
        >>> from ioadapt_theory import verify
        >>> str(verify("Proposition 3", instances=10).verdict)
        'proved'
    """
    own = Run(seed=seed, instances=instances, starts=starts, steps=steps)
    if run is not None and own != Run():
        msg = "Give run= or its settings, not both."
        raise InvalidValueError(msg)
    check(run := run or own)
    claim = single(claim)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums are then formed in the same order everywhere
    try:
        with torch.enable_grad():
            return merged(claim.id, (work(claim, run, strategy) for strategy in strategies(claim)))
    finally:
        torch.set_num_threads(threads)


def check(run: Run) -> None:
    """Raise InvalidValueError for a setting that is not a whole number within its limits."""
    limits = {"seed": 2**63 - 1} | dict.fromkeys(("instances", "starts", "steps"), 10**6)  # all are in memory at once
    for name, most in limits.items():
        require_whole(name, getattr(run, name), 0 if name == "seed" else 1, most)


def results(names: Sequence[str], run: Run, executor: Executor | None = None) -> Iterator[Verification]:
    """Yield the result of each claim as it is finished, in this process or on an executor's processes."""
    if executor is None:
        yield from (verify(name, run) for name in names)
        return
    waiting = [executor.submit(verify, name, run) for name in names]
    yield from (future.result() for future in as_completed(waiting))
