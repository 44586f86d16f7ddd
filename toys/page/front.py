"""The page itself: text of ``front.html``, looks of ``front.css``, sliders of ``front.js``; numbers are computed."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from ioadapt_theory.cli import main as command
from ioadapt_theory.results import replacing
from toys.page import claims, crescent, moving, transfer
from toys.page.example import EXAMPLE

HERE: Final = Path(__file__).parent
MODELS: Final = ("ani-1x:0", "ani-1ccx:0")
MORE: Final = "Read on: <code>README.md</code>; <code>make docs</code> builds the documentation."
COLUMNS: Final = 90
"""Characters of a line that the page shows beside each other."""
_HOLE: Final = re.compile(r"\{\{([a-z-]+)\}\}")


def html(plane: Mapping[str, Any], more: str = MORE) -> str:
    """Return the whole page.

    Args:
        plane: what ``toys.crescent.run`` returned, for the case of the same function in other weights.
        more: where to read on, in HTML.
    """
    moving_crescent = rounded(crescent.data(plane))
    filled = {
        "style": (HERE / "front.css").read_text(encoding="utf-8"),
        "script": (HERE / "front.js").read_text(encoding="utf-8"),
        "data": json.dumps(moving_crescent, ensure_ascii=False).replace("</", "<\\/"),
        "panels": crescent.panels(moving_crescent),
        "claim-rows": claims.rows(),
        "results": transfer.section(),
        "summary": transfer.summary(),
        "carried": moving.section(),
        "moves": str(moving.count()),
        "example": escape(EXAMPLE),
        "report-command": escape(f"ioadapt report {' '.join(MODELS)}"),
        "report": _wrapped(reported()),
        "more": more,
        **claims.counts(),
    }
    return _HOLE.sub(lambda hole: filled[hole[1]], (HERE / "front.html").read_text(encoding="utf-8"))


def reported() -> str:
    """Return what the command says of a fine-tuned pair that a package ships."""
    with patch.dict(os.environ, COLUMNS=str(COLUMNS)), redirect_stdout(StringIO()) as said:
        command(["report", *MODELS])
    return said.getvalue()


def _wrapped(said: str) -> str:
    """Return text of a terminal in HTML: tables scroll, and long sentences wrap."""
    lines = (
        f'<span class="long">{escape(line)}</span>' if len(line) > COLUMNS else f"{escape(line)}\n"
        for line in said.splitlines()
    )
    return "".join(lines)


def rounded(value: Any) -> Any:
    """Round all numbers to nine digits, so that machines which round differently write the same page."""
    match value:
        case float():
            return float(f"{value:.9g}")
        case dict():
            return {key: rounded(inner) for key, inner in value.items()}
        case list() | tuple():
            return [rounded(inner) for inner in value]
        case _:
            return value


def write(path: Path, plane: Mapping[str, Any], more: str = MORE) -> Path:
    """Write the page, whole or not at all."""
    text = html(plane, more)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
