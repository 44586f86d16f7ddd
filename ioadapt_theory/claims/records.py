"""What `ioadapt verify` leaves: a journal while it runs, then a record; sets of pieces, of two of one the worse."""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ioadapt_theory.claims import CLAIMS, runner
from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.evidence.findings import Verification
from ioadapt_theory.claims.instances import load
from ioadapt_theory.claims.pieces import Piece, digest, pieces, total, union, versions
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.results import fingerprint, record

SCHEMA = 2
Found = dict[Piece, Verification]


def default_folder() -> Path:
    """Where interrupted runs are kept: the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ioadapt-theory" / "verify"


class Journal:
    """Finished pieces, one JSON line each; a line that was cut short is done again."""

    def __init__(self, folder: Path, claims: Sequence[str], run: Run) -> None:
        """The file is named after everything that determines the result, so that another run has another journal."""
        statements = {name: digest(CLAIMS[name]) for name in claims}
        config = {"claims": list(claims), "run": asdict(run), "statements": statements, "versions": versions()}
        self.path = folder / f"{fingerprint({'schema': SCHEMA, **config})}.jsonl"

    def read(self) -> Found:
        """Pieces that an interrupted run has left."""
        done = Found()
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    piece, found = _parsed(json.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError):
                    continue
                done[piece] = found
        return done

    def add(self, piece: Piece, found: Verification) -> None:
        """Append one piece; the line begins anew, wherever the last one was cut."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(_plain(piece, found)) + "\n")

    def remove(self) -> None:
        """The result is safely out: the next run computes everything anew."""
        self.path.unlink(missing_ok=True)


def _plain(piece: Piece, found: Verification) -> dict[str, Any]:
    raw = found.to_json()
    key = {"claim": piece.claim, "strategy": piece.strategy, "part": piece.part, "run": json.loads(piece.run)}
    return {**key, "statement": piece.statement, "versions": json.loads(piece.versions)} | {
        name: raw[name] for name in ("seconds", "findings")
    }


def _parsed(raw: Mapping[str, Any]) -> tuple[Piece, Verification]:
    texts = {name: json.dumps(dict(raw[name]), sort_keys=True) for name in ("run", "versions")}
    strategy, part, statement = raw["strategy"], raw["part"], raw["statement"]
    if not (type(strategy) is type(part) is int and min(strategy, part) >= 0 and isinstance(statement, str)):
        msg = f"{raw['claim']!r} has no piece {part!r} of strategy {strategy!r}"
        raise ValueError(msg)
    found = Verification.from_json(raw)
    return Piece(found.claim, strategy, part, statement=statement, **texts), found


@dataclass(frozen=True, slots=True)
class Record:
    """Pieces and the settings that they were computed with, a run each."""

    found: Mapping[Piece, Verification]
    configs: tuple[Mapping[str, Any], ...]

    @property
    def claims(self) -> list[str]:
        """In the order of the registry."""
        named = {piece.claim for piece in self.found}
        return [name for name in CLAIMS if name in named]

    def unfinished(self) -> set[str]:
        """Claims that lack a piece of a run of theirs."""
        return {
            name
            for config in self.configs
            for name in config.get("claims", ())
            if name in CLAIMS and any(piece not in self.found for piece in pieces([name], _run(config)))
        }

    def digest(self) -> str:
        """Equal for equal pieces with equal results, however long they took and wherever they were computed."""
        lines = [json.dumps(_plain(p, replace(v, seconds=0.0)), sort_keys=True) for p, v in sorted(self.found.items())]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def text(self, claims: Sequence[str], unfinished: Collection[str] = ()) -> str:
        """The record as JSON: verdicts by claim, then a line a piece; the worst instance of a claim stands once."""
        by_claim = total(claims, self.found)
        slim = Record({p: _slim(v, by_claim[p.claim]) for p, v in self.found.items()}, self.configs)
        results = {n: {**v.to_json(), "finished": n not in unfinished} for n, v in by_claim.items()}
        config = self.configs[0] if len(self.configs) == 1 else {"runs": list(self.configs)}
        content = record("verify", config=config, results=results) | {"schema": SCHEMA, "digest": slim.digest()}
        head = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        lines = [json.dumps(_plain(*item), ensure_ascii=False, allow_nan=False) for item in sorted(slim.found.items())]
        return _visible(head.removesuffix("\n}") + ',\n "pieces": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n")


def _visible(text: str) -> str:
    """JSON with what a terminal would obey or not show escaped: names may come from a file."""
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _slim(found: Verification, merged: Verification) -> Verification:
    findings = {
        kind: f if f.worst == merged.findings[kind].worst else replace(f, worst=None)
        for kind, f in found.findings.items()
    }
    return replace(found, findings=findings)


def read(path: str) -> Record:
    """A record that ``ioadapt verify --format json`` wrote, with this code.

    Raises:
        FileFormatError: it is not one, or one of another version.
    """
    raw = load(path, "record")
    if raw.get("what") != "verify":
        msg = f"{path!r} is not what `ioadapt verify --format json` writes."
        raise FileFormatError(msg)
    if raw.get("schema") != SCHEMA:
        msg = f"{path!r} has schema {raw.get('schema')!r}, and this version reads {SCHEMA}: verify again with it."
        raise FileFormatError(msg)
    try:
        json.dumps(raw, allow_nan=False)  # ValueError: a number that is none
        found = dict(_parsed(entry) for entry in raw["pieces"])
        configs = _configs(raw["config"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        msg = f"{path!r} is not what `ioadapt verify --format json` writes: {reason[:400]}."
        raise FileFormatError(msg) from None
    for piece in found:
        if piece.claim not in CLAIMS:
            msg = f"{path!r} has results on {piece.claim[:40]!r}, which is no claim of this version."
            raise FileFormatError(msg)
    for name in dict.fromkeys(piece.claim for piece in found):
        if any(piece.statement != digest(CLAIMS[name]) for piece in found if piece.claim == name):
            msg = f"{path!r} is about {name} as other code states, proves or searches it: verify again with this one."
            raise FileFormatError(msg)
    return Record(found, configs)


def _configs(raw: Any) -> tuple[Mapping[str, Any], ...]:
    configs = raw["runs"] if "runs" in raw else [raw]
    for config in configs:
        _run(config)
        if not all(isinstance(name, str) for name in config.get("claims", [])):
            msg = "the claims of a run are not names"
            raise ValueError(msg)
    return tuple(configs)


def _run(config: Mapping[str, Any]) -> Run:
    """The run of a configuration.

    Raises:
        TypeError, ValueError: it is none.
    """
    run = Run.of({name: value for name, value in config.items() if name != "claims"})
    for name, value in asdict(run).items():
        like = getattr(Run(), name)
        kind = tuple if name == "widths" and value else type(like)
        if not isinstance(value, kind) or isinstance(value, bool):
            msg = f"{name} of a run cannot be {str(value)[:40]!r}"
            raise TypeError(msg)
    runner.check(replace(run, device="cpu"), 1)
    return run


def merge(paths: Iterable[str]) -> Record:
    """The union of records: a piece that is in several counts once.

    Raises:
        FileFormatError: one is no record, of other code, or computed by other versions than the first.
    """
    found, configs, first = Found(), dict[str, Mapping[str, Any]](), ""
    for path in paths:
        new = read(path)
        first = first or path
        both = {piece.versions for piece in (*found, *new.found)}
        if len(both) > 1:
            shown = " and ".join(sorted(both))[:400]
            msg = f"{first!r} and {path!r} were computed by different versions, {shown}: verify again with the same."
            raise FileFormatError(msg)
        found = union(found, new.found)
        configs |= {json.dumps(config, sort_keys=True): config for config in new.configs}
    return Record(found, tuple(configs[key] for key in sorted(configs)))
