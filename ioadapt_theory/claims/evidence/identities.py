"""Exact values: the expectation is σ²‖D‖_F² for any scaled orthonormal basis, so c runs give it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.claim import Claim, Once, Run
from ioadapt_theory.claims.evidence.findings import Evidence, Finding
from ioadapt_theory.claims.evidence.monte_carlo import composite
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import SharedFunction
from ioadapt_theory.claims.settings.stacks import draw, drawn, orthogonals

ROUNDING = 1e-11
"""Relative; a few products of well-scaled float64 matrices."""


@dataclass(frozen=True, slots=True)
class ExactValue(Once):
    """Run the adapted models on an orthonormal basis and compare with the closed form; a difference refutes."""

    placement: Placement
    value: Callable[[SharedFunction], Array]
    kind: Evidence = Evidence.RANDOM

    def pinned(self, run: Run, part: int) -> Run:
        """Seed, number and how stacks are drawn."""
        return replace(drawn(run), instances=run.instances)

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Compare on every stack; ``worst_ratio`` is 1 + the largest relative difference, if that is not rounding."""
        generator = seeded(run, claim.id, self.kind, device=run.device)
        source, target = draw(run.instances, self.placement, run, generator)
        basis = orthogonals(source.weights[0].shape[1], 1, generator)[0]
        difference: Tensor = source(basis) - target(basis)
        run_value, closed = difference.square().sum((-2, -1)), self.value(composite(source, target))
        scale = torch.maximum(run_value, closed)
        error = torch.where(scale == 0, 0.0, (run_value - closed).abs() / scale)  # NaN agrees with nothing
        worst = float(error.max())
        refutes = frozenset([f"relative difference {worst:.1e}"] if not worst <= ROUNDING else [])
        return Finding(kind=self.kind, instances=len(error), worst_ratio=1 + worst if refutes else 1.0, refutes=refutes)
