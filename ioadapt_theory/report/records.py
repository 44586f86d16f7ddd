"""The report as JSON: the same as the screen and the page, with every layer."""

from dataclasses import asdict
from typing import Any

from ioadapt_theory.adapters.rules.verdict import THRESHOLDS, Verdict
from ioadapt_theory.null import Null
from ioadapt_theory.report.assemble import Report
from ioadapt_theory.report.layers import LayerPair

SCHEMA = 1


def to_json(report: Report) -> dict[str, Any]:
    """Plain data; None where there is no angle."""
    source, target, adapter = report.names
    effect = report.effect
    return {
        "schema": SCHEMA,
        "source": source,
        "target": target,
        "adapter": adapter,
        "kinship": {"kin": str(report.kinship.kin), "why": report.kinship.why},
        "layers": [_layer(pair) for pair in report.layers],
        "missing": list(report.missing),
        "extra": list(report.extra),
        "not_moved": dict(report.lost),
        "effect": None
        if effect is None
        else {
            "kept": effect.kept,
            "cosine": effect.cosine,
            "ratio": effect.ratio,
            "strength": effect.strength,
            "numbers": effect.numbers,
        },
        "advice": [{k: str(v) for k, v in asdict(advice).items()} for advice in report.advice],
        "thresholds": asdict(THRESHOLDS),
        "last": report.last,
    }


def _layer(pair: LayerPair) -> dict[str, Any]:
    before = pair.before
    return {
        "name": pair.name,
        "counterpart": pair.counterpart,
        "size": list(pair.size),
        "cosine": pair.sides.cosine,
        "norm_ratio": pair.sides.ratio,
        "input": null(pair.sides.input),
        "output": null(pair.sides.output),
        "first_changed": None if before is None else {"name": before.name, "excess": before.excess},
        "verdicts": {str(placement): _verdict(verdict) for placement, verdict in pair.verdicts.items()},
        "adapter": [
            {"placement": str(part.placement), **_verdict(part.verdict), "directions": null(part.met)}
            for part in pair.parts
        ],
    }


def _verdict(verdict: Verdict) -> dict[str, str]:
    return {"word": str(verdict.word), "why": verdict.why}


def null(found: Null | None) -> dict[str, float | None] | None:
    """A side's figures."""
    if found is None:
        return None
    return {
        "cosine": found.cosine,
        "null_mean": found.mean,
        "null_sd": found.sd,
        "z": found.z,
        "excess": found.excess,
    }
