"""Does it transfer: every recorded experiment of ``toys/data`` as a headline, a sentence and a table of errors."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.stats import Interval
from toys.transfer import judge
from toys.transfer.protocol import protocol
from toys.transfer.runs import SOURCE
from toys.transfer.said import page as pages
from toys.transfer.study import NONE

DATA: Final = Path(__file__).parents[1] / "data"
SIDES: Final = ("input", "output")
WORDS: Final = {
    "supports": "move better than LoRA",
    "contradicts": "move worse than LoRA",
    "equivalent": "move as LoRA does",
    "undecided": "are not shown to move better than LoRA",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One experiment.

    Attributes:
        title: what was done.
        said: of input and output adapters, a word of ``WORDS`` each.
        counts: side -> in how many cases it did better than LoRA, and how many cases there are.
        measure: unit or name of what is in the table; lower is better.
        rows: method -> model -> error with its interval.
        command: what made it.
    """

    title: str
    said: Mapping[str, str]
    counts: Mapping[str, tuple[int, int]]
    measure: str
    rows: Mapping[str, Mapping[str, Interval]]
    command: str

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        both = set(self.said.values())
        if len(both) == 1:
            return f"Input and output adapters {WORDS[both.pop()]}"
        return "; ".join(f"{side} adapters {WORDS[word]}" for side, word in self.said.items()).capitalize()

    @property
    def sentence(self) -> str:
        """In how many cases, all of them judged together."""
        cases = " and ".join(f"{side} adapters in {k} of {n}" for side, (k, n) in self.counts.items())
        return f"Better than LoRA on the same layers, where all comparisons are to hold at once: {cases}."


def results(folder: Path = DATA) -> list[Result]:
    """Every record in the folder, by name.

    Raises:
        FileFormatError: a record of another kind.
    """
    return [_result(path) for path in sorted(folder.glob("*_record.json"))]


def _result(path: Path) -> Result:
    stored = json.loads(path.read_text(encoding="utf-8"))
    config, found = stored["config"], stored["results"]
    if not {"rows", "cases"} & found.keys():
        msg = f"{path} is no record of an experiment of transfer: its results have neither rows nor cases."
        raise FileFormatError(msg)
    plan = protocol(stored["what"])
    compared = pages.comparisons(plan, found)
    mine = {side: [c for c in compared if c.row == side] for side in SIDES}
    case, first = next(iter(judge.cases(found).items()))
    rows = first["rows"]
    models = (SOURCE, *plan.related)
    shown = [row for row in (NONE, judge.LORA, *SIDES, "lora, retrained") if row in rows]
    said = judge.verdicts(found, compared)
    return Result(
        title=plan.title,
        said={side: str(said[side]) for side, cases in mine.items() if cases},
        counts={side: (sum(c.verdict == "better" for c in cases), len(cases)) for side, cases in mine.items() if cases},
        measure=f"{plan.measure}, {case}" if case else plan.measure,
        rows={pages.label(row): {m: Interval.of(rows[row][m]) for m in models if m in rows[row]} for row in shown},
        command=config["command"],
    )


def section(results: Sequence[Result]) -> str:
    """The results in HTML."""
    return "".join(_article(result) for result in results)


def _article(result: Result) -> str:
    models = list(dict.fromkeys(m for values in result.rows.values() for m in values))
    most = max(interval.mean for values in result.rows.values() for interval in values.values())
    head = "".join(f'<th scope="col">{escape(model)}</th>' for model in models)
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(_cell(values.get(model), most) for model in models)
        + "</tr>\n"
        for label, values in result.rows.items()
    )
    return (
        f"<article><h3>{escape(result.title)}: {escape(result.headline[:1].lower() + result.headline[1:])}</h3>\n"
        f"<p>{escape(result.sentence)}</p>\n"
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(result.title)}, table"><table class="bars">'
        f"<caption>{escape(result.measure)}; mean ± half of the 95 % interval; lower is better</caption>"
        f'<thead><tr><th scope="col">method</th>{head}</tr></thead><tbody>\n{body}</tbody></table></div>\n'
        f'<p class="made">made by <code>{escape(result.command)}</code></p></article>\n'
    )


def _cell(interval: Interval | None, most: float) -> str:
    if interval is None:
        return "<td>–</td>"
    width = 100 * interval.mean / most
    return f'<td><span class="bar" style="width:{width:.1f}%"></span><span>{interval}</span></td>'
