"""Tables of a study: the same lines on the screen, in columns, and on a page, in Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Values = Sequence[float | None] | None
"""Of one model by seed; None for a seed whose training diverged, and for a model that a row leaves out."""


def lines(rows: Mapping[str, Any], models: Sequence[str], cell: Callable[[list[float]], str]) -> list[list[str]]:
    """Return a line for every row at full strength that has values of any of the models.

    Args:
        rows: row -> model -> values by seed; a row at another strength has " x " in its name.
        models: the columns.
        cell: how the values of a cell are written.

    Returns:
        For every row its name and its cells, "diverged" where a seed has no value.
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
    """Return the lines of a Markdown table; with ``numbers`` all columns but the first are aligned to the right."""
    rule = ["---", *(["---:" if numbers else "---"] * (len(head) - 1))]
    return [f"| {' | '.join(line)} |" for line in (head, rule, *table)]


def columns(head: Sequence[str], table: Iterable[Sequence[str]], cell: int) -> list[str]:
    """Return the lines of a table for the screen: the first column as wide as it has to be, the others ``cell``."""
    table = [[head[0], *(name[: cell - 1] for name in head[1:])], *table]
    first = max(len(line[0]) for line in table) + 1
    return [f"{line[0]:{first}}" + "".join(f"{text:>{cell}}" for text in line[1:]) for line in table]
