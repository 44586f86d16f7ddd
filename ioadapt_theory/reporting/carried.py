"""The outcome of fitting an adapter to another model, as a table, as JSON and as a page."""

from dataclasses import asdict
from html import escape
from typing import Any

from ioadapt_theory.adapters.carrying import CarryReport
from ioadapt_theory.adapters.carrying.outcome import DOMAIN
from ioadapt_theory.similarity.report.page import document, table_of
from ioadapt_theory.similarity.report.tables import WIDTH, aligned

NEXT = {
    True: "Next: test the adapter on a few labels, or improve it without labels (--refine 50).",
    False: "Next: give more inputs of the adapter's domain, try --refine 200, or train on the target.",
}


def table(outcome: CarryReport) -> list[list[str]]:
    """Return the lines of the table of layers; the first two are the header and the total."""
    low, high = outcome.interval
    copied = "-" if outcome.kept_copied is None else f"{outcome.kept_copied:.2f}"
    total = ["total", outcome.chosen, "", "", f"{outcome.kept:.2f}", f"{low:.2f} to {high:.2f}", copied]
    lines = [["layer", "how", "rank", "rows/features", "kept", "80 % interval", "if copied"], total]
    for name, layer in outcome.layers.items():
        enough = f"{layer.rows}/{max(layer.features)}" if layer.rows else "-"
        kept = "-" if layer.kept is None else f"{layer.kept:.2f}"
        origin = "" if layer.source == name else f" from {layer.source}"
        lines.append([name, f"{layer.side}{origin}", str(layer.rank), enough, kept, "", ""])
    return lines


def sentences(outcome: CarryReport) -> list[str]:
    """Return the sentences below the table: notes, layers without an adapter, and what to do next."""
    need = "R_KL (labels)" if outcome.need == "labels" else "R (changes of the outputs)"
    fitted, chosen, told = outcome.rows
    lines = [f"Shares are {need}. Rows: {fitted} to fit, {chosen} to select, {told} to test.", *outcome.notes]
    if outcome.agreement is not None and not any("disagree" in note for note in outcome.notes):
        lines.append(f"The two models agree on {outcome.agreement:.0%} of positions.")
    if outcome.refined is not None:
        lines.append(f"A fresh adapter keeps {outcome.refined[1]:.2f} (steps: {outcome.refined[0]}).")
    lines += [
        f"{name}: the plain LoRA keeps {share:.3f} of the squared effect." for name, share in outcome.truncated.items()
    ]
    lines += [f"{name}: {why}" for name, why in outcome.unmatched.items()]
    return [*lines, DOMAIN, NEXT[bool(outcome.matched)]]


def to_text(outcome: CarryReport) -> str:
    """Return the table and the sentences below it."""
    return "\n".join([aligned(table(outcome), least=WIDTH), *sentences(outcome)]) + "\n"  # names are not wrapped


def to_json(outcome: CarryReport) -> dict[str, Any]:
    """Return the outcome as data for JSON: numbers, strings, lists and dictionaries."""
    return {
        "kept": outcome.kept,
        "interval": [*outcome.interval],
        "kept_copied": outcome.kept_copied,
        "need": outcome.need,
        "chosen": outcome.chosen,
        "scores": {name: score for name, score in outcome.scores.items() if abs(score) < float("inf")},
        **{key: getattr(outcome.prediction, key, None) for key in ("R", "R_KL", "cosine", "ratio")},
        "agreement": outcome.agreement,
        "rows": dict(zip(("fitted", "chosen", "told"), outcome.rows, strict=True)),
        "refined": None if outcome.refined is None else dict(zip(("steps", "from_zero"), outcome.refined, strict=True)),
        "layers": {name: asdict(layer) for name, layer in outcome.layers.items()},
        "unmatched": dict(outcome.unmatched),
        "truncated": dict(outcome.truncated),
        "notes": [*outcome.notes],
    }


def to_html(outcome: CarryReport, title: str) -> str:
    """Return the outcome as a self-contained HTML page; every name from a file is escaped."""
    below = "".join(f"<p>{escape(line)}</p>" for line in sentences(outcome))
    return document(title, below + table_of(table(outcome), long=True))
