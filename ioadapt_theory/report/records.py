"""Write a report as JSON: the same as the screen and the page, with every layer."""

from dataclasses import asdict
from typing import Any

from ioadapt_theory.null import Null
from ioadapt_theory.report.assemble import Report
from ioadapt_theory.report.law import Law
from ioadapt_theory.report.layers import LayerPair

SCHEMA = 2


def to_json(report: Report) -> dict[str, Any]:
    """Return plain data; None where there is no angle."""
    source, target, adapter = report.names
    return {
        "schema": SCHEMA,
        "source": source,
        "target": target,
        "adapter": adapter,
        "kinship": {"relation": str(report.kinship.relation), "why": report.kinship.why},
        "layers": [_layer(pair, report.law) for pair in report.layers],
        "missing": list(report.missing),
        "extra": list(report.extra),
        "not_moved": dict(report.lost),
        "copied": _copied(report.law),
        "advice": [asdict(advice) for advice in report.advice],
        "answer": str(report),
    }


def _layer(pair: LayerPair, law: Law | None) -> dict[str, Any]:
    expected = {} if law is None else {side: one for (name, side), one in law.expected.items() if name == pair.name}
    return {
        "name": pair.name,
        "counterpart": pair.counterpart,
        "size": list(pair.size),
        "cosine": pair.sides.cosine,
        "norm_ratio": pair.sides.ratio,
        "input": null(pair.sides.input),
        "output": null(pair.sides.output),
        "adapter": [str(placement) for placement in pair.placements],
        "expected": {
            side: {"R": one.R, "c²": one.at_best_strength, "cosine": one.cosine, "ratio": one.ratio}
            for side, one in expected.items()
        },
    }


def _copied(law: Law | None) -> dict[str, Any] | None:
    """Return what a copy of the adapter keeps."""
    if law is None or law.copied is None:
        return None
    names = ("kept", "R", "R_KL", "cosine", "ratio", "need", "agreement", "rows", "interval")
    numbers = {name: getattr(law.copied, name) for name in names}
    return {**numbers, "c²": law.copied.at_best_strength, "bound": law.bound, "explained": law.explained}


def null(found: Null | None) -> dict[str, float | None] | None:
    """Return a side's figures."""
    if found is None:
        return None
    names = {"cosine": found.cosine, "null_mean": found.mean, "null_sd": found.sd}
    return {**names, "z": found.z, "excess": found.excess}
