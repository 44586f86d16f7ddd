"""Run the strategies of a claim; the work is a list of independent parts whose results merge."""

import time
from collections.abc import Iterator, Mapping, Sequence

import torch

from ioadapt_theory.claims.claim import Claim, Run, Said, Strategy
from ioadapt_theory.claims.evidence.findings import Verification, merged
from ioadapt_theory.claims.evidence.formal import MachineChecked, record
from ioadapt_theory.errors import UnknownNameError


def strategies(claim: Claim) -> tuple[Strategy, ...]:
    """The claim's strategies, the exact arguments about it, and Coq's theorem if there is one."""
    checked = (MachineChecked(),) if claim.id in record() else ()
    return (*claim.strategies, *claim.proofs, Said(), *checked)


def parts(claim: Claim, run: Run) -> Iterator[tuple[int, int]]:
    """(strategy, part) of every independent piece of work."""
    for k, strategy in enumerate(strategies(claim)):
        for part in range(strategy.parts(run)):
            yield k, part


def named(claims: Mapping[str, Claim], names: Sequence[str]) -> list[Claim]:
    """The claims of these names, all for none.

    Raises:
        UnknownNameError: no such claim.
    """
    for name in names:
        if name not in claims:
            raise UnknownNameError("claim", name, claims)
    return [claims[name] for name in names or claims]


def work(claim: Claim, run: Run, strategy: int, part: int) -> Verification:
    """Do one piece of work."""
    begin = time.perf_counter()
    finding = strategies(claim)[strategy](claim, run, part)
    return Verification(claim=claim.id, findings={finding.kind: finding}, seconds=time.perf_counter() - begin)


def verify(claim: Claim, run: Run | None = None) -> Verification:
    """All evidence on a claim; deterministic for a given run on one machine.

    Example:
        >>> from ioadapt_theory.claims import CLAIMS, Run, verify
        >>> str(verify(CLAIMS["eq-4a"], Run(instances=10, starts=2, steps=5)).verdict)
        'proved'
    """
    run = run or Run()
    with torch.enable_grad():
        return merged(claim.id, (work(claim, run, *piece) for piece in parts(claim, run)))
