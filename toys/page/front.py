"""The page: text from ``front.html``, style from ``front.css``, sliders from ``front.js``, and computed numbers."""

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
from ioadapt_theory.outputs import replacing
from toys.page import claims, crescent, moving, transfer
from toys.page.example import EXAMPLE
from toys.transfer.records import rounded

HERE: Final = Path(__file__).parent
MODELS: Final = ("ani-1x:0", "ani-1ccx:0", "ani-1x:1")
MORE: Final = "Read on: <code>README.md</code>; <code>make docs</code> builds the documentation."
COLUMNS: Final = 90
"""Width of a table on the page, in characters; longer lines wrap."""
_HOLE: Final = re.compile(r"\{\{([a-z-]+)\}\}")


def html(plane: Mapping[str, Any], more: str = MORE) -> str:
    """Return the whole page in HTML.

    Args:
        plane: the result of ``toys.crescent.run`` for ``Case.SAME_FUNCTION``.
        more: links to further reading, in HTML.
    """
    moving_crescent = rounded(crescent.data(plane), digits=9)  # on all machines the same page
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
        "compare-command": escape(f"ioadapt similarity {' '.join(MODELS)}"),
        "compared": _wrapped(compared()),
        "more": more,
        **claims.counts(),
    }
    return _HOLE.sub(lambda hole: filled[hole[1]], (HERE / "front.html").read_text(encoding="utf-8"))


def compared() -> str:
    with patch.dict(os.environ, COLUMNS=str(COLUMNS)), redirect_stdout(StringIO()) as said:
        command(["similarity", *MODELS, "--quiet"])
    return said.getvalue()


def _wrapped(said: str) -> str:
    lines = (
        f'<span class="long">{escape(line)}</span>' if len(line) > COLUMNS else f"{escape(line)}\n"
        for line in said.splitlines()
    )
    return "".join(lines)


def write(path: Path, plane: Mapping[str, Any], more: str = MORE) -> Path:
    text = html(plane, more)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
