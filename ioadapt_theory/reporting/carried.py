"""The outcome of fitting an adapter to another model, as a table, as JSON and as a page."""

from dataclasses import asdict
from html import escape
from typing import Any

from ioadapt_theory.moving.carrying import CarryReport
from ioadapt_theory.moving.carrying.carry import DISAGREEING
from ioadapt_theory.moving.carrying.outcome import DOMAIN, FROM_ZERO
from ioadapt_theory.similarity.report.page import document, table_of
from ioadapt_theory.similarity.report.tables import WIDTH, aligned


def table(outcome: CarryReport) -> list[list[str]]:
    span = "-" if outcome.interval is None else "{:z.2f} to {:z.2f}".format(*outcome.interval)
    copied = "-" if outcome.kept_copied is None else f"{outcome.kept_copied:z.2f}"
    total = ["total", outcome.chosen, "", "", f"{outcome.kept:z.2f}", span, copied]
    lines = [["layer", "how", "rank", "rows/features", "kept", "80 % interval", "if copied"], total]
    for name, layer in outcome.layers.items():
        enough = f"{layer.rows}/{max(layer.features)}" if layer.rows else "-"
        kept = "-" if layer.kept is None else f"{layer.kept:z.2f}"
        origin = "" if layer.source == name else f" from {layer.source}"
        lines.append([name, f"{layer.side}{origin}", str(layer.rank or "-"), enough, kept, "", ""])
    return lines


def sentences(outcome: CarryReport) -> list[str]:
    gain = "in log-likelihood (R_KL)" if outcome.need == "labels" else "(R, if both models need the same change)"
    own = "squared effect that can be kept at this rank" if outcome.extracted else "own gain that its closed form keeps"
    layers = f"; in the line of a layer, it shows the share of the layer's {own}" if outcome.layers else ""
    lines = [
        f"In the line 'total', the column 'kept' shows the predicted share of the gain {gain}{layers}.",
        "Of the {} rows, {} were used to fit, {} to select and {} to test.".format(sum(outcome.rows), *outcome.rows),
        *outcome.notes,
    ]
    agreement = outcome.agreement if outcome.need == "labels" else None  # other outputs have no labels
    if agreement is not None and not outcome.extracted and 1 - agreement <= DISAGREEING:
        lines.append(f"Without the adapter, the two models predict the same label at {agreement:.0%} of positions.")
    if outcome.refined is not None:
        lines.append(FROM_ZERO.format(*outcome.refined))
    lines += [f"{name}: the plain LoRA keeps {s:.3f} of the squared effect." for name, s in outcome.truncated.items()]
    lines += [f"{name}: {why}." for name, why in outcome.unmatched.items()]
    return [*lines, *([] if outcome.prediction is None else [DOMAIN]), _next(outcome)]


def _next(outcome: CarryReport) -> str:
    refine = outcome.refined is None and not outcome.extracted and len(outcome.scores) > 1
    if outcome.matched:
        return f"Next: test the adapter on labelled data{', or improve it without labels (--refine 50)' * refine}."
    more = "give more inputs from the adapter's domain"
    return f"Next: {more}{', try --refine 200' * refine}, or train an adapter on the target."


def to_text(outcome: CarryReport) -> str:
    return "\n".join([aligned(table(outcome), least=WIDTH), *sentences(outcome)]) + "\n"  # names are not shortened


def to_json(outcome: CarryReport) -> dict[str, Any]:
    return {
        "kept": outcome.kept,
        "interval": outcome.interval,
        "kept_copied": outcome.kept_copied,
        "need": outcome.need,
        "chosen": outcome.chosen,
        "scores": {name: score for name, score in outcome.scores.items() if abs(score) < float("inf")},
        **{key: getattr(outcome.prediction, key, None) for key in ("R", "R_KL", "cosine", "ratio")},
        "agreement": outcome.agreement,
        "rows": dict(zip(("fit", "select", "test"), outcome.rows, strict=True)),
        "refined": None if outcome.refined is None else dict(zip(("steps", "from_zero"), outcome.refined, strict=True)),
        "layers": {name: asdict(layer) for name, layer in outcome.layers.items()},
        "unmatched": dict(outcome.unmatched),
        "truncated": dict(outcome.truncated),
        "notes": [*outcome.notes],
    }


def to_html(outcome: CarryReport, title: str) -> str:
    below = "".join(f"<p>{escape(line)}</p>" for line in sentences(outcome))
    return document(title, below + table_of(table(outcome), long=True))
