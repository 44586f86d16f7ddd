"""A comparison as the terminal shows it, and what is said beside it."""

from collections.abc import Sequence

from ioadapt_theory.similarity.comparison import SHARED, Comparison, role
from ioadapt_theory.similarity.matching import reasons
from ioadapt_theory.similarity.measures.space import Space
from ioadapt_theory.similarity.report.records import groups


def summary(c: Comparison) -> list[list[str]]:
    """The table of pairs, first line the heads."""
    heads = ["pair", "layers", "parameters", "mean", f"lowest {c.options.lowest:.3g}", "weights", "norms", "biases"]
    spaces = c.options.space is not Space.WEIGHT
    heads += ["unrelated"] * (spaces or c.options.baseline) + ["excess", f"z > {SHARED:.0f}"] * spaces
    heads += ["subspace"] * (c.options.subspace is not None)
    lines = [heads]
    for pair in c.pairs:
        everything, low = c.mean(pair), c.lowest(pair)
        apart = [c.mean(pair, lambda row, r=r: role(row.kind) == r) for r in ("weight", "norm", "bias")]  # type: ignore[misc]
        line = [
            f"{c.labels[pair[0]]} | {c.labels[pair[1]]}",
            str(everything.layers),
            f"{everything.parameters / 1e6:.2f} M",
        ]
        line += [cell(everything.mean), f"{cell(low.mean)} ({low.layers})", *(cell(m.mean) for m in apart)]
        if spaces or c.options.baseline:
            base = c.baseline(pair)
            line.append(f"{cell(base.mean)} ± {base.sd:.1g}" if base else "-")
        if spaces:
            line += [cell(c.excess(pair)), f"{c.shared(pair)} of {everything.layers}"]
        if c.options.subspace is not None:
            line.append(cell(c.subspace(pair)))
        lines.append(line)
    return lines


def grouped(c: Comparison, by: str) -> list[list[str]]:
    """The table of groups, a column a pair."""
    lines = [[by, *(f"{c.labels[i]} | {c.labels[j]}" for i, j in c.pairs)]]
    for name, group in groups(c, by):
        means = [group.mean(pair) for pair in c.pairs]
        lines.append([name, *(f"{cell(m.mean)} ({m.layers})" for m in means)])
    return lines


def cell(value: float | None) -> str:
    """A cosine to four digits; a dash where there is none."""
    return "-" if value is None else f"{value:.4f}"


def heading(c: Comparison) -> str:
    """What the figures are, in one line."""
    what = (
        "cosine of weights"
        if c.options.space is Space.WEIGHT
        else f"cosine of {c.options.space}-side Grams, identity removed"
    )
    what = f"{what}, updates since {c.parent}" if c.parent else what
    mean = "weighted by parameters" if c.options.weighted else "uniform"
    unit = "module" if c.options.modules else "tensor"
    errors = [v.error for row in c.rows for v in row.values.values() if v.error is not None]
    known = f"; rounding changes a layer's cosine by at most {max(errors):.1g}" if errors else ""
    return f"{what}; layer = {unit}, matched by {c.options.match}; {mean} mean{known}"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns of text, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = (
        [line[0].ljust(widths[0])] + [x.rjust(w) for x, w in zip(line[1:], widths[1:], strict=True)] for line in lines
    )
    return "".join("  ".join(row).rstrip() + "\n" for row in rows)


def to_table(c: Comparison, by: Sequence[str] = ()) -> str:
    """What the terminal shows."""
    parts = [heading(c) + "\n", aligned(summary(c)), *(aligned(grouped(c, one)) for one in by)]
    return "\n".join(parts)


def remarks(c: Comparison) -> list[str]:
    """What goes to stderr: notes on the pairing, and what was left out and why."""
    counts = reasons(c.skipped)
    left_out = [f"left out: {', '.join(f'{reason} ({n})' for reason, n in counts.most_common())}"] if counts else []
    undefined = [f"{s.name} of {', '.join(s.models)}: {s.reason}" for s in c.skipped if "NaN" in s.reason]
    more = [f"... and {len(undefined) - 5} more that are not finite"] if len(undefined) > 5 else []
    empty = [f"{c.labels[i]} | {c.labels[j]}: nothing in common" for i, j in c.pairs if c.mean((i, j)).mean is None]
    made = [
        f"{label} is quantised: {said}, compared as the weights that they stand for"
        for label, model in zip(c.labels, c.models, strict=True)
        if (said := model.metadata.get("quantised"))
    ]
    return [*c.notes, *made, *empty, *left_out, *undefined[:5], *more, *_without_subspace(c)]


def _without_subspace(c: Comparison) -> list[str]:
    names = [row.name for row in c.rows if any(v.subspace is None for v in row.values.values())]
    if c.options.subspace is None or not names:
        return []
    shown = ", ".join(names[:3] + ["..."] * (len(names) > 3))
    what = f"no subspace of rank {c.options.subspace} in {len(names)} of {len(c.rows)} layers"
    return [f"{what}, too small or of lower rank ({shown})"]
