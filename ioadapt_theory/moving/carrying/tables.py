"""The outcome of fitting an adapter to another model, as a table, as JSON and as a page."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from typing import Any

from ioadapt_theory.effect.certificate import sentence
from ioadapt_theory.moving.carrying.outcome import DISAGREEING, DOMAIN, CarriedLayer, CarryReport
from ioadapt_theory.pages import WIDTH, aligned, document, table_of

SHOWN = 6
"""Number of layers in the text if not all are shown: those that keep least."""


def table(outcomes: Mapping[str, CarryReport], most: int | None = None) -> list[list[str]]:
    """Return a line for each part of the adapter and for each layer, or for the ``most`` layers that keep least."""
    lines, rows = [["layer", "how", "rank", "rows/features", "kept", "80 % interval", "if copied"]], []
    for part, outcome in outcomes.items():
        span = "-" if outcome.interval is None else "{:z.2f} to {:z.2f}".format(*outcome.interval)
        copied = "-" if outcome.kept_copied is None else f"{outcome.kept_copied:z.2f}"
        name, start = (part, f"{part}: ") if len(outcomes) > 1 else ("total", "")
        lines.append([name, outcome.chosen, "", "", kept_text(outcome), span, copied])
        rows += [(f"{start}{layer}", one) for layer, one in outcome.layers.items()]
    least = rows if most is None else sorted(_fitted(rows), key=lambda row: row[1].kept)[:most]
    for name, layer in (row for row in rows if row in least):
        enough = f"{layer.rows}/{max(layer.features)}" if layer.rows else "-"
        kept = "-" if layer.kept is None else f"{layer.kept:z.2f}"
        origin = "" if layer.source == name.rpartition(": ")[2] else f" from {layer.source}"
        lines.append([name, f"{layer.side}{origin}", str(layer.rank or "-"), enough, kept, "", ""])
    return lines


def kept_text(outcome: CarryReport) -> str:
    return "unknown" if outcome.unsure else f"{outcome.kept:z.2f}"


def _fitted(rows: list[tuple[str, CarriedLayer]]) -> list[Any]:
    return [(name, layer) for name, layer in rows if layer.kept is not None]


def sentences(outcome: CarryReport) -> list[str]:
    gains = {"labels": "in log-likelihood (R_KL)", "outputs": "(R_out, if the target needs the source's outputs)"}
    gain = gains.get(outcome.need, "(R, if both models need the same change)")
    own = "squared effect that can be kept at this rank" if outcome.extracted else "own gain that its closed form keeps"
    fitted = _fitted([*outcome.layers.items()])
    layers = f"; in the line of a layer, it shows the share of the layer's {own}" if fitted else ""
    last = "; after the test, the last steps were on all" if outcome.chosen.endswith(" steps") else ""
    total = sum(outcome.rows)
    lines = [
        f"The column 'kept' shows the predicted share of the gain {gain}{layers}.",
        "Of the {} rows, {} were used to fit, {} to select and {} to test{}.".format(total, *outcome.rows, last),
        *outcome.notes,
        *([outcome.compared] if outcome.compared else []),
    ]
    agreement = outcome.agreement if outcome.need == "labels" else None  # other outputs have no labels
    if agreement is not None and not outcome.extracted and 1 - agreement <= DISAGREEING:
        lines.append(f"Without the adapter, the two models predict the same label at {agreement:.0%} of positions.")
    if outcome.prediction is not None and outcome.prediction.following is not None:
        lines.append(sentence(outcome.prediction.following))
    lines += [f"{name}: the plain LoRA keeps {s:.3f} of the squared effect." for name, s in outcome.truncated.items()]
    lines += [f"{name}: {why}." for name, why in outcome.unmatched.items()]
    lines += [] if outcome.prediction is None else [DOMAIN]
    way = "give more inputs from the adapter's domain, or train an adapter on the target"
    return [*lines, f"Next: {'test the adapter on labelled data' if outcome.matched else way}."]


def _all_sentences(outcomes: Mapping[str, CarryReport]) -> list[str]:
    """Return the sentences about all parts; those that are true of one part begin with its name."""
    several = {part: sentences(outcome) for part, outcome in outcomes.items()}
    common = [line for line in next(iter(several.values())) if all(line in some for some in several.values())]
    own = [f"{part}: {line}" for part, some in several.items() for line in some if line not in common]
    return [*common[:1], *own, *common[1:]]


def to_text(outcomes: Mapping[str, CarryReport], most: int | None = None) -> str:
    lines = [aligned(table(outcomes, most), least=WIDTH)]
    fitted, others = 0, Counter[str]()
    for outcome in outcomes.values():
        fitted += (own := len(_fitted([*outcome.layers.items()])))
        others[outcome.start] += len(outcome.layers) - own
    if most is not None and fitted > most:
        lines.append(f"The {most} layers that keep least, of {fitted}; --all lists all.")
    if most is not None:
        lines += [f"{n} layers start from {start}; --all lists them." for start, n in others.items() if n]
    return "\n".join([*lines, *_all_sentences(outcomes)]) + "\n"  # names are not shortened


def to_json(outcomes: Mapping[str, CarryReport]) -> dict[str, Any]:
    """Return the outcome of the main part; if there are several, ``parts`` has the outcome of each."""
    parts = {part: _as_json(outcome) for part, outcome in outcomes.items()}
    return next(iter(parts.values())) | ({"parts": parts} if len(parts) > 1 else {})


def _as_json(outcome: CarryReport) -> dict[str, Any]:
    return {
        "kept": None if outcome.unsure else outcome.kept,
        "interval": outcome.interval,
        "kept_copied": outcome.kept_copied,
        "need": outcome.need,
        "chosen": outcome.chosen,
        "scores": {name: score for name, score in outcome.scores.items() if abs(score) < float("inf")},
        **{key: getattr(outcome.prediction, key, None) for key in ("R", "R_KL", "cosine", "ratio", "following")},
        "agreement": outcome.agreement,
        "rows": dict(zip(("fit", "select", "test"), outcome.rows, strict=True)),
        "steps": outcome.steps,
        "layers": {name: asdict(layer) for name, layer in outcome.layers.items()},
        "unmatched": dict(outcome.unmatched),
        "truncated": dict(outcome.truncated),
        "notes": [*outcome.notes],
    }


def to_html(outcomes: Mapping[str, CarryReport], title: str) -> str:
    below = "".join(f"<p>{escape(line)}</p>" for line in _all_sentences(outcomes))
    return document(title, below + table_of(table(outcomes), long=True))
