"""A report for the terminal: the recommendation first, then the evidence."""

from collections.abc import Sequence
from textwrap import fill
from typing import Final

from ioadapt_theory.effect.certificate import sentence
from ioadapt_theory.pages import aligned
from ioadapt_theory.reporting.assemble import Report
from ioadapt_theory.reporting.layers import LayerPair
from ioadapt_theory.reporting.predictions import Predictions

ROWS: Final = 10
"""Maximum number of layers to show; the HTML page and the JSON have all layers."""
NOTE: Final = (
    "cosine: cosine of the weights; norms: ratio of their norms, target over source; adapter: the side that it acts on."
)


def to_text(report: Report, width: int = 100) -> str:
    """Return the report as text, with at most ten layers, wrapped at ``width`` characters.

    Example:
        >>> import copy
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory.reporting import report, to_text
        >>> model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48))
        >>> told = report(model, copy.deepcopy(model), inputs=torch.randn(64, 64))
        >>> print(to_text(told).splitlines()[0])
        source -> target: on these inputs, the outputs of the plain models are equal.
    """
    paragraphs = [
        str(report),
        *(f"Or {str(advice)[0].lower()}{str(advice)[1:]}" for advice in report.advice[1:4]),
        *([""] if report.advice else []),
        *facts(report),
        *(f"{name} is not moved: {why}." for name, why in list(report.lost.items())[:3]),
    ]
    lines = [fill(line, width, break_long_words=False) for line in paragraphs]
    lines += ["", aligned(table(shown(report)), width).rstrip("\n")]
    if len(report.layers) > ROWS:
        more = f"... {len(report.layers)} layers in all; --format json or --html PAGE shows all of them."
        lines.append(fill(more, width))
    lines.append(fill(NOTE, width))
    return "\n".join(lines) + "\n"


def outputs(report: Report) -> str:
    """Return a sentence about the outputs of the plain models."""
    source, target, _ = report.names
    apart = report.predictions.difference
    what = "are equal" if apart == 0 else f"differ by {100 * apart:.2g} % of their size"
    return f"{source} -> {target}: on these inputs, the outputs of the plain models {what}."


def facts(report: Report) -> list[str]:
    """Return what was found besides the answer, which without advice is how far apart the outputs are."""
    apart = [outputs(report)] if report.advice else []
    return [*apart, counts(report), *prediction_lines(report.predictions)]


def counts(report: Report) -> str:
    parts = [f"{len(report.layers)} layer{'s' * (len(report.layers) != 1)} in both models"]
    for name, some in ((report.names[0], report.missing), (report.names[1], report.extra)):
        if some:
            parts.append(f"{len(some)} only in {name} ({', '.join(some[:2])}{', ...' if len(some) > 2 else ''})")
    having = {p.name for p in report.layers if p.placements} | report.lost.keys()
    if having:
        parts.append(f"adapted layers that fit: {len(having) - len(report.lost)} of {len(having)}")
    return "; ".join(parts) + "."


def prediction_lines(predictions: Predictions) -> list[str]:
    copied = predictions.copied
    if copied is None:
        return [str(predictions.compared)]
    of = " of the next tokens" if copied.told else ""
    kl = "" if copied.R_KL is None else f"{copied.R_KL:z.2f} by the log-likelihood{of} (R_KL), "
    kl += "" if copied.R_out is None else f"{copied.R_out:z.2f} by the source's outputs (R_out), "
    labels = copied.R_KL is not None
    agree = f"; the plain models predict the same label at {copied.agreement:.0%} of positions" if labels else ""
    return [
        f"On these inputs, a copy is predicted to keep this share of the gain: {kl}{copied.R:z.2f} by the change of the"
        f" outputs (R) and {copied.at_best_strength:z.2f} at the best strength (c²). The adapter's effects on the two"
        f" models have the cosine {copied.cosine:z.2f} and the size ratio {copied.ratio:z.2f}{agree}.",
        str(predictions.compared),
        f"R has an error of at most {predictions.bound:z.2f} if the adapter removed {predictions.explained:.0%} of the"
        " source's loss and both models need the same change (claim effect-retained).",
        *([] if copied.following is None else [sentence(copied.following)]),
    ]


def shown(report: Report) -> list[LayerPair]:
    """Choose up to ROWS layers, adapted ones first, then the most changed ones; return them in the network's order."""
    first = sorted(report.layers, key=lambda pair: (not pair.placements, -round(pair.change, 4)))[:ROWS]
    names = {pair.name for pair in first}
    return [pair for pair in report.layers if pair.name in names]


def table(pairs: Sequence[LayerPair]) -> list[list[str]]:
    rows = [[p.name, number(p.cosine), number(p.ratio), "+".join(p.placements) or "-"] for p in pairs]
    return [["layer", "cosine", "norms", "adapter"], *rows]


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:z.2f}"
