"""O(ε²): the slope of log|R| against log ε."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.claims.claim import Claim, Once, Run
from ioadapt_theory.claims.evidence.findings import Evidence, Finding
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.instances import Setting

EPSILONS = (1e-2, 10**-2.5, 1e-3, 10**-3.5)
"""Below, a second-order remainder of float64 numbers is rounding; above, the next order is visible."""
ORDER, SLACK = 2, 0.05
"""What all that is claimed here is of, and what a fit may miss it by."""
DRAWS = 100


def fitted_order(values: Tensor, epsilons: Tensor) -> Tensor:
    """Least-squares slope of log|values| (k x n) against log epsilons (k)."""
    x = epsilons.log() - epsilons.log().mean()
    return (x[:, None] * values.abs().log()).sum(0) / x.square().sum()


@dataclass(frozen=True, slots=True)
class OrderFit(Once):
    """Shrink the named attributes of random instances by ε and fit the order of a term; less than 2 refutes."""

    term: Callable[[Any], Tensor]
    setting: Setting
    shrink: tuple[str, ...]
    kind: Evidence = Evidence.ORDER

    def pinned(self, run: Run, part: int) -> Run:
        """The seed."""
        return run.only("seed")

    def orders(self, seed: torch.Generator) -> Tensor:
        """Fitted orders of random instances."""
        instance = self.setting.parametrise(self.setting.start(DRAWS, seed))
        values = [
            self.term(replace(instance, **{name: epsilon * getattr(instance, name) for name in self.shrink}))
            for epsilon in EPSILONS
        ]
        return fitted_order(torch.stack(values), torch.tensor(EPSILONS, dtype=torch.float64))

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Fit; the 5% quantile decides: where the leading coefficient nearly vanishes no slope is clean."""
        orders = self.orders(seeded(run, claim.id, self.kind))
        low = float(orders.quantile(0.05))
        refutes = frozenset([f"order {low:.2f} < {ORDER}"] if not low >= ORDER - SLACK else [])
        return Finding(kind=self.kind, instances=DRAWS, refutes=refutes)
