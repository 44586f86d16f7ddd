"""The result of `report`, as text with the recommendation first, as JSON and as a page with every layer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from textwrap import fill
from typing import Any, Final

from ioadapt_theory.effect.certificate import sentence
from ioadapt_theory.pages import aligned, document, folded, table_of
from ioadapt_theory.reporting.layers import LayerPair
from ioadapt_theory.reporting.predictions import Advice, Predictions

ROWS: Final = 10
"""Maximum number of layers in the text; the HTML page and the JSON have all layers."""
NOTE: Final = (
    "cosine: cosine of the weights; norms: ratio of their norms, target over source; adapter: the side that it acts on."
)
_STYLE: Final = """
.answer{border-left:.3rem solid #0072B2;padding:.5rem 1rem;background:#0072B218}dt{font-weight:600}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The distance of two models, the share that an adapter keeps on the second, and advice; see ``report``.

    Attributes:
        names: names of the source, the target and the adapter (or None).
        layers: the layers that both models have, in the network's order.
        missing: layers that only the source has.
        extra: layers that only the target has.
        lost: for each layer of the adapter that cannot be moved, the reason.
        predictions: what running both models predicts for the adapter.
        advice: the recommended actions, best first; none without an adapter.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import report
        >>> model = nn.Sequential(nn.Linear(64, 48))
        >>> print(report(model, model, inputs=torch.randn(64, 64)))
        source -> target: on these inputs, the outputs of the plain models are equal.
    """

    names: tuple[str, str, str | None]
    layers: tuple[LayerPair, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    lost: Mapping[str, str]
    predictions: Predictions
    advice: tuple[Advice, ...]

    def __str__(self) -> str:
        """Return the first recommendation or, without an adapter, how far apart the outputs are; see ``to_text``."""
        return str(self.advice[0]) if self.advice else outputs(self)

    def to_text(self, width: int = 100) -> str:
        """Return the report that ``ioadapt report`` prints, wrapped to ``width`` columns."""
        return to_text(self, width)

    def to_json(self) -> dict[str, Any]:
        """Return the report as data for JSON."""
        return to_json(self)

    def to_html(self) -> str:
        """Return the report as a self-contained HTML page."""
        return to_html(self)


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


def to_json(report: Report) -> dict[str, Any]:
    source, target, adapter = report.names
    return {
        "schema": 4,
        "source": source,
        "target": target,
        "adapter": adapter,
        "difference": report.predictions.difference,
        "layers": [
            {
                "name": pair.name,
                "counterpart": pair.counterpart,
                "size": list(pair.size),
                "cosine": pair.cosine,
                "norm_ratio": pair.ratio,
                "adapter": [str(placement) for placement in pair.placements],
            }
            for pair in report.layers
        ],
        "missing": list(report.missing),
        "extra": list(report.extra),
        "not_moved": dict(report.lost),
        "copied": _copied(report.predictions),
        "advice": [asdict(advice) for advice in report.advice],
        "answer": str(report),
    }


def _copied(predictions: Predictions) -> dict[str, Any] | None:
    if predictions.copied is None:
        return None
    names = "kept R R_KL R_out at_best_strength cosine ratio need agreement rows interval following".split()
    return {
        **_numbers(predictions.copied, *names),
        "bound": predictions.bound,
        "explained": predictions.explained,
        "compared": _numbers(predictions.compared, "output", "need", "why", "classes"),
    }


def _numbers(of: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}


def to_html(report: Report) -> str:
    source, target, adapter = report.names
    title = f"{source} → {target}" + (f": {adapter}" if adapter else "")
    layers = table_of(table(report.layers), long=True)
    advice = [f"<dt>{escape(one.how)}</dt><dd>{escape(one.why)}</dd>" for one in report.advice]
    parts = [
        f'<p class="answer">{escape(str(report))}</p>',
        *(f"<p>{escape(line)}</p>" for line in facts(report)),
        _section("Advice", f"<dl>{''.join(advice)}</dl>") if advice else "",
        _section(f"Layers ({len(report.layers)})", f"<p>{escape(NOTE)}</p>{layers}"),
        _section("Not moved", table_of([["layer", "why"], *map(list, report.lost.items())])) if report.lost else "",
        _names(f"Only in {source}", report.missing),
        _names(f"Only in {target}", report.extra),
    ]
    return document(title, f"{''.join(parts)}<footer>Written by ioadapt report.</footer>", _STYLE)


def _section(head: str, content: str) -> str:
    return f"<h2>{escape(head)}</h2>{content}"


def _names(head: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = "".join(f"<li>{escape(name)}</li>" for name in names)
    return folded(f"{head} ({len(names)})", f"<ul>{listed}</ul>")
