"""A report as JSON, with every layer."""

from dataclasses import asdict
from typing import Any

from ioadapt_theory.reporting.assemble import Report
from ioadapt_theory.reporting.kin.layers import LayerPair
from ioadapt_theory.reporting.predictions import Predictions
from ioadapt_theory.similarity.report.as_json import null_facts


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as data for JSON, with None for undefined cosines."""
    source, target, adapter = report.names
    return {
        "schema": 2,
        "source": source,
        "target": target,
        "adapter": adapter,
        "kinship": {"relation": str(report.kinship.relation), "why": report.kinship.why},
        "layers": [_layer(pair, report.predictions) for pair in report.layers],
        "missing": list(report.missing),
        "extra": list(report.extra),
        "not_moved": dict(report.lost),
        "copied": _copied(report.predictions),
        "advice": [asdict(advice) for advice in report.advice],
        "answer": str(report),
    }


def _layer(pair: LayerPair, predictions: Predictions | None) -> dict[str, Any]:
    known = {} if predictions is None else predictions.expected
    expected = {side: one for (name, side), one in known.items() if name == pair.name}
    input_, output = pair.sides.input, pair.sides.output
    return {
        "name": pair.name,
        "counterpart": pair.counterpart,
        "size": list(pair.size),
        "cosine": pair.sides.cosine,
        "norm_ratio": pair.sides.ratio,
        "input": None if input_ is None else {"cosine": input_.cosine, **null_facts(input_)},
        "output": None if output is None else {"cosine": output.cosine, **null_facts(output)},
        "adapter": [str(placement) for placement in pair.placements],
        "expected": {side: _numbers(one, "R", "at_best_strength", "cosine", "ratio") for side, one in expected.items()},
    }


def _copied(predictions: Predictions | None) -> dict[str, Any] | None:
    if predictions is None or predictions.copied is None:
        return None
    names = (
        "kept",
        "R",
        "R_KL",
        "R_out",
        "at_best_strength",
        "cosine",
        "ratio",
        "need",
        "agreement",
        "rows",
        "interval",
        "following",
    )
    return {
        **_numbers(predictions.copied, *names),
        "bound": predictions.bound,
        "explained": predictions.explained,
        "compared": _numbers(predictions.compared, "output", "need", "why", "classes"),
    }


def _numbers(of: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}
