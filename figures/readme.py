"""``python -m figures.readme``: update the generated sections of pages, the figures in docs/, and docs/index.html."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from figures.__main__ import load
from figures.site import recorded
from ioadapt_theory.claims import CLAIMS, report
from ioadapt_theory.claims.claim import Claim, Origin
from ioadapt_theory.claims.evidence.formal import record
from ioadapt_theory.claims.findings import Verdict
from ioadapt_theory.cli import OK, Parser, guarded
from ioadapt_theory.cli import main as command
from ioadapt_theory.errors import FileFormatError
from toys import two_tokenizers
from toys.common.style import styled, write
from toys.cugan import output as generators
from toys.drift import output as spectrum
from toys.glyphs import sheet
from toys.llm import output as language
from toys.page import front
from toys.transfer import records
from toys.transfer.output import page as pages
from toys.transfer.output import picture
from toys.transfer.protocol import Protocol, names, protocol
from toys.transfer.verdicts import endpoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
FRONT: Final = ROOT / "docs" / "index.html"
MORE: Final = """Read on: <a href="contents.md">the documentation</a>, <a href="claims.md">every claim</a>,
<a href="transfer.md">does it transfer</a>, <a href="report.md">will it move</a>,
<a href="similarity.md">how far apart are two checkpoints</a>,
<a href="formats.md">adapter files of other tools</a>, <a href="troubleshooting.md">troubleshooting</a>.
From a copy of the repository, <code>make docs</code> builds all of it and <code>make demo</code> this page."""
PICTURES: Final = ("fig_8", "fig_3", "prop_2_condition", "fig_2", "speed", "carry")


def claims() -> str:
    """Return a table of the paper's claims, one reading of each, except for those about its tables."""
    head = "| claim | verdict | as printed, or read as | note | witnesses |\n|---|---|---|---|---|\n"
    stated = [c for c in CLAIMS.values() if c.origin is not Origin.OURS and c.amends is None]
    return head + "".join(_row(c) for c in stated if not c.id.endswith(READINGS) and not c.id.startswith("tables"))


READINGS: Final = ("-literal", "-frobenius", "-main")


def _row(claim: Claim) -> str:
    verdict = claim.expected.upper()
    verdict = f"**{verdict}**" if claim.expected is Verdict.REFUTED else verdict
    read = "" if claim.origin is Origin.PRINTED and not claim.reading else f" ({report.reading(claim)})"
    cells = (
        f"`{claim.id}`",
        verdict,
        report.stated(claim) + read,
        report.remark(claim),
        ", ".join(claim.witnesses[:3]),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def studies(written: Callable[[Protocol, Mapping[str, Any]], str], *wanted: str) -> str:
    return "\n".join(written(protocol(name), one) for name, one in records.every().items() if name in wanted)


def kinds(folder: str = "") -> str:
    return endpoint.kinds(lambda name: f"{folder}{'molecules.md' if name == 'molecules' else f'transfer.md#{name}'}")


def formal() -> str:
    said = (
        f"Including alternative readings, corrections and our own statements, this package checks {len(CLAIMS)} claims."
    )
    formal = f"{len(record())} of them are also theorems in Coq (`make proofs`)."
    return f"{said} {formal} The Coq statements are generated from the formulas of the claims.\n"


def drift() -> dict[str, Any]:
    return records.read(records.DATA / "spectrum.json")


def compared(*models: str) -> str:
    """Return the command ``ioadapt similarity`` for named models, and its output, as a Markdown block."""
    with patch.dict(os.environ, COLUMNS="100"), redirect_stdout(StringIO()) as said:
        command(["similarity", *models, "--quiet"])
    return f"```\n$ ioadapt similarity {' '.join(models)}\n{said.getvalue()}```\n"


SECTIONS: Final[dict[str, Callable[[], str]]] = {
    "claims": claims,
    "molecules": partial(studies, pages.summary, "molecules"),
    "transfer": partial(studies, pages.summary, *(name for name in names() if name != "molecules")),
    "tables": partial(studies, pages.details, *names()),
    "formal": formal,
    "studies": partial(kinds, "docs/"),
    "kinds": kinds,
    "results": endpoint.results,
    "spectrum": lambda: spectrum.section(drift()),
    "products": recorded.products,
    "carry": recorded.carry,
    "tokenizers": two_tokenizers.section,
    "smollm": language.section,
    "upscalers": generators.section,
    "compared": partial(compared, "ani-1x:0", "ani-1ccx:0", "ani-1x:1"),
}
_SECTION: Final = re.compile(
    r"(<!-- ([a-z-]+): written by python -m figures\.readme -->\n).*?(<!-- end of \2 -->)", re.DOTALL
)


def filled(text: str) -> str:
    return _SECTION.sub(_written, text)


def _written(section: re.Match[str]) -> str:
    begin, name, end = section.groups()
    if name not in SECTIONS:
        msg = f"Unknown generated section {name!r}; choose one of {', '.join(SECTIONS)}."
        raise FileFormatError(msg)
    return f"{begin}{SECTIONS[name]()}{end}"


def main(argv: list[str] | None = None) -> int:
    def body() -> int:
        Parser(prog="python -m figures.readme", description=__doc__).parse_args(argv)
        for page in PAGES:
            page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
        for name in PICTURES:
            data = (module := load(name)).compute()
            _drawn(name, partial(module.draw, data))
            if name == "fig_8":
                front.write(FRONT, data, MORE)
        for name, one in records.every().items():
            plan = protocol(name)
            _drawn(name, partial(picture.draw, plan, one))
            if "samples" in one:
                _drawn(f"{name}_samples", partial(sheet.draw, plan, one))
        for name, one in language.recorded().items():
            _drawn(name, partial(language.draw, one))
        if generators.RECORD.exists():
            _drawn("upscalers", lambda: generators.draw(records.read(generators.RECORD)))
        _drawn("spectrum", lambda: spectrum.draw(drift()))
        return OK

    return guarded("figures.readme", body)


def _drawn(name: str, draw: Callable[[], Figure]) -> None:
    with styled(), TemporaryDirectory(dir=ROOT / "docs") as folder:
        _, png = write(draw(), folder, name)
        png.replace(ROOT / "docs" / png.name)


if __name__ == "__main__":
    sys.exit(main())
