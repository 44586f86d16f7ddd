"""The constants of the prediction intervals, fitted to recorded shares, and how many shares the intervals contain."""

import itertools
import math
import statistics
from dataclasses import dataclass
from typing import Any

import torch

from ioadapt_theory.effect.intervals import RULES, Doubt, Rule

Case = tuple[str, int, float, Doubt]
"""Family, number of inputs, measured minus predicted share, and the doubt about the prediction."""
KINDS = {"labels": ("labels",), "change": ("change", "outputs"), "outputs": ("change", "outputs")}
"""Need -> needs of the predictions to which its constants are fitted."""
GRID = ((0.05, 0.08), (0.1, 0.2, 0.5, 1.0), (0.02, 0.05))
"""Values of a, b and the floor that are tried: few, so that one family does not decide them, and none is 0."""


@dataclass(frozen=True)
class Coverage:
    """Number of predictions, and the share of them whose interval contains the measured share.

    ``inside`` is for the constants of the package, ``out`` for constants fitted without the family of the prediction.
    """

    count: int
    inside: float
    out: float
    width: float


def cases(moves: list[dict[str, Any]], needs: tuple[str, ...]) -> list[Case]:
    """Return the predictions for these needs; those after 50 steps and of closed forms are too similar to count."""
    found = []
    for m in moves:
        for p in m["predicted"] if m["need"] in needs else ():
            if "doubt" in p and p["of"].partition(",")[0] in {"default", "copy"}:
                found.append((m["family"], p["inputs"], p["kept"] - p["share"], Doubt(*p["doubt"])))
    return found


def fitted(found: list[Case]) -> Rule:
    """Return the constants under which errors are most likely (as Laplace variables), with 80 % of them inside.

    Every family has the same weight. Predictions whose labels are told by texts have constants of their own.
    """
    found = [case for case in found if not _told(case)]
    count = {family: sum(f == family for f, *_ in found) for family, *_ in found}
    weight = torch.tensor([1 / count[family] for family, *_ in found], dtype=torch.float64)
    weight = weight / weight.sum()
    errors = torch.tensor([error for _, _, error, _ in found], dtype=torch.float64)
    sampling, unseen, guess = (
        torch.tensor([getattr(d, name) for *_, d in found], dtype=torch.float64) for name in Doubt.__slots__
    )
    best, least = None, math.inf
    for a, b, floor in itertools.product(*GRID):
        sigma = (sampling**2 + (a * unseen) ** 2 + (b * guess) ** 2 + floor**2).sqrt()
        scale = (weight * errors.abs() / sigma).sum()
        if (lost := float((weight * (scale * sigma).log()).sum())) < least:
            least, best = lost, (a, b, floor, errors / sigma)
    assert best is not None
    low, high = (_quantile(best[3], weight, q) for q in (0.1, 0.9))
    return Rule(*best[:3], -round(float(low), 2), round(float(high), 2))


def _quantile(values: torch.Tensor, weight: torch.Tensor, q: float) -> float:
    order = values.argsort()
    return float(values[order][int((weight[order].cumsum(0) < q).sum())])


def coverage(moves: list[dict[str, Any]]) -> dict[tuple[str, int], Coverage]:
    """Return need and number of inputs -> how many measured shares the intervals contain."""
    made = {}
    for need in dict.fromkeys(m["need"] for m in moves):
        pool, own = cases(moves, KINDS[need]), cases(moves, (need,))
        rest = {f: [c for c in pool if c[0] != f] for f, *_ in own}
        without = {f: fitted(others) if others else RULES[need] for f, others in rest.items()}
        for inputs in sorted({c[1] for c in own}):
            some = [c for c in own if c[1] == inputs]
            rules = [RULES["texts" if _told(c) else need] for c in some]
            widths = [(rule.low + rule.high) * c[3].sigma(rule) for c, rule in zip(some, rules, strict=True)]
            inside = statistics.mean(map(_inside, some, rules))
            out = statistics.mean(_inside(c, RULES["texts"] if _told(c) else without[c[0]]) for c in some)
            made[need, inputs] = Coverage(len(some), inside, out, statistics.median(widths))
    return made


def _told(case: Case) -> bool:
    return case[3].unseen == case[3].guess == 0


def _inside(case: Case, rule: Rule) -> bool:
    sigma = case[3].sigma(rule)
    return -rule.low * sigma <= case[2] <= rule.high * sigma
