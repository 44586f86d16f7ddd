"""Verdicts from results by seed: tests of paired differences, corrected over a table.

For each method and related target, the difference from copied LoRA on the same layers (for other families, from the
same family on the weights), paired by seed, is "better" or "worse" if its p-value, corrected by Holm's method over the
whole table, is below 1 - level; "no difference" if two one-sided tests place it within the margin; and "inconclusive"
in every other case.

The difference on the source matters because a method that learned less is worse everywhere, regardless of its transfer.
``Comparison.beyond`` is the verdict on the difference minus the difference on the source.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from toys.common.stats import Interval, detectable, equivalence, holm, t_test
from toys.transfer.protocol import Protocol
from toys.transfer.runs import SOURCE
from toys.transfer.study import NONE

LORA: Final = "lora"


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    SAME = "no difference"
    INCONCLUSIVE = "inconclusive"

    @classmethod
    def of(cls, ahead: float, different: float, equal: float, error: float) -> "Verdict":
        """Return the verdict on a difference.

        Args:
            ahead: the method's advantage; positive if it is better.
            different: corrected p-value of the test for a difference.
            equal: p-value of the test for equivalence.
            error: significance level of both tests.
        """
        if different < error:
            return cls.BETTER if ahead > 0 else cls.WORSE
        return cls.SAME if equal < error else cls.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference between a copied method and the method that it is compared with, on one target.

    Attributes:
        row, against, target, case: identify the comparison.
        difference: uncorrected interval of the mean difference over seeds; negative if the method is better.
        p: p-value of the difference, corrected over the table.
        together: number of comparisons in the paper's table, which are corrected together, and of those withdrawn.
        beyond_source: ``difference`` minus the difference on the source (difference in differences).
        beyond: verdict on ``beyond_source``, with a p-value corrected over the table.
        gap: the differences by seed.
        verdict: verdict on ``difference``.
    """

    row: str
    against: str
    target: str
    case: str
    difference: Interval
    p: float
    together: int
    beyond_source: Interval
    beyond: Verdict
    gap: np.ndarray
    verdict: Verdict

    def detectable(self, power: float) -> float:
        return detectable(self.gap, level=self.difference.level, power=power)


def comparisons(protocol: Protocol, rows: Mapping[str, Any]) -> list[Comparison]:
    return judged(protocol, {"": rows})


def judged(protocol: Protocol, tables: Mapping[str, Mapping[str, Any]]) -> list[Comparison]:
    found = []
    for table, methods in protocol.tables.items():
        found += _together(protocol, tables, {row: method.against for row, method in methods.items()}, table)
    return found


def _together(
    protocol: Protocol, tables: Mapping[str, Mapping[str, Any]], against: Mapping[str, str], table: str
) -> list[Comparison]:
    cells = [
        (case, row, target)
        for case, rows in tables.items()
        for row, other in against.items()
        if row != other and row in rows
        for target in protocol.related
    ]
    gaps = [np.subtract(tables[c][row][t], tables[c][against[row]][t]) for c, row, t in cells]
    beyond = [
        gap - np.subtract(tables[c][row][SOURCE], tables[c][against[row]][SOURCE])
        for gap, (c, row, _) in zip(gaps, cells, strict=True)
    ]
    withdrawn = protocol.withdrawn if table == protocol.paper else 0
    corrected = holm([t_test(gap) for gap in gaps], withdrawn)
    corrected_beyond = holm([t_test(gap) for gap in beyond])
    level = protocol.rule.level
    found = []
    for k, ((case, row, target), gap, p) in enumerate(zip(cells, gaps, corrected, strict=True)):
        found.append(
            Comparison(
                row=row,
                against=against[row],
                target=target,
                case=case,
                difference=Interval.of(gap, level=level),
                p=p,
                together=len(cells) + withdrawn,
                beyond_source=Interval.of(beyond[k], level=level),
                beyond=_of_a_difference(beyond[k], corrected_beyond[k], protocol),
                gap=gap,
                verdict=_of_a_difference(gap, p, protocol),
            )
        )
    return found


def _of_a_difference(gap: np.ndarray, p: float, protocol: Protocol) -> Verdict:
    return Verdict.of(-gap.mean(), p, equivalence(gap, protocol.margin), 1 - protocol.rule.level)


def cases(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the results of a study by case; a study with a single case, "", has its results at the top level."""
    return dict(result["cases"]) if "cases" in result else {"": result}


def retention(rows: Mapping[str, Any], row: str, target: str, ceiling: str = "lora, retrained") -> Interval | None:
    """Return the interval over seeds of (none - moved) / (none - best); None if ``best`` is missing for a seed.

    These are losses on the target: without an adapter, of ``row``, and of ``ceiling``.
    """
    if None in rows.get(ceiling, {}).get(target, [None]):
        return None
    none, moved, best = (np.asarray(rows[r][target], dtype=float) for r in (NONE, row, ceiling))
    return Interval.of((none - moved) / (none - best))
