"""A statement about an expectation, met by random draws: what has mean zero if it is true."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ioadapt_theory.claims.claim import Claim, Run, Strategy
from ioadapt_theory.claims.evidence.findings import Evidence, Finding
from ioadapt_theory.claims.evidence.searches import seeded

__all__ = ["MeanZero"]
"""Names that claims are written in (``language``)."""

ERRORS = 6.0
"""Standard errors by which a mean may differ from zero: by chance once in 5 · 10⁸."""


@dataclass(frozen=True, slots=True)
class MeanZero(Strategy):
    """Draw, and refute where a mean is not zero.

    Attributes:
        draw: number of draws, generator -> draws x statistics, each of mean 0 and of size 1 where the claim is false.
        draws: how many, for every stack that the run asks for.
        finest: largest standard error that still says something; above it, evidence is lacking.
        bias: what the statement itself leaves, as O(1/width) for a limit.
    """

    draw: Callable[[int, torch.Generator], Tensor]
    draws: int
    finest: float
    bias: float = 0.0
    kind: Evidence = Evidence.MONTE_CARLO
    settings: ClassVar = ("seed", "stacks")

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Compare every mean with zero."""
        found = self.draw(self.draws * run.stacks, seeded(run, claim.id, self.kind))
        mean, error = found.mean(0), found.std(0) / len(found) ** 0.5
        away = (mean.abs() - self.bias).clamp(min=0) / error
        far = (~(away <= ERRORS)).nonzero().flatten().tolist()
        refutes = [f"statistic {k} has mean {float(mean[k]):.2g}" for k in far]
        lacks = [f"standard error {float(error.max()):.2g}"] if not error.max() <= self.finest else []
        return Finding(kind=self.kind, instances=len(found), refutes=frozenset(refutes), lacks=frozenset(lacks))
