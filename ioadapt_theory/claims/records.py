"""The journal of `ioadapt verify`: a file with the results so far, from which an interrupted run is resumed."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ioadapt_theory.claims.claim import Run
from ioadapt_theory.claims.evidence.findings import Finding, Verification
from ioadapt_theory.claims.verifying import Part, Results, parts, versions
from ioadapt_theory.results import fingerprint

UNSAVED = "The finished parts of this run cannot be read or saved ({}); give a different folder with --resume-from."


def default_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ioadapt-theory" / "verify"


class Journal:
    """The file in which `ioadapt verify` keeps the results of the work done so far, one line of JSON per part.

    If the file cannot be read or written, the journal passes the reason to ``warn`` and sets ``broken``, and the run
    continues without it.
    """

    def __init__(self, folder: Path, claims: Sequence[str], run: Run, warn: Callable[[str], Any]) -> None:
        """Set the path, a file in ``folder`` named after a digest of the claims, the settings and the versions."""
        self.todo = [*parts(claims, run)]
        name = fingerprint({"claims": list(claims), "run": asdict(run), "versions": versions()})
        self.path, self.warn, self.broken = folder / f"{name}.jsonl", warn, False

    @contextmanager
    def _kept(self, message: str = UNSAVED) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.broken = True
            reason = f"{error.filename or self.path.parent}: {error.strerror or error}"
            self.warn(message.format(reason))

    def read(self) -> Results:
        """Return the results of parts of this run; a line that is not one is skipped, so its part is computed again."""
        done, text = Results(), ""
        with self._kept():
            text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        for line in text.splitlines():
            try:
                part, result = _parsed(line)
                done[part] = result
            except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
                continue
        return {part: done[part] for part in self.todo if part in done}

    def add(self, part: Part, result: Verification) -> None:
        """Append the result of a part on a new line, even if the last line was truncated."""
        if not self.broken:
            content = part._asdict() | {"seconds": result.seconds, "findings": result.to_json()["findings"]}
            with self._kept():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write("\n" + json.dumps(content) + "\n")

    def remove(self) -> None:
        if not self.broken:
            with self._kept("The saved parts of this finished run cannot be deleted ({}); delete the file yourself."):
                self.path.unlink(missing_ok=True)


def _parsed(line: str) -> tuple[Part, Verification]:
    raw = json.loads(line)
    result = Verification.from_json(raw)
    for kind, finding in result.findings.items():
        json.dumps((Finding(kind=kind) | finding).to_json(), allow_nan=False)  # fails unless the values add up
    json.dumps(0.0 + result.seconds, allow_nan=False)
    return Part(result.claim, raw["strategy"], raw["run"]), result
