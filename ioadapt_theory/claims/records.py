"""What `ioadapt verify` leaves: a journal while it runs, then a record; sets of parts, of two of one the worse."""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.evidence.findings import Verification
from ioadapt_theory.claims.instances import load
from ioadapt_theory.claims.registry import CLAIMS
from ioadapt_theory.claims.verifying import Part, Results, check, digest, parts, total, union, versions
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.results import fingerprint, record

SCHEMA = 3


def default_folder() -> Path:
    """Return where interrupted runs are kept: the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ioadapt-theory" / "verify"


class Journal:
    """Finished parts, one JSON line each; a line that was cut short is done again."""

    def __init__(self, folder: Path, claims: Sequence[str], run: Run) -> None:
        """Name the file after everything that determines the result, so that another run has another journal."""
        statements = {name: digest(CLAIMS[name]) for name in claims}
        config = {"claims": list(claims), "run": asdict(run), "statements": statements, "versions": versions()}
        self.path = folder / f"{fingerprint({'schema': SCHEMA, **config})}.jsonl"

    def read(self) -> Results:
        """Return the parts that an interrupted run has left."""
        done = Results()
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    part, result = _parsed(json.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError):
                    continue
                done[part] = result
        return done

    def add(self, part: Part, result: Verification) -> None:
        """Append one part; the line begins anew, wherever the last one was cut."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(_plain(part, result)) + "\n")

    def remove(self) -> None:
        """Remove the file, as the result is safely out: the next run computes everything anew."""
        self.path.unlink(missing_ok=True)


def _plain(part: Part, result: Verification) -> dict[str, Any]:
    key = part._asdict() | {name: json.loads(getattr(part, name)) for name in ("run", "versions")}
    return key | {name: value for name, value in result.to_json().items() if name in ("seconds", "findings")}


def _parsed(raw: Mapping[str, Any]) -> tuple[Part, Verification]:
    texts = {name: json.dumps(dict(raw[name]), sort_keys=True) for name in ("run", "versions")}
    result = Verification.from_json(raw)
    return Part(result.claim, int(raw["strategy"]), int(raw["part"]), statement=str(raw["statement"]), **texts), result


@dataclass(frozen=True, slots=True)
class Record:
    """Parts and the settings that they were computed with, a run each."""

    results: Results
    configs: tuple[Mapping[str, Any], ...]

    @property
    def claims(self) -> list[str]:
        """In the order of the registry."""
        there = {part.claim for part in self.results}
        return [name for name in CLAIMS if name in there]

    def unfinished(self) -> set[str]:
        """Return the claims that lack a part of a run of theirs."""
        return {
            name
            for config in self.configs
            for name in config["claims"]
            if any(part not in self.results for part in parts([name], _run(config)))
        }

    def digest(self) -> str:
        """Return what is equal for equal parts with equal results, however long they took and wherever."""
        items = sorted(self.results.items())
        lines = [json.dumps(_plain(p, replace(v, seconds=0.0)), sort_keys=True) for p, v in items]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def text(self, claims: Sequence[str], unfinished: Collection[str] = ()) -> str:
        """Return the record as JSON: verdicts by claim, then a line a part."""
        verdicts = {n: {**v.to_json(), "finished": n not in unfinished} for n, v in total(claims, self.results).items()}
        config = self.configs[0] if len(self.configs) == 1 else {"runs": list(self.configs)}
        content = record("verify", config=config, results=verdicts) | {"schema": SCHEMA, "digest": self.digest()}
        head = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        lines = [
            json.dumps(_plain(*item), ensure_ascii=False, allow_nan=False) for item in sorted(self.results.items())
        ]
        text = head.removesuffix("\n}") + ',\n "parts": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
        return "".join(
            c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text
        )  # names may be a file's


def read(path: str) -> Record:
    """Return a record that ``ioadapt verify --format json`` wrote, with this code.

    Raises:
        FileFormatError: it is not one, or one of another version, or it was changed since.
    """
    raw = load(path, "record")
    if raw.get("what") == "verify" and raw.get("schema") != SCHEMA:
        msg = f"{path!r} has schema {raw.get('schema')!r}, and this version reads {SCHEMA}: run verify again."
        raise FileFormatError(msg)
    try:
        assert raw["what"] == "verify", "it is another kind of record"
        results = dict(_parsed(entry) for entry in raw["parts"])
        configs = tuple(raw["config"]["runs"] if "runs" in raw["config"] else [raw["config"]])
        asked = {name for config in configs for name in config["claims"] if _run(config)}
    except (KeyError, TypeError, AttributeError, ValueError, AssertionError, InvalidValueError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        msg = f"{path!r} is not what `ioadapt verify --format json` writes: {reason[:400]}."
        raise FileFormatError(msg) from None
    for name in sorted(asked | {part.claim for part in results}):
        if name not in CLAIMS:
            msg = f"{path!r} has results on {name[:40]!r}, which is no claim of this version."
            raise FileFormatError(msg)
    for name in dict.fromkeys(part.claim for part in results):
        if any(part.statement != digest(CLAIMS[name]) for part in results if part.claim == name):
            msg = f"{path!r} has results on {name} from other code than this version's: run verify again."
            raise FileFormatError(msg)
    found = Record(results, configs)
    if found.digest() != raw.get("digest"):
        msg = f"{path!r} was changed after it was written: the digest of its numbers is {found.digest()}, not its own."
        raise FileFormatError(msg)
    return found


def _run(config: Mapping[str, Any]) -> Run:
    """Return the run of a configuration; one that cannot be is refused."""
    run = Run.of({name: value for name, value in config.items() if name != "claims"})
    check(replace(run, device="cpu"), 1)
    return run


def merge(paths: Iterable[str]) -> Record:
    """Unite records: a part that is in several counts once.

    Raises:
        FileFormatError: one is no record, of other code, or computed by other versions than the first.
    """
    results, configs, first = Results(), dict[str, Mapping[str, Any]](), ""
    for path in paths:
        new = read(path)
        first = first or path
        both = {part.versions for part in (*results, *new.results)}
        if len(both) > 1:
            shown = " and ".join(sorted(both))[:400]
            msg = (
                f"{first!r} and {path!r} were computed by different versions, {shown}: run both with the same version."
            )
            raise FileFormatError(msg)
        results = union(results, new.results)
        configs |= {json.dumps(config, sort_keys=True): config for config in new.configs}
    return Record(results, tuple(configs[key] for key in sorted(configs)))
