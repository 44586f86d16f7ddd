"""The results of a study for its page, for the page of all tables, and for the screen."""

from collections.abc import Mapping
from statistics import mean
from typing import Any, Final

import numpy as np

from toys.common.stats import Interval, holm, t_test
from toys.common.style import LABELS
from toys.transfer.output import table
from toys.transfer.protocol import Protocol
from toys.transfer.records import carried_over, cases
from toys.transfer.runs import LORA, SOURCE
from toys.transfer.study import NONE
from toys.transfer.verdicts import carried, endpoint, repetition
from toys.transfer.verdicts.carried import RETRAINED

WIDEST: Final = 8
"""Maximum number of targets in one table."""
ERRORS: Final = {
    "kcal/mol": "the root mean square error on test molecules, in kcal/mol",
    "distance": "the distance (1 minus the cosine) between features of the generated and of the real glyph",
    "misread": "the share of the generated glyphs that a classifier misreads",
    "1 - SSIM": "1 minus the structural similarity (SSIM) of the generated glyph to the glyph whose edges were given",
    "edges missed": "1 minus the F1 score of the edge pixels (edges missed)",
}
"""Measure -> its meaning."""


def headline(plan: Protocol, result: Mapping[str, Any], *, alone: bool = False) -> str:
    """Return a study's result in one line: the shares of the gain that copied adapters keep.

    Args:
        plan: the study's protocol.
        result: the study's results.
        alone: whether to correct p-values within this study only; used for results that are not recorded yet.
    """
    decided = endpoint.endpoints({plan.name: plan}, {plan.name: result}) if alone else endpoint.decided()
    return endpoint.headline(plan, result, decided)


def section(plan: Protocol, result: Mapping[str, Any]) -> str:
    """Return the section on a study for the screen, in Markdown."""
    said = headline(plan, result, alone=True)
    return "\n".join([f"## {plan.name}", "", f"{about(plan, result)}", "", f"**{said}.**", "", tables(plan, result)])


def about(plan: Protocol, result: Mapping[str, Any]) -> str:
    small = f" ({plan.paper} at small scale)" if plan.paper else ""
    count = len(next(iter(cases(result).values()))["rows"][NONE][SOURCE])
    error = f"The error is {_meaning(plan.measure)}; lower is better"
    return f"{plan.title}{small}. {error}. There are {count} {plan.replicates}."


def summary(plan: Protocol, result: Mapping[str, Any]) -> str:
    """Return the section on a recorded study for its page, in Markdown; ``results.md`` has its ``details``."""
    alt = f"Chart for the study {plan.name}: the share of its gain that each copied adapter keeps, by target"
    lines = [
        f"## {plan.name}", "", about(plan, result), "", f"**{headline(plan, result)}.**", "",
        f"![{alt}]({plan.name}.png)", "", *(_samples(plan, result) if "samples" in result else ()),
    ]  # fmt: skip
    for case, one in cases(result).items():
        lines += [f"- {f'**{case}.** ' if case else ''}{line}" for line in controls(plan, one["rows"])]
    if found := carried_over(plan.name):
        lines += ["", carried.sentence(plan, found, len(found["config"]["seeds"]))]
    return "\n".join([*lines, "", f"[All tables](results.md#{plan.name}): `{plan.command}`"]) + "\n"


def details(plan: Protocol, result: Mapping[str, Any]) -> str:
    """Return the tables of a recorded study, in Markdown."""
    lines = [f"## {plan.name}", "", about(plan, result), "", tables(plan, result)]
    if found := carried_over(plan.name):
        words = (
            "What a copied and a carried-over LoRA keep of its gain on the source; predicted shares are in brackets:"
        )
        lines += [words, "", *table.markdown(*carried.lines(plan, found), numbers=True), ""]
    made = f"These results were recorded with: {repetition.made_on(result)}."
    return "\n".join([*lines, f"    {plan.command} --quick", f"    {plan.command}", "", made]) + "\n"


def tables(plan: Protocol, result: Mapping[str, Any]) -> str:
    lines = [*_differences(plan, result), "Mean errors, ± half the width of the 95 % interval:"]
    for case, one in cases(result).items():
        lines += ["", *([f"{case}:", ""] if case else ()), *_table(plan, one["rows"])]
        lines += ["", *_best(plan, one["rows"]), _rates(one["rates"])]
    for case, one in cases(result).items():
        for what, rows in one.get("also", {}).items():
            of = f" ({case})" if case else ""
            also = f"The next table{of} shows a further error: {_meaning(what)}."
            lines += ["", also, "", *_table(plan, rows)]
    return "\n".join([*lines, "", *_retained(plan, result)])


def _differences(plan: Protocol, result: Mapping[str, Any]) -> list[str]:
    """Return a table of the differences between the shares that copied methods keep, paired by seed."""
    if not endpoint.can_be_formed(plan, result):
        return []
    lines = []
    for row, method in plan.methods.items():
        if row != method.against:
            other, own, lead = endpoint.shares(plan, result, row, method.against)
            gaps = (Interval.of(own - other), Interval.of(own - other - lead))
            lines.append([f"{label(row)} minus {label(method.against)}", *map(str, gaps)])
    head = ["methods", "difference of the shares", "minus the difference on the source"]
    return [*table.markdown(head, lines, numbers=True), ""]


def _meaning(measure: str) -> str:
    return ERRORS.get(measure, measure)


def _samples(plan: Protocol, result: Mapping[str, Any]) -> list[str]:
    ceiling = (f"{Interval.of(of).mean:.3f} ({what})" for what, of in result["samples"]["ceiling"].items())
    said = (
        "For comparison, real glyphs were drawn a second time, with other random variations, and evaluated like"
        f" generated glyphs: their errors are {' and '.join(ceiling)}."
        " Generated glyphs are not expected to have lower errors."
    )
    alt = "Glyphs that each model generates without an adapter, with copied adapters, and with a LoRA trained on it"
    return [f"![{alt}]({plan.name}_samples.png)", "", said, ""]


def label(row: str) -> str:
    method, comma, rest = row.partition(",")
    return LABELS.get(method, method) + comma + rest


def controls(plan: Protocol, rows: Mapping[str, Any]) -> list[str]:
    said = []
    for target, method in plan.exact.items():
        worst = float(np.abs(np.subtract(rows[method][target], rows[method][SOURCE])).max())
        lora = np.subtract(rows[LORA][target], rows[LORA][SOURCE]).mean()
        rounding = f", apart from rounding (about {worst:.0e})" if worst else ""
        said.append(
            f"The target `{target}` computes the same function as the source. Copied `{method}` adapters have the same"
            f" error on both models{rounding}. The error of a copied LoRA is {abs(lora):.3f}"
            f" {'higher' if lora > 0 else 'lower'} on the target than on the source, on average."
        )
    return said + [_stranger(plan, rows, target) for target in plan.strangers]


def _stranger(plan: Protocol, rows: Mapping[str, Any], target: str) -> str:
    gains = {row: np.subtract(rows[row][target], rows[NONE][target]) for row in plan.methods}
    tested = zip(gains, map(Interval.of, gains.values()), holm([t_test(gain) for gain in gains.values()]), strict=True)
    lower = [
        (f"{row} ({gain.mean:+.3f} ± {gain.half_width:.3f}, corrected p = {p:.2g})", p)
        for row, gain, p in tested
        if gain.high < 0
    ]
    sure, unsure = ([text for text, p in lower if (p < 1 - plan.rule.level) == wanted] for wanted in (True, False))
    what = f"these copied adapters reduce the error: {', '.join(sure)}"
    what = what if sure else "we found no evidence that a copied adapter helps"
    before = " Only without the correction for the number of methods do these copies reduce the error significantly:"
    more = f"{before} {', '.join(unsure)}." if unsure else ""
    own = [row for row, method in plan.methods.items() if method.match == "rank" and not method.table]
    kept = {row: _kept(rows, row, target, RETRAINED) for row in own}
    shares = ", ".join(f"{label(row)} {share}" for row, share in kept.items() if share)
    of = f" The gains of the copies, divided by the gain of a LoRA trained on this target, are: {shares}."
    return f"On the target `{target}`, which was trained independently, {what}.{more}{of if shares else ''}"


def _table(plan: Protocol, rows: Mapping[str, Any]) -> list[str]:
    parts = {"": (SOURCE, *plan.targets)}
    if len(plan.targets) > WIDEST:
        parts = {"": (SOURCE, *plan.related), "same function, or trained independently": (*plan.exact, *plan.strangers)}
    written = []
    for title, models in parts.items():
        lines = [[label(row), *cells] for row, *cells in table.lines(rows, models, cell)]
        written += ["", *table.markdown([title, *models], lines, numbers=True)]
    return written[1:]


def cell(values: list[float]) -> str:
    x = Interval.of(values)
    return f"{x.mean:.3f} ± {x.half_width:.3f}"


def _kept(rows: Mapping[str, Any], row: str, target: str, ceiling: str) -> Interval | None:
    """Return the mean of (none - moved) / (none - best) over seeds; None if ``ceiling`` is missing for a seed."""
    if None in rows.get(ceiling, {}).get(target, [None]):
        return None
    none, moved, best = (np.asarray(rows[r][target], dtype=float) for r in (NONE, row, ceiling))
    return Interval.of((none - moved) / (none - best))


def _best(plan: Protocol, rows: Mapping[str, Any]) -> list[str]:
    """Return a table of each method's means on the source and related targets, each at its best strength there."""
    if not any(" x " in row for row in rows):
        return []
    lines = [[label(m), *(_at_best(rows, m, model) for model in (SOURCE, *plan.related))] for m in plan.methods]
    head = ["lowest error x the strength of the adapter that gives it", SOURCE, *plan.related]
    return [*table.markdown(head, lines, numbers=True), ""]


def _at_best(rows: Mapping[str, Any], method: str, model: str) -> str:
    some = [row for row in rows if row == method or (row.startswith(f"{method} x ") and model in rows[row])]
    best = min(some, key=lambda row: mean(rows[row][model]))
    return f"{mean(rows[best][model]):.3f} x {best.partition(' x ')[2] or '1'}"


def _rates(rates: Mapping[str, Any]) -> str:
    edges = [name for name, one in rates.items() if not one["interior"]]
    chosen = {label(name): f"{one['rate']:g}" for name, one in rates.items()}
    same = dict.fromkeys(chosen.values())
    said = "; ".join(f"{rate} for {', '.join(n for n, one in chosen.items() if one == rate)}" for rate in same)
    said = (
        f"The learning rate of all methods is {said.split()[0]}."
        if len(same) == 1
        else f"The learning rates are {said}."
    )
    edge = "For these methods, a higher or lower learning rate may be better:"
    return f"{said} {edge} {', '.join(edges)}." if edges else said


def _retained(plan: Protocol, result: Mapping[str, Any]) -> list[str]:
    lines = []
    for case, one in cases(result).items():
        for row in plan.methods:
            if f"{row}, retrained" in one["rows"]:
                kept = [_kept(one["rows"], row, t, f"{row}, retrained") for t in plan.related]
                name = f"{label(row)}, {case}" if case else label(row)
                lines.append([name, *("" if k is None else str(k) for k in kept)])
    head = ["gain of the copy, divided by that of the same method trained on the target", *plan.related]
    return [*table.markdown(head, lines, numbers=True), ""] if lines else []
