"""Tables of a study in Markdown, aligned for a terminal, or in HTML."""

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

Values = Sequence[float | None] | None
"""Values of one model by seed; None for a seed whose training diverged, and for a model without values."""
WIDTH: Final = 120
"""Maximum number of characters in a line of text on a terminal."""
WIDEST: Final = 160
"""Maximum number of characters in a line of a table on a terminal; wider tables are shown as lists."""
_TABLE: Final = re.compile(r"(?:^\|.*\n?)+", re.MULTILINE)


def lines(rows: Mapping[str, Any], models: Sequence[str], cell: Callable[[list[float]], str]) -> list[list[str]]:
    """Return a line for every row that is at full strength and has values for at least one of the models.

    Args:
        rows: row -> model -> values by seed; rows at other strengths have " x " in their names.
        models: the columns.
        cell: function that formats the values of a cell.

    Returns:
        The name and the cells of every row, with "diverged" if a seed has no value.
    """
    table = [
        [row, *(_written(values.get(model), cell) for model in models)]
        for row, values in rows.items()
        if " x " not in row
    ]
    return [line for line in table if any(line[1:])]


def _written(values: Values, cell: Callable[[list[float]], str]) -> str:
    if values is None:
        return ""
    known = [value for value in values if value is not None]
    return cell(known) if len(known) == len(values) else "diverged"


def markdown(head: Sequence[str], table: Iterable[Sequence[str]], *, numbers: bool = False) -> list[str]:
    """Return the lines of a Markdown table; with ``numbers``, all columns except the first are right-aligned."""
    rule = ["---", *(["---:" if numbers else "---"] * (len(head) - 1))]
    return [f"| {' | '.join(line)} |" for line in (head, rule, *table)]


def html(head: Sequence[str], table: Iterable[Sequence[str]], caption: str) -> str:
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{escape(line[0])}</th>' + "".join(f"<td>{escape(c)}</td>" for c in line[1:]) + "</tr>\n"
        for line in table
    )
    heads = f"<thead><tr>{columns}</tr></thead>"
    return f'<table class="errors"><caption>{escape(caption)}</caption>{heads}<tbody>\n{body}</tbody></table>'


def terminal(text: str) -> str:
    """Return Markdown formatted for a terminal: aligned tables or lists, wrapped paragraphs, no bold type."""
    shown, end = [], 0
    for found in _TABLE.finditer(text):
        shown += [_wrapped(text[end : found.start()]), _columns(found[0])]
        end = found.end()
    return "".join([*shown, _wrapped(text[end:])])


def _columns(table: str) -> str:
    head, _, *rest = [line[2:-2].split(" | ") for line in table.splitlines()]
    cells = [head, *rest]
    first, *others = (max(map(len, column)) for column in zip(*cells, strict=True))
    shown = [
        f"{line[0]:{first}}" + "".join(f"  {c:>{w}}" for c, w in zip(line[1:], others, strict=True)) for line in cells
    ]
    if len(shown[0]) > WIDEST:
        return _wrapped("\n".join(f"- {line[0]}: {_named(head[1:], line[1:])}." for line in rest))
    return "".join(f"{line.rstrip()}\n" for line in shown)


def _named(names: Sequence[str], values: Sequence[str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True) if value)


def _wrapped(text: str) -> str:
    wrapped = [
        textwrap.fill(line, WIDTH, subsequent_indent="  " * line.startswith("- "))
        for line in text.replace("**", "").splitlines()
    ]
    return "".join(f"{line}\n" for line in wrapped)
