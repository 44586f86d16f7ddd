"""A report as JSON, with every layer."""

from dataclasses import asdict
from typing import Any

from ioadapt_theory.reporting.assemble import Report
from ioadapt_theory.reporting.layers import LayerPair
from ioadapt_theory.reporting.predictions import Predictions


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as data for JSON, with None for undefined cosines."""
    source, target, adapter = report.names
    return {
        "schema": 4,
        "source": source,
        "target": target,
        "adapter": adapter,
        "difference": report.predictions.difference,
        "layers": [_layer(pair) for pair in report.layers],
        "missing": list(report.missing),
        "extra": list(report.extra),
        "not_moved": dict(report.lost),
        "copied": _copied(report.predictions),
        "advice": [asdict(advice) for advice in report.advice],
        "answer": str(report),
    }


def _layer(pair: LayerPair) -> dict[str, Any]:
    return {
        "name": pair.name,
        "counterpart": pair.counterpart,
        "size": list(pair.size),
        "cosine": pair.cosine,
        "norm_ratio": pair.ratio,
        "adapter": [str(placement) for placement in pair.placements],
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
