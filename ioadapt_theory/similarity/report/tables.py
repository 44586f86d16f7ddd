"""A comparison as tables for the terminal, with its notes."""

from collections.abc import Sequence

from ioadapt_theory.null import STANDS_OUT
from ioadapt_theory.similarity.comparison import Comparison, role
from ioadapt_theory.similarity.matching import Space, reasons
from ioadapt_theory.similarity.report.export import groups


def summary(c: Comparison) -> list[list[str]]:
    """Return the table of pairs; the first line is the header."""
    nulls = c.options.null or c.options.space is not Space.WEIGHT
    lines = [
        ["pair", "layers", "parameters", "mean", f"lowest {c.options.lowest:.3g}", "weights", "norms", "biases"]
        + ["unrelated", "excess", f"z > {STANDS_OUT:.0f}"] * nulls
    ]
    for pair in c.pairs:
        everything, low = c.mean(pair), c.lowest(pair)
        apart = [c.mean(pair, lambda row, r=r: role(row.kind) == r) for r in ("weight", "norm", "bias")]  # type: ignore[misc]
        line = [f"{c.labels[pair[0]]} | {c.labels[pair[1]]}", str(everything.layers)]
        line += [f"{everything.parameters / 1e6:.2f} M", cell(everything.mean), f"{cell(low.mean)} ({low.layers})"]
        line += [cell(m.mean) for m in apart]
        if nulls:
            null = c.null(pair)
            line += [f"{cell(null.mean)} ± {null.sd:.1g}" if null else "-"]
            line += [cell(c.excess(pair)), f"{c.beyond_chance(pair)} of {everything.layers}"]
        lines.append(line)
    return lines


def grouped(c: Comparison, by: str) -> list[list[str]]:
    """Return the table of groups, one column per pair."""
    lines = [[by, *(f"{c.labels[i]} | {c.labels[j]}" for i, j in c.pairs)]]
    for name, group in groups(c, by):
        means = [group.mean(pair) for pair in c.pairs]
        lines.append([name, *(f"{cell(m.mean)} ({m.layers})" for m in means)])
    return lines


def cell(value: float | None) -> str:
    """Return a cosine to four digits; a dash where there is none."""
    return "-" if value is None else f"{value:.4f}"


def heading(c: Comparison) -> str:
    """Return a one-line description of the values."""
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
    """Return columns of text, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = (
        [line[0].ljust(widths[0])] + [x.rjust(w) for x, w in zip(line[1:], widths[1:], strict=True)] for line in lines
    )
    return "".join("  ".join(row).rstrip() + "\n" for row in rows)


def to_table(c: Comparison, by: Sequence[str] = ()) -> str:
    """Return the text for the terminal."""
    parts = [heading(c) + "\n", aligned(summary(c)), *(aligned(grouped(c, one)) for one in by)]
    return "\n".join(parts)


def remarks(c: Comparison) -> list[str]:
    """Return the notes for stderr: remarks on the pairing, and skipped tensors with reasons."""
    counts = reasons(c.skipped)
    left_out = [f"left out: {', '.join(f'{reason} ({n})' for reason, n in counts.most_common())}"] if counts else []
    undefined = [f"{s.name} of {', '.join(s.models)}: {s.reason}" for s in c.skipped if "NaN" in s.reason]
    more = [f"... and {len(undefined) - 5} more that are not finite"] if len(undefined) > 5 else []
    empty = [f"{c.labels[i]} | {c.labels[j]}: nothing in common" for i, j in c.pairs if c.mean((i, j)).mean is None]
    small = [
        f"{c.labels[i]} | {c.labels[j]}: {n} of {c.mean((i, j)).layers} layers are too small to tell kin from strangers"
        for i, j in c.pairs
        if c.options.space is not Space.WEIGHT and (n := c.too_small((i, j)))
    ]
    quantised = [
        f"{label} is quantised: {scheme}, compared as the weights that its codes stand for"
        for label, model in zip(c.labels, c.models, strict=True)
        if (scheme := model.metadata.get("quantised"))
    ]
    return [*c.notes, *quantised, *empty, *small, *left_out, *undefined[:5], *more]
