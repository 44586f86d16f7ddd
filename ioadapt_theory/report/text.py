"""The report on one screen."""

from collections.abc import Sequence

from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.rules.verdict import THRESHOLDS, Word
from ioadapt_theory.null import Null
from ioadapt_theory.report.assemble import Report
from ioadapt_theory.report.effect import Effect
from ioadapt_theory.report.layers import LayerPair

ROWS = 10
"""Layers shown; the page and the JSON have all."""


def to_text(report: Report) -> str:
    """What the terminal shows; the last line is the answer.

    Example:
        >>> import copy
        >>> from torch import nn
        >>> from ioadapt_theory.report import report, to_text
        >>> model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48))
        >>> to_text(report(model, copy.deepcopy(model))).startswith("source -> target: same")
        True
    """
    lines = [
        f"{report.names[0]} -> {report.names[1]}: {report.kinship}",
        counts(report),
        "",
        *aligned(table(_chosen(report.layers))),
    ]
    if len(report.layers) > ROWS:
        lines.append(f"... {len(report.layers)} layers in all: --format json or --html")
    lines += ["", *aligned(summary(report))]
    lines += [f"{name}: not moved, {why}" for name, why in list(report.lost.items())[:3]]
    if report.effect is not None:
        lines += ["", f"on the inputs: {told(report.effect)}"]
    lines += ["", *(f"or: {advice}" for advice in report.advice[1:4]), report.last]
    return "\n".join(lines) + "\n"


def counts(report: Report) -> str:
    """What both have, what only one has, what of the adapter fits."""
    parts = [f"{len(report.layers)} layers in both"]
    for name, some in ((report.names[0], report.missing), (report.names[1], report.extra)):
        if some:
            parts.append(f"{len(some)} only in {name} ({', '.join(some[:2])}{', ...' if len(some) > 2 else ''})")
    having = sum(bool(pair.parts) for pair in report.layers)
    if having or report.lost:
        fit = having - sum(name in report.lost for name in (pair.name for pair in report.layers))
        parts.append(f"{fit} of {having + len(set(report.lost) - {p.name for p in report.layers})} adapted layers fit")
    return "; ".join(parts)


def _chosen(pairs: Sequence[LayerPair]) -> list[LayerPair]:
    """The adapter's layers first, then those that changed most, in the network's order."""

    def key(pair: LayerPair) -> tuple[bool, float]:
        nulls = [null for null in (pair.sides.input, pair.sides.output) if null is not None]
        least = min((n.excess for n in nulls if n.excess is not None), default=1.0)
        return not pair.parts, round(least, 4)  # layers that changed alike stay in the network's order

    kept = sorted(pairs, key=key)[:ROWS]
    return [pair for pair in pairs if pair in kept]


def table(pairs: Sequence[LayerPair]) -> list[list[str]]:
    """A line a layer, first the heads."""
    adapted = any(pair.parts for pair in pairs)
    heads = ["layer", "size", "weight", "norms", "input (z)", "output (z)"]
    lines = [[*heads, "adapter, its directions" if adapted else "input / output / weight"]]
    for pair in pairs:
        weight, norms = number(pair.sides.cosine), number(pair.sides.ratio)
        sides = [side(null) for null in (pair.sides.input, pair.sides.output)]
        if adapted:
            met = (
                f"{p.placement} {p.verdict.word}{'' if p.met is None else f', {number(p.met.excess)}'}"
                for p in pair.parts
            )
            last = "; ".join(met)
        else:
            last = " / ".join(pair.verdicts[p].word for p in (Placement.INPUT, Placement.OUTPUT, Placement.WEIGHT))
        lines.append([shown(pair.name), f"{pair.size[0]} -> {pair.size[1]}", weight, norms, *sides, last])
    return lines


def summary(report: Report) -> list[list[str]]:
    """How many layers have each word, first the heads."""
    lines = [["", *Word]]
    adapted = report.words()
    if adapted:
        lines.append(["the adapter", *(str(adapted[word]) for word in Word)])
    for placement in Placement:
        words = report.words(placement)
        lines.append([f"a {placement} adapter" if placement is Placement.WEIGHT else f"an {placement} adapter"])
        lines[-1] += [str(words[word]) for word in Word]
    first = next((pair.before for pair in report.layers if pair.before is not None), None)
    return lines if first is None else [*lines, [f"first changed layer: {first} (shared from {THRESHOLDS.before:g})"]]


def told(effect: Effect) -> str:
    """The adapter's effect there beside that here."""
    return (
        f"cosine of its effects {effect.cosine:.3f}, size {effect.ratio:.3f} of that on the source, kept"
        f" {effect.kept:.3f}; best strength {effect.strength:.3f}"
    )


def side(null: Null | None) -> str:
    """Excess and z."""
    if null is None:
        return "-"
    z = "-" if null.z is None else f"{round(null.z)}"
    return f"{number(null.excess)} ({z})"


def shown(name: str) -> str:
    """A name as it fits a line: its two ends where it is long."""
    return name if len(name) <= 40 else f"{name[:18]}…{name[-21:]}"


def number(value: float | None) -> str:
    """Two digits, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Columns, the first to the left; a line of one cell stands alone."""
    widths = [max(map(len, column)) for column in zip(*(line for line in lines if len(line) > 1), strict=True)]
    found = []
    for line in lines:
        cells = [cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=False)]
        found.append("  ".join([line[0].ljust(widths[0]) if cells else line[0], *cells]).rstrip())
    return found
