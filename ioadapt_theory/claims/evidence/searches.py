"""Searches on shipped and random instances and by gradient ascent on lhs/rhs."""

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.claims.claim import Claim, Inequality, Run, UndecidedError
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.findings import TOLERANCE, Evidence, Finding
from ioadapt_theory.claims.instances import witness

ATTAINED = 2.0**-40
"""Maximum distance of lhs/rhs from 1 for an attaining instance; the ratio is computed at 50 digits."""
ROUNDING = 1e-13
"""Maximum residual of a hypothesis in a search; hypotheses hold by construction, except near singular instances."""


def seeded(run: Run, *labels: object) -> torch.Generator:
    """Return a generator seeded by the run's seed and ``labels``, independent of the generators with other labels."""
    digest = hashlib.sha256("|".join(map(str, (run.seed, *labels))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7]))


def ratios(inequality: Inequality, instance: Any) -> Tensor:
    """Return lhs/rhs for each instance of a batch: 0 where lhs is 0, NaN where the instance misses a hypothesis."""
    lhs, rhs = inequality.decisive(instance), inequality.rhs(instance)
    quotient = torch.where(lhs == 0, 0.0, lhs / rhs)
    for residual in inequality.residuals(instance).values():
        quotient = torch.where(residual <= ROUNDING, quotient, math.nan)
    return quotient


def best(claim: Claim, kind: Evidence, instance: Any, quotient: Tensor) -> Finding:
    """Return the largest ratio in a batch as a finding; instances whose ratio is NaN do not count."""
    valid = ~quotient.isnan()
    if not valid.any():
        return Finding(kind=kind)
    k = int(torch.where(valid, quotient, -math.inf).argmax())
    worst = claim.inequality.setting.dump(instance, k)
    return Finding(kind=kind, instances=int(valid.sum()), worst_ratio=float(quotient[k]), worst=worst)


def confirmed(claim: Claim, finding: Finding) -> Finding:
    """Return the finding; a ratio near or above 1 is recomputed at 50 digits, or dropped if that is undecided."""
    if finding.worst is None or finding.worst_ratio < 1 - TOLERANCE:
        return finding
    try:
        return replace(finding, worst_ratio=evaluate(claim, finding.worst).decisive_ratio)
    except UndecidedError:
        return replace(finding, worst_ratio=-math.inf, worst=None, counts={**finding.counts, "undecided": 1})


@dataclass(frozen=True, slots=True)
class RandomInstances:
    """Evaluation of both sides on random instances, at most ``most``."""

    most: int = 1_000_000
    kind: Evidence = Evidence.RANDOM

    def __call__(self, claim: Claim, run: Run) -> Finding:
        setting = claim.inequality.setting
        instance = setting.draw(min(run.instances, self.most), seeded(run, claim.id, self.kind))
        return confirmed(claim, best(claim, self.kind, instance, ratios(claim.inequality, instance)))


@dataclass(frozen=True, slots=True)
class GradientAscent:
    """Gradient ascent on log(lhs/rhs) with Adam from many starts; the hypotheses hold by construction.

    ``drop`` names parameters that are left out, so that ``Setting.parametrise`` uses their exact optimum.
    """

    drop: tuple[str, ...] = ()
    rate: float = 0.05
    kind: Evidence = Evidence.ADVERSARIAL

    def __call__(self, claim: Claim, run: Run) -> Finding:
        """Run the ascent, and return the finding with the largest ratio on the way."""
        setting = claim.inequality.setting
        raw = setting.start(run.starts, seeded(run, claim.id, self.kind))
        raw = {name: x.requires_grad_() for name, x in raw.items() if name not in self.drop}
        adam = torch.optim.Adam(raw.values(), lr=self.rate)
        finding = Finding(kind=self.kind)
        for _ in range(run.steps):
            instance = setting.parametrise(raw)
            quotient = ratios(claim.inequality, instance)
            now = best(claim, self.kind, instance, quotient.detach())
            count = max(finding.instances, now.instances)
            finding = replace(max(finding, now, key=lambda f: f.worst_ratio), instances=count)
            adam.zero_grad()
            torch.autograd.backward(-quotient[quotient > 0].log().sum())
            for x in raw.values():  # a start that ran into a singularity stays where it is
                if x.grad is not None:
                    x.grad.nan_to_num_(0.0, 0.0, 0.0)
            adam.step()
        return confirmed(claim, finding)


def agree(one: Any, other: Any) -> bool:
    """Return whether two values differ by at most 2⁻⁴⁰, which allows for rounding in double precision."""
    return bool(abs(one - other) <= ATTAINED)


@dataclass(frozen=True, slots=True)
class Replay:
    """Evaluation of a claim's shipped instances at 50 digits: do witnesses violate it, and do the others attain it?"""

    kind: Evidence = Evidence.WITNESS

    def __call__(self, claim: Claim, run: Run) -> Finding:
        """Evaluate every shipped instance of the claim; one that misses a hypothesis raises an error."""
        finding = Finding(kind=self.kind)
        for name in (*claim.witnesses, *claim.attained):
            raw = witness(name)
            ratio = evaluate(claim, raw).decisive_ratio
            violates = ratio > 1 + TOLERANCE
            lacks = set()
            if name in claim.witnesses and not violates:
                lacks.add(f"{name} does not violate the bound: lhs/rhs is {ratio:.3g}")
            if name in claim.attained and not agree(ratio, 1):
                lacks.add(f"{name} does not attain the bound: lhs/rhs - 1 is {ratio - 1:.2g}")
            refutes = frozenset([name] if violates else [])
            finding |= Finding(
                kind=self.kind, instances=1, worst_ratio=ratio, worst=raw, refutes=refutes, lacks=frozenset(lacks)
            )
        return finding
