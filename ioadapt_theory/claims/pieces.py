"""Pieces of work: what the result of one depends on is its key, so that results are a set, whoever computed them."""

import hashlib
import json
import platform
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.claim import Claim, Run
from ioadapt_theory.claims.evidence.findings import Verification
from ioadapt_theory.claims.verifying import parts, strategies, work
from ioadapt_theory.errors import IoAdaptError

LIBRARIES = ("ioadapt-theory", "torch", "numpy", "mpmath", "sympy", "python-flint")
Values = tuple[str, int, int, str, str, str]
"""A piece as plain values, which workers of every version understand."""
_ONE_AT_A_TIME = threading.Lock()  # the number of digits and of threads belong to the process


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """A part of a strategy of a claim, with everything that its result depends on.

    Attributes:
        claim: id.
        strategy: which of the claim's strategies.
        part: which part of it.
        run: the settings that this part uses and that are not the default, as JSON.
        statement: digest of statement, proof and code (``digest``).
        versions: of Python and of the libraries that compute, as JSON.
    """

    claim: str
    strategy: int
    part: int
    run: str
    statement: str
    versions: str


def pieces(claims: Iterable[str], run: Run) -> Iterator[Piece]:
    """All independent pieces of work, as this code would do them; lazily, since a long run may have millions."""
    for name in claims:
        claim = CLAIMS[name]
        own, statement = strategies(claim), digest(claim)
        for k, part in parts(claim, run):
            settings = json.dumps(own[k].pinned(run, part).chosen(), sort_keys=True)
            yield Piece(name, k, part, settings, statement, versions())


def count(name: str, run: Run) -> int:
    """How many pieces a claim has."""
    return sum(strategy.parts(run) for strategy in strategies(CLAIMS[name]))


def do(values: Values) -> dict[str, Any]:
    """Do a piece, anywhere: its verification as JSON or, under the key "refused", a sentence that says why not."""
    piece = Piece(*values)
    if (here := versions()) != piece.versions:
        return {"refused": f"a worker has other versions, {_difference(here, piece.versions)}"}
    if piece.claim not in CLAIMS or digest(CLAIMS[piece.claim]) != piece.statement:
        return {"refused": f"a worker has other code for {piece.claim}, of the same version"}
    with _ONE_AT_A_TIME:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums are then formed in the same order everywhere
        try:
            found = work(CLAIMS[piece.claim], Run.of(json.loads(piece.run)), piece.strategy, piece.part)
        except IoAdaptError as error:
            return {"refused": f"{piece.claim}: {error}".rstrip(".")}
        finally:
            torch.set_num_threads(threads)
    return found.to_json()


def total(claims: Sequence[str], found: Mapping[Piece, Verification]) -> dict[str, Verification]:
    """Merge by claim, in the order of ``claims``; the order of the pieces does not matter."""
    merged = {name: Verification(claim=name) for name in claims}
    for piece in sorted(found):
        merged[piece.claim] = merged[piece.claim] | found[piece]
    return merged


def union(a: Mapping[Piece, Verification], b: Mapping[Piece, Verification]) -> dict[Piece, Verification]:
    """All pieces of both; of two results of one piece, which processors may round differently, the worse one."""
    return {**a, **b, **{piece: max(a[piece], b[piece], key=_severity) for piece in a.keys() & b.keys()}}


def _severity(found: Verification) -> tuple[bool, float, str]:
    refuted = any(f.contradictions or f.lacks for f in found.findings.values())
    return refuted, found.worst_ratio, json.dumps(found.to_json())


@cache
def versions() -> str:
    """What computes, as JSON; an extra that is not installed is null."""
    found: dict[str, str | None] = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return json.dumps(found, sort_keys=True)


def _difference(there: str, here: str) -> str:
    a, b = json.loads(there), json.loads(here)
    names = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    return ", ".join(f"{name} {a.get(name)} (here {b.get(name)})" for name in names)


def digest(claim: Claim) -> str:
    """Changes with the statement of a claim, with its proof, and with any code or witness that either might use.

    It is that of all files of this package, the printed tables among them, of what the registry says of the claim and,
    since that can be changed in a running program, of both sides on two instances.
    """
    said = [claim.id, claim.statement, claim.expected, *claim.witnesses, *claim.attained, *_probe(claim)]
    said += [json.dumps([type(s).__name__, str(s.kind), getattr(s, "name", "")]) for s in strategies(claim)]
    return hashlib.sha256("\n".join([_sources(), *said]).encode()).hexdigest()[:16]


def _probe(claim: Claim) -> list[str]:
    inequality = claim.inequality
    if inequality is None:
        return []
    instance = inequality.setting.parametrise(inequality.setting.start(2, torch.Generator().manual_seed(0)))
    sides = inequality.decisive(instance), inequality.rhs(instance), *inequality.residuals(instance).values()
    return [f"{float(x):.5g}" for side in sides for x in torch.as_tensor(side).flatten()]


@cache
def _sources(folder: Path = Path(__file__).parent) -> str:
    found = hashlib.sha256()
    for path in sorted(path for ending in ("py", "json", "csv") for path in folder.rglob(f"*.{ending}")):
        found.update(path.relative_to(folder).as_posix().encode())
        found.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return found.hexdigest()


def values(piece: Piece) -> Values:
    """The piece as ``do`` takes it."""
    return astuple(piece)
