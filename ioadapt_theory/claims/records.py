"""Files of `ioadapt verify`: while it runs, a journal of the results so far; at the end, a record."""

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.evidence.findings import Verdict, Verification
from ioadapt_theory.claims.instances import load
from ioadapt_theory.claims.registry import CLAIMS
from ioadapt_theory.claims.verifying import Part, Results, differences, parts, total, versions
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.results import fingerprint, record

SCHEMA = 4
UNSAVED = "The finished parts of this run cannot be read or saved ({}); give a different folder with --resume-from."


def default_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ioadapt-theory" / "verify"


class Journal:
    """The file in which `ioadapt verify` keeps the results of the work done so far, one line of JSON per part.

    A line that cannot be parsed is skipped, so its part is computed again. If the file cannot be read or written, the
    journal passes the reason to ``warn`` and sets ``broken``, and the run continues without it.
    """

    def __init__(self, folder: Path, claims: Sequence[str], run: Run, warn: Callable[[str], Any]) -> None:
        """Set the path, a file in ``folder`` named after a digest of the claims, the settings and the versions."""
        config = {"schema": SCHEMA, "claims": list(claims), "run": asdict(run), "versions": versions()}
        self.path, self.warn, self.broken = folder / f"{fingerprint(config)}.jsonl", warn, False

    @contextmanager
    def _kept(self, message: str = UNSAVED) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.broken = True
            reason = f"{error.filename or self.path.parent}: {error.strerror or error}"
            self.warn(message.format(reason))

    def read(self) -> Results:
        """Return the results in the file; none if it does not exist or cannot be read."""
        done, text = Results(), ""
        with self._kept():
            text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        for line in text.splitlines():
            try:
                part, result = _parsed(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
            done[part] = result
        return done

    def add(self, part: Part, result: Verification) -> None:
        """Append the result of a part on a new line, even if the last line was truncated."""
        if not self.broken:
            with self._kept():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write("\n" + json.dumps(_plain(part, result)) + "\n")

    def remove(self) -> None:
        if not self.broken:
            with self._kept("The saved parts of this finished run cannot be deleted ({}); delete the file yourself."):
                self.path.unlink(missing_ok=True)


def _plain(part: Part, result: Verification) -> dict[str, Any]:
    evidence = {name: value for name, value in result.to_json().items() if name in ("seconds", "findings")}
    return part._asdict() | {"run": json.loads(part.run)} | evidence


def _parsed(raw: Mapping[str, Any]) -> tuple[Part, Verification]:
    result = Verification.from_json(raw)
    return Part.of(result.claim, raw["strategy"], raw["part"], dict(raw["run"])), result


def _digest(raw: Mapping[str, Any]) -> str:
    """Return a digest of a record's parts, settings and versions that does not depend on computing times."""
    apart = [{name: x for name, x in part.items() if name != "seconds"} for part in raw["parts"]]
    content = {"parts": apart, "config": raw["config"], "versions": raw["versions"]}
    return fingerprint(content)


@dataclass(frozen=True, slots=True)
class Record:
    """Results by part of the work, and the claims and settings of the runs that computed them."""

    results: Results
    configs: tuple[Mapping[str, Any], ...]

    @property
    def claims(self) -> list[str]:
        there = {part.claim for part in self.results}
        return [name for name in CLAIMS if name in there]

    def unfinished(self) -> set[str]:
        """Return the ids of the claims for which a run in ``configs`` has parts without a result."""
        runs = [(c["claims"], Run.of({k: x for k, x in c.items() if k != "claims"})) for c in self.configs]
        return {part.claim for names, run in runs for part in parts(names, run) if part not in self.results}

    def text(self, claims: Sequence[str], unfinished: Collection[str] = ()) -> str:
        """Return the record as JSON: settings, a verdict for each of ``claims``, versions, then one line per part."""
        verdicts = {n: {**v.to_json(), "finished": n not in unfinished} for n, v in total(claims, self.results).items()}
        config = self.configs[0] if len(self.configs) == 1 else {"runs": list(self.configs)}
        every = [_plain(*item) for item in sorted(self.results.items())]
        content = record("verify", config=config, results=verdicts) | {"schema": SCHEMA, "versions": versions()}
        content["digest"] = _digest(content | {"parts": every})
        write = partial(json.dumps, allow_nan=False)
        head = "".join(f" {write(name)}: {write(value)},\n" for name, value in content.items())
        lines = ",\n  ".join(map(write, every))
        return f'{{\n{head} "parts": [\n  {lines}\n ]\n}}\n'


def read(path: str) -> Record:
    """Return a record that this version of ``ioadapt verify --format json`` wrote.

    Raises:
        FileFormatError: the file cannot be read, is not such a record, was computed by another version, or was changed.
    """
    raw = load(path, "record")
    if raw.get("what") == "verify" and raw.get("schema") != SCHEMA:
        msg = f"{path!r} has schema {raw.get('schema')!r}, but this version reads {SCHEMA}; run `ioadapt verify` again."
        raise FileFormatError(msg)
    try:
        assert raw["what"] == "verify", "it is a record of another command"
        digest, stamp = _digest(raw), dict(raw["versions"])
    except (KeyError, TypeError, AttributeError, AssertionError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        msg = f"{path!r} is not a record of `ioadapt verify --format json`: {reason[:400]}."
        raise FileFormatError(msg) from None
    if digest != raw.get("digest"):
        msg = f"{path!r} was changed after it was written, as its digest shows; run `ioadapt verify` again."
        raise FileFormatError(msg)
    if differ := differences(stamp, versions()):
        msg = f"{path!r} was computed with different versions: {differ}. Run `ioadapt verify` again."
        raise FileFormatError(msg)
    results = dict(map(_parsed, raw["parts"]))
    return Record(results, tuple(raw["config"].get("runs", [raw["config"]])))


def merge(paths: Iterable[str]) -> Record:
    """Return the union of the records in several files, with one result for each part of the work.

    Processors may round differently; if two files have different results for a part, the worse one is used.
    """

    def severity(result: Verification) -> tuple[bool, float, str]:
        worse = result.verdict in {Verdict.REFUTED, Verdict.UNDECIDED}
        return worse, result.worst_ratio, json.dumps(result.to_json())

    results, configs = Results(), dict[str, Mapping[str, Any]]()
    for each in map(read, paths):
        for part, result in each.results.items():
            results[part] = max(results.get(part, result), result, key=severity)
        configs |= {json.dumps(c, sort_keys=True): c for c in each.configs}
    return Record(results, tuple(configs[key] for key in sorted(configs)))
