"""The table of claims: verdicts from the registry, and plain words from ``claims.toml``."""

import tomllib
from html import escape
from pathlib import Path
from typing import Final

from ioadapt_theory.claims import CLAIMS, Verdict

LINES: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
"""Claim -> ``says``: the paper's statement in plain words; ``true``: whether and how it holds."""


def rows() -> str:
    return "".join(_row(name, **words) for name, words in LINES.items())


def _row(name: str, says: str, true: str) -> str:
    verdict = CLAIMS[name].expected
    mark = {Verdict.PROVED: "✓", Verdict.REFUTED: "✗"}.get(verdict, "?")
    return (
        f'<tr><td><span class="verdict {verdict}"><span aria-hidden="true">{mark}</span> {verdict}</span></td>'
        f"<td>{escape(says)} {escape(true)}</td><td><code>ioadapt claims {name} --proof</code></td></tr>\n"
    )


def counts() -> dict[str, str]:
    verdicts = [claim.expected for claim in CLAIMS.values()]
    return {"claims": str(len(verdicts)), **{str(v): str(verdicts.count(v)) for v in Verdict}}
