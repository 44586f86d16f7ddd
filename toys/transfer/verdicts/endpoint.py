"""The endpoint of a study: a copied adapter's gain on the target as a share of a retrained LoRA's gain.

    share of a method on a target = (loss without adapter - loss of the method) / (mean gain of LoRA retrained there)

A gain is a reduction of the loss. With a share of 1, a method is as good as a LoRA trained on the target; with 0, it is
useless. The share of a seed is the mean over cases and related targets. A method is compared with copied LoRA by the
differences, paired by seed; p-values are corrected by Holm's method over all studies, also those withdrawn after their
runs. A second comparison subtracts the difference on the source, since a method that learned less there has less to
keep. The endpoint was fixed after the studies were run and before any further seed was run; its results on the older
seeds were known at that time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

import numpy as np

from toys.common.stats import Interval, equivalence, holm, ratio, t_test
from toys.transfer.output.table import markdown
from toys.transfer.protocol import Method, Protocol, protocol, withdrawn
from toys.transfer.records import carried_over, cases, every
from toys.transfer.runs import CARRIED, LORA, SOURCE
from toys.transfer.study import NONE
from toys.transfer.verdicts import carried

ERROR: Final = 0.05
"""Family-wise error rate of all conclusions."""
MARGIN: Final = 0.1
"""The largest negligible difference between shares."""
COLUMNS: Final = {"LoRA": LORA, "LoRA on the first layers": "lora-first", "input": "input", "output": "output"}
OVER: Final = "LoRA carried over"


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    SAME = "no difference"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The share of a retrained LoRA's gain that a copied method keeps in one study, and the same for a copied LoRA.

    Attributes:
        study, row: name of the study and of the method.
        lora, method: shares kept by LoRA and by the method, with intervals by the jackknife over seeds.
        difference: the method's share minus LoRA's, paired by seed.
        beyond: ``difference`` minus the difference on the source.
        verdict, verdict_beyond: verdicts on ``difference`` and on ``beyond``.
    """

    study: str
    row: str
    lora: Interval
    method: Interval
    difference: Interval
    beyond: Interval
    verdict: Verdict
    verdict_beyond: Verdict


@cache
def decided() -> tuple[Endpoint, ...]:
    return tuple(endpoints({name: protocol(name) for name in every()}, every(), withdrawn()))


def endpoints(
    plans: Mapping[str, Protocol], records: Mapping[str, Mapping[str, Any]], withdrawn: int = 0
) -> list[Endpoint]:
    """Return an ``Endpoint`` for every compared method of studies with large enough gains, corrected together.

    ``withdrawn`` is the number of further comparisons, of removed studies, that the correction counts.
    """
    compared = [
        (name, row, *shares(plans[name], record, row))
        for name, record in records.items()
        for row, method in plans[name].methods.items()
        if is_compared(method, row) and can_be_formed(plans[name], record)
    ]
    gaps = [method - lora for _, _, lora, method, _ in compared]
    beyond = [gap - source for gap, (*_, source) in zip(gaps, compared, strict=True)]
    verdicts, verdicts_beyond = concluded(gaps, withdrawn), concluded(beyond, withdrawn)
    return [
        Endpoint(
            study=study,
            row=row,
            lora=_worth(records[study], LORA, plans[study].related),
            method=_worth(records[study], row, plans[study].related),
            difference=Interval.of(gaps[k]),
            beyond=Interval.of(beyond[k]),
            verdict=verdicts[k],
            verdict_beyond=verdicts_beyond[k],
        )
        for k, (study, row, *_) in enumerate(compared)
    ]


def is_compared(method: Method, row: str) -> bool:
    """Return whether a method tests the paper's claim: a placement with LoRA's rank and layers, compared with LoRA."""
    placements = ("input", "output", "residual")
    return row != LORA and method.against == LORA and method.match == "rank" and method.placement in placements


def can_be_formed(plan: Protocol, record: Mapping[str, Any]) -> bool:
    """Return whether a LoRA's mean gain on every related target is large enough that shares of it are meaningful."""
    gains = [_gain(one["rows"], t).mean() for one in cases(record).values() for t in plan.related]
    return min(gains) > 2 * plan.margin


def shares(
    plan: Protocol, record: Mapping[str, Any], row: str, against: str = LORA
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the shares of a retrained LoRA's gain that two copied methods, ``row`` and ``against``, keep, by seed.

    Returns:
        The shares of ``against``; the shares of ``row``; and the loss of ``against`` on the source minus that of
        ``row``, divided by the mean gain of the retrained LoRA. All are averaged over cases and related targets.
    """
    other, method, lead = [], [], []
    for one in cases(record).values():
        rows = one["rows"]
        ahead = _values(rows, against, SOURCE) - _values(rows, row, SOURCE)
        for target in plan.related:
            scale, none = _gain(rows, target).mean(), _values(rows, NONE, target)
            other.append((none - _values(rows, against, target)) / scale)
            method.append((none - _values(rows, row, target)) / scale)
            lead.append(ahead / scale)
    return np.mean(other, axis=0), np.mean(method, axis=0), np.mean(lead, axis=0)


def concluded(gaps: list[np.ndarray], withdrawn: int) -> list[Verdict]:
    different = holm([t_test(gap) for gap in gaps], withdrawn)
    equal = holm([equivalence(gap, MARGIN) for gap in gaps], withdrawn)
    return [_verdict(gap.mean(), p, q) for gap, p, q in zip(gaps, different, equal, strict=True)]


def _verdict(ahead: float, different: float, equal: float) -> Verdict:
    """Return the verdict on a method's mean lead, from the p-values of tests for a difference and for equivalence."""
    if different < ERROR:
        return Verdict.BETTER if ahead > 0 else Verdict.WORSE
    return Verdict.SAME if equal < ERROR else Verdict.INCONCLUSIVE


def _gain(rows: Mapping[str, Any], target: str) -> np.ndarray:
    return _values(rows, NONE, target) - _values(rows, carried.RETRAINED, target)


def _values(rows: Mapping[str, Any], row: str, model: str) -> np.ndarray:
    return np.asarray(rows[row][model], dtype=float)


def headline(plan: Protocol, record: Mapping[str, Any], found: Iterable[Endpoint]) -> str:
    mine = [one for one in found if one.study == plan.name]
    if not mine:
        return ""
    than = {Verdict.BETTER: "better than LoRA", Verdict.WORSE: "worse than LoRA"}
    told = [f"{mine[0].lora.mean:.2f} (LoRA)"]
    if all("lora-first" in one["rows"] for one in cases(record).values()):
        told.append(f"{_worth(record, 'lora-first', plan.related).mean:.2f} (LoRA on the first layers)")
    told += [f"{one.method.mean:.2f} ({one.row}, {than.get(one.verdict, one.verdict)})" for one in mine]
    return (
        f"Adapters copied to related models achieve these shares of the gain of a LoRA trained there: {', '.join(told)}"
    )


def kinds(link: Callable[[str], str]) -> str:
    """Return a table by kind of pair: what adapters keep of their own gain, and of that of a LoRA trained there."""
    lines = []
    for name, targets in (("related", "related"), ("same function", "exact"), ("independent", "strangers")):
        for study, record in every().items():
            plan = protocol(study)
            if models := [*getattr(plan, targets)]:
                named = own_share(record, dict(plan.exact)) if name == "same function" else ""
                cells = [_cosine(record, models), *(_both(record, row, models) for row in COLUMNS.values())]
                lines.append((name, f"[{study}]({link(study)})", *cells, str(named), _over(plan, models)))
    head = ("kind of pair", "study", "weight cosine", *COLUMNS, "side named by the theory", OVER)
    return "\n".join(markdown(head, lines)) + "\n"


def _cosine(record: Mapping[str, Any], models: Sequence[str]) -> str:
    """Return the smallest and the largest cosine of weights, each a mean over layers and seeds of a target."""
    found = [one["cosines"][model].values() for one in cases(record).values() for model in models]
    means = [np.mean([*layers]) for layers in found]
    low, high = (f"{round(end, 2) + 0.0:.2f}" for end in (min(means), max(means)))  # no "-0.00"
    return low if low == high else f"{low} to {high}"


def _both(record: Mapping[str, Any], row: str, models: Sequence[str]) -> str:
    if any(row not in one["rows"] for one in cases(record).values()):
        return ""
    own = own_share(record, dict.fromkeys(models, row))
    known = all(model in one["rows"][carried.RETRAINED] for one in cases(record).values() for model in models)
    return f"{own}; {_worth(record, row, models).mean:.2f}" if known else str(own)


def own_share(record: Mapping[str, Any], rows: Mapping[str, str]) -> Interval:
    """Return the share of its gain on the source that an adapter keeps, a mean over targets, each with its row."""
    there = [(one["rows"], model, row) for one in cases(record).values() for model, row in rows.items()]
    moved = [_values(found, NONE, model) - _values(found, row, model) for found, model, row in there]
    return ratio(moved, [_values(found, NONE, SOURCE) - _values(found, row, SOURCE) for found, _, row in there])


def _worth(record: Mapping[str, Any], row: str, models: Sequence[str]) -> Interval:
    """Return an adapter's gain as a share of that of a LoRA trained on the target, a mean over targets."""
    there = [(one["rows"], model) for one in cases(record).values() for model in models]
    moved = [_values(found, NONE, model) - _values(found, row, model) for found, model in there]
    return ratio(moved, [_gain(found, model) for found, model in there])


def _over(plan: Protocol, models: Sequence[str]) -> str:
    found = carried_over(plan.name)
    if found is None:
        return ""
    shares = [carried.kept(one["rows"], CARRIED, model).mean() for one in cases(found).values() for model in models]
    return f"{np.mean(shares):.2f}"


def results() -> str:
    beyond = "minus the difference on the source"
    head = ("study", "method", "LoRA's share", "method's share", "difference", "verdict", beyond, "verdict on that")
    rows = [
        (one.study, one.row, one.lora, one.method, one.difference, one.verdict, one.beyond, one.verdict_beyond)
        for one in decided()
    ]
    return "\n".join(markdown(head, [tuple(map(str, row)) for row in rows])) + "\n"
