"""The results of all recorded studies: shares of the gain that copied adapters keep, and tables of errors."""

from html import escape

from toys.page.dots import Dot, plot
from toys.transfer.output import page, table
from toys.transfer.protocol import protocol
from toys.transfer.records import cases, every
from toys.transfer.runs import LORA, SOURCE
from toys.transfer.study import NONE
from toys.transfer.verdicts import endpoint
from toys.transfer.verdicts.carried import RETRAINED

SIDES = ("input", "output", "residual")
ROWS = (NONE, LORA, *SIDES, RETRAINED)
NOTHING = '<p class="note">No full run is recorded in this copy; <code>python toys/molecules.py</code> makes one.</p>\n'


def section() -> str:
    if not every():
        return NOTHING
    tables = "".join(map(_article, every()))
    dots = plot(kept(), "Share of LoRA's gain on the target that copied adapters keep, by study")
    return f"{dots}<details><summary>The tables of errors behind it</summary>\n{tables}</details>\n"


def kept() -> list[tuple[str, list[Dot]]]:
    lines = []
    for study in dict.fromkeys(one.study for one in endpoint.decided()):
        mine = [one for one in endpoint.decided() if one.study == study and one.row in SIDES]
        if mine:
            lora = mine[0].lora
            dots = [Dot("lora", "LoRA", lora.mean, lora.low, lora.high)]
            dots += [Dot(m.row, m.row, m.method.mean, m.method.low, m.method.high, str(m.verdict)) for m in mine]
            lines.append((protocol(study).title, dots))
    return lines


def summary() -> str:
    said = []
    for side in SIDES:
        verdicts = [one.verdict for one in endpoint.decided() if one.row == side]
        counts = ", ".join(f"{word} in {verdicts.count(word)}" for word in endpoint.Verdict if word in verdicts)
        said.append(f"{side} adapters are {counts}")
    return f"compared with a copied LoRA, {'; '.join(said)}"


def _article(study: str) -> str:
    plan, record = protocol(study), every()[study]
    shown = ROWS if set(SIDES) & set(plan.methods) else (NONE, LORA, *plan.methods)
    models, tables = (SOURCE, *plan.related), []
    for case, one in cases(record).items():
        rows = {row: one["rows"][row] for row in shown if row in one["rows"]}
        lines = [[page.label(row), *cells] for row, *cells in table.lines(rows, models, page.cell)]
        measured = ", ".join(part for part in (plan.measure, case) if part)
        caption = f"{measured}; mean ± half of the 95 % interval; lower is better"
        tables.append(table.html(["method", *models], lines, caption))
    return (
        f"<article><h3>{escape(plan.title)}</h3>\n"
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(plan.title)}">{"".join(tables)}</div>\n'
        f'<p class="made">made by <code>{escape(record["config"]["command"])}</code></p></article>\n'
    )
