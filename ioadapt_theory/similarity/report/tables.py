"""A comparison as tables for the terminal, with notes."""

from collections import Counter
from collections.abc import Sequence
from textwrap import fill

from ioadapt_theory.pages import WIDTH, aligned
from ioadapt_theory.similarity.matching import Space
from ioadapt_theory.similarity.report.order import groups
from ioadapt_theory.similarity.result import Comparison, Pair, role


def summary(c: Comparison) -> list[list[str]]:
    lines = [["pair", "layers", "params", "mean", "lowest", "weights", "norms", "biases"]]
    for pair in c.pairs:
        everything, low = c.mean(pair), c.lowest(pair)
        roles = [c.mean(pair, lambda row, r=r: role(row.layer.kind) == r) for r in ("weight", "norm", "bias")]  # type: ignore[misc]
        line = [pair_name(c, pair), str(everything.layers), f"{everything.parameters / 1e6:.1f} M"]
        line += [cell(m.mean) for m in (everything, low, *roles)]
        lines.append(line)
    return lines


def grouped(c: Comparison, by: str) -> list[list[str]]:
    lines = [[by, *["pair"] * (len(c.pairs) > 1), "mean", "layers"]]
    for name, group, pair in groups(c, by):
        mean = group.mean(pair)
        lines.append([name, *[pair_name(c, pair)] * (len(c.pairs) > 1), cell(mean.mean), str(mean.layers)])
    return lines


def pair_name(c: Comparison, pair: Pair) -> str:
    return " | ".join(c.labels[i] for i in pair)


def cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def heading(c: Comparison) -> str:
    space = c.options.space
    what = "weights" if space is Space.WEIGHT else f"{space}-side Gram matrices minus multiples of I"
    lowest = f"lowest {100 * c.options.lowest:.3g} % of the layers"
    return f"cosine of {what}; matched by name; uniform mean; {lowest}"


def to_table(c: Comparison, by: Sequence[str] = (), width: int = WIDTH) -> str:
    """Return the comparison as text for the terminal; ``by`` are the groupings to include, "kind" or "block"."""
    tables = [summary(c), *(grouped(c, one) for one in by)]
    return "\n".join([fill(heading(c), width) + "\n", *(aligned(table, width, least=width) for table in tables)])


def remarks(c: Comparison) -> list[str]:
    """Return the notes on a comparison that belong on stderr."""
    counts = Counter(
        f"only in {', '.join(s.models)}" if s.reason == "in no other model" else s.reason.split(": ")[0].split(" (")[0]
        for s in c.skipped
    )
    left_out = [f"left out: {'; '.join(f'{reason} ({n})' for reason, n in counts.most_common())}"] if counts else []
    undefined = [f"{s.name} of {', '.join(s.models)}: {s.reason}" for s in c.skipped if "NaN" in s.reason]
    more = [f"left out for the same reason: {len(undefined) - 5} more"] if len(undefined) > 5 else []
    empty = [f"{pair_name(c, pair)}: no common layers" for pair in c.pairs if c.mean(pair).mean is None]
    return [*c.notes, *(f"{note}." for note in (*empty, *left_out, *undefined[:5], *more))]
