"""What a study says on the screen: the table, what the seeds decide, and the paper's own figures as signs."""

import textwrap
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any, Final

from ioadapt_theory.stats import Interval
from toys.transfer.judge import Comparison, Verdict, claim, comparisons, retention
from toys.transfer.protocol import Protocol
from toys.transfer.runs import SOURCE
from toys.transfer.study import NONE

WIDTH: Final = 120


def text(protocol: Protocol, result: Mapping[str, Any], seeds: int) -> str:
    """The whole screen."""
    rows = result["rows"]
    found = comparisons(protocol, rows)
    lines = [
        f"{protocol.title} ({protocol.paper} in small).",
        f"{protocol.measure} on the task, mean over {seeds} {protocol.replicates}; lower is better. Adapters learn on the source.",
        "",
        *_table(protocol, rows),
        "",
        *_rates(protocol, result["rates"]),
        "",
        f"Against copied LoRA, paired by seed, corrected over the {len(found)} cells (Holm); margin {protocol.margin:g}:",
        *(f"  {line}" for row in dict.fromkeys(c.row for c in found) for line in _said(row, found, protocol)),
        "",
        *_exact(protocol, rows),
        *_strangers(protocol, rows),
    ]
    return "\n".join(lines) + "\n"


def _table(protocol: Protocol, rows: Mapping[str, Any]) -> list[str]:
    models = (SOURCE, *protocol.targets)
    width = max(len(row) for row in rows) + 1
    head = " " * width + "".join(f"{model[:10]:>11}" for model in models)
    body = [row.ljust(width) + "".join(_cell(values.get(model)) for model in models) for row, values in rows.items()]
    return [head, *body]


def _cell(values: Sequence[float | None] | None) -> str:
    if values is None:
        return f"{'':>11}"
    return f"{'diverged':>11}" if None in values else f"{mean(values):11.3f}"  # type: ignore[type-var]


def _rates(protocol: Protocol, rates: Mapping[str, Any]) -> list[str]:
    inside = ", ".join(f"{name} {one['rate']:g}" for name, one in rates.items())
    edges = [name for name, one in rates.items() if not one["interior"]]
    said = f"Learning rates, best on the source's validation: {inside}."
    said += f" At an edge of the grid, so without a verdict: {', '.join(edges)}." if edges else ""
    ranks = ", ".join(f"{name} {m.rank} ({rates[name]['numbers']} numbers)" for name, m in protocol.methods.items())
    return textwrap.wrap(f"{said} Ranks: {ranks}.", WIDTH)


def _said(row: str, found: Sequence[Comparison], protocol: Protocol) -> list[str]:
    mine = [c for c in found if c.row == row]
    cells = "; ".join(f"{c.target} {c.difference.mean:+.3f} ± {c.difference.half_width:.3f} {c.verdict}" for c in mine)
    power = max(c.detectable for c in mine)
    said = (
        f"{row}: {claim(mine)}. {cells}. Beyond the source's own difference: "
        f"{', '.join(f'{c.beyond_source.mean:+.3f}' for c in mine)}. "
        f"Found with power {protocol.rule.power:g}: {power:.3f}."
    )
    return textwrap.wrap(said, WIDTH - 2, subsequent_indent="  ")


def _exact(protocol: Protocol, rows: Mapping[str, Any]) -> list[str]:
    """On the same function in other weights one method has to be exact."""
    said = []
    for target, method in protocol.exact.items():
        worst = max(abs(a - b) for a, b in zip(rows[method][target], rows[method][SOURCE], strict=True))
        lora = Interval.of(rows["lora"][target]).mean - Interval.of(rows["lora"][SOURCE]).mean
        said.append(
            f"Same function, other weights ({target}): {method} moves without loss (differs by {worst:.1e} at most),"
            f" LoRA loses {lora:+.3f}."
        )
    return said


def _strangers(protocol: Protocol, rows: Mapping[str, Any]) -> list[str]:
    said = []
    for target in protocol.strangers:
        none = mean(rows[NONE][target])
        helped = [
            r
            for r in protocol.methods
            if Interval.of([m - n for m, n in zip(rows[r][target], rows[NONE][target], strict=True)]).high < 0
        ]
        said.append(
            f"Trained apart ({target}, {none:.3f} without adapter): "
            + (f"helped by {', '.join(helped)}." if helped else "nothing that was moved helps.")
        )
    return said


__all__ = ["Verdict", "retention", "text"]
