"""Collection of evidence on claims, in independent parts that run in this process or on any executor.

The key of a part holds everything on which its result depends: the claim, the strategy and the settings that it uses.
"""

import hashlib
import json
import platform
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ioadapt_theory.claims.claim import Claim, Run, Strategy
from ioadapt_theory.claims.evidence.extremes import Said
from ioadapt_theory.claims.evidence.findings import Verification, merged
from ioadapt_theory.claims.evidence.formal import MachineChecked, record
from ioadapt_theory.claims.evidence.needed import Needed
from ioadapt_theory.claims.registry import CLAIMS
from ioadapt_theory.errors import InvalidValueError, IoAdaptError, UnknownNameError
from ioadapt_theory.processes import lost
from ioadapt_theory.results import fingerprint

LIBRARIES = ("ioadapt-theory", "torch", "numpy", "mpmath", "sympy", "python-flint")
MOST = dict.fromkeys(("instances", "starts", "steps"), 10**6)  # all instances and starts are in memory at once
"""Maximum values of the counts in a ``Run``."""
DEFAULT = Run()
_ONE_AT_A_TIME = threading.Lock()  # the process has one number of digits and of threads


class Part(NamedTuple):
    """The key of a unit of work: the strategy with index ``strategy`` of a claim, in a run.

    ``run`` is JSON with the settings that the strategy uses and that differ from the defaults.
    """

    claim: str
    strategy: int
    run: str

    @classmethod
    def of(cls, claim: str, strategy: int, run: Mapping[str, Any]) -> "Part":
        """Return the key of a part; the order of the settings in ``run`` does not matter."""
        return cls(claim, strategy, json.dumps(run, sort_keys=True))


Results = dict[Part, Verification]


class RefusedError(IoAdaptError, RuntimeError):
    """Error: a worker failed on a part of the work, or refused it since its versions differ from the caller's."""


def strategies(claim: Claim) -> tuple[Strategy, ...]:
    """Return the claim's searches and exact arguments, the check of ``Claim.words``, and Coq's theorem if any."""
    checked = (MachineChecked(),) if claim.id in record() else ()
    return (*claim.strategies, *claim.proofs, Said(), Needed(), *checked)


def named(claims: Mapping[str, Claim], names: Sequence[str]) -> list[Claim]:
    for name in names:
        if name not in claims:
            raise UnknownNameError("claim", name, claims)
    return [claims[name] for name in names or claims]


def work(claim: Claim, run: Run, strategy: int) -> Verification:
    """Run the strategy with this index, and return its evidence, with the computing time."""
    begin = time.perf_counter()
    finding = strategies(claim)[strategy](claim, run)
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
    with torch.enable_grad():
        return merged(claim.id, (work(claim, run, k) for k in range(len(strategies(claim)))))


def check(run: Run) -> None:
    """Raise InvalidValueError for a setting that is not a whole number within its limits."""
    for name, most in {"seed": 2**63 - 1, **MOST}.items():
        value, least = getattr(run, name), 0 if name == "seed" else 1
        if type(value) is not int or not least <= value <= most:
            msg = f"{name} must be a whole number from {least} to {most:,}, not {value!r:.40}."
            raise InvalidValueError(msg)


def parts(names: Iterable[str], run: Run) -> Iterator[Part]:
    """Yield the key of every unit of work for the named claims."""
    for name in names:
        for k, strategy in enumerate(strategies(CLAIMS[name])):
            yield Part.of(name, k, run.only(*strategy.settings).chosen())


def do(values: Sequence[Any], stamp: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the result of the part with the key ``values`` as JSON or, if there is none, {"refused": reason}.

    ``stamp`` holds the versions of the caller, which must be those of this process.
    """
    if differ := differences(versions(), stamp):
        return {"refused": f"A worker runs different versions: {differ}. Install the same versions everywhere."}
    part = Part(*values)
    with _ONE_AT_A_TIME:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums are then formed in the same order everywhere
        try:
            return work(CLAIMS[part.claim], Run.of(json.loads(part.run)), part.strategy).to_json()
        except IoAdaptError as error:
            return {"refused": f"{part.claim}: {error}"}
        finally:
            torch.set_num_threads(threads)


def results(todo: Iterable[Part], executor: Executor | None = None) -> Iterator[tuple[Part, Verification]]:
    """Yield the key and the result of each part of the work as it is finished, in this process or on an executor.

    Args:
        todo: keys of the parts to compute.
        executor: any executor of ``concurrent.futures`` or with its interface, such as Dask's ``Client.get_executor()``
            or MPI's; its workers need the same versions of the code and the libraries.

    Raises:
        RefusedError: a worker has different code or versions, or a part fails.
        WorkerError: a worker process died.
    """
    if executor is None:
        yield from ((part, _answer(do(part, versions()))) for part in todo)
        return
    with lost():
        waiting = {executor.submit(do, tuple(part), versions()): part for part in todo}
    while waiting:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            with lost():
                answer = future.result()
            yield waiting.pop(future), _answer(answer)


def _answer(answer: Mapping[str, Any]) -> Verification:
    if refused := answer.get("refused"):
        raise RefusedError(refused)
    return Verification.from_json(answer)


def total(names: Sequence[str], results: Mapping[Part, Verification]) -> dict[str, Verification]:
    """Return the merged results for each claim in ``names``; a claim without results has an empty verification."""
    by_claim = {name: Verification(claim=name) for name in names}
    for part in sorted(results):
        by_claim[part.claim] = by_claim[part.claim] | results[part]
    return by_claim


@cache
def versions() -> dict[str, str | None]:
    """Return the versions of Python and of the libraries (None if not installed), and a digest of the code.

    The digest covers the Python, JSON and CSV files of ``claims``, which include the witnesses and the paper's tables.
    """
    here: dict[str, str | None] = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in LIBRARIES:
        try:
            here[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            here[name] = None
    return here | {"code": sources(Path(__file__).parent)}


def differences(there: Mapping[str, str | None], here: Mapping[str, str | None]) -> str:
    """Return the differences between the versions ``there`` and ``here`` as text; empty if there are none."""
    names = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    shown = ((name, *(of.get(name) or "not installed" for of in (there, here))) for name in names)
    return ", ".join(f"{n} {one} (here {two})" if n != "code" else "the claims' code" for n, one, two in shown)


def sources(folder: Path) -> str:
    """Return a digest of the Python, JSON and CSV files below a folder, independent of line endings."""
    files = (path for ending in ("py", "json", "csv") for path in folder.rglob(f"*.{ending}"))
    return fingerprint({
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
        for path in files
    })  # fmt: skip
