"""Hypotheses are needed: for each one, an instance that meets all others, misses it, and violates the claim.

``outside.json`` holds the instances by claim and hypothesis. In its place stands a reason, if the statement has no
value without the hypothesis ("undefined"), or if the paper has the hypothesis and its proof does not use it ("idle").
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import torch

from ioadapt_theory.claims.claim import Claim, Run, Strategy
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.findings import Evidence, Finding, Verdict
from ioadapt_theory.claims.inequality import ACCURACY

ROUNDING = 1e-12
"""Largest residual of the other hypotheses."""
CLEAR = 1.001
"""Least ratio of the left to the right side that counts as a violation outside a hypothesis."""
UNDEFINED, IDLE = "undefined", "idle"


@cache
def recorded() -> Mapping[str, Mapping[str, Any]]:
    """Return the recorded instances, or reasons, by claim and the text of the hypothesis."""
    file = resources.files("ioadapt_theory.claims") / "outside.json"
    return json.loads(file.read_text("utf-8"))


def batch(claim: Claim, raw: Mapping[str, Any]) -> Any:
    """Return the content of an instance file as a batch of one in float64."""
    assert claim.setting is not None
    keys = {x.key: x.attribute for x in claim.setting.letters}
    return claim.setting.build(**{keys[k]: torch.tensor([v], dtype=torch.float64) for k, v in raw.items() if k in keys})


def outside(claim: Claim, missed: str, instance: Any) -> torch.Tensor:
    """Return lhs/rhs for instances that meet all hypotheses but ``missed``; NaN for others."""
    inequality = claim.inequality
    residuals = inequality.residuals(instance)
    lhs, rhs = inequality.decisive(instance), inequality.rhs(instance)
    if inequality.first_order:  # the left side itself, where ε is so small that O(ε²) does not matter
        lhs = torch.where(instance.epsilon <= 1e-4, torch.maximum(lhs, inequality.lhs(instance)), lhs)
    ratio = torch.where(lhs == 0, 0.0, lhs / rhs)
    for name, residual in residuals.items():
        meets = residual <= (ACCURACY if name == missed else ROUNDING)
        ratio = torch.where(meets != (name == missed), ratio, torch.nan)
    return ratio


@dataclass(frozen=True, slots=True)
class Needed(Strategy):
    """A check that each hypothesis of a claim is needed, on its recorded instance."""

    kind: Evidence = Evidence.WITNESS

    def __call__(self, claim: Claim, run: Run) -> Finding:
        return Finding(kind=self.kind, lacks=frozenset(self.broken(claim)))

    def broken(self, claim: Claim) -> Iterator[str]:
        if claim.expected is Verdict.REFUTED:  # a hypothesis fewer would make it weaker
            return
        here, there = [text(g) for g in claim.given], recorded().get(claim.id, {})
        if sorted(there) != sorted(here):
            yield f"the hypotheses {here} are not those whose need is recorded, {list(there)}"
            return
        for name, raw in there.items():
            if not isinstance(raw, str):
                if not (ratio := float(outside(claim, name, batch(claim, raw)))) >= CLEAR:
                    yield f"without {name}, its recorded instance is not a violation that misses it alone ({ratio:.4g})"


def without(claim: Claim) -> list[str]:
    """Return what fails without each hypothesis, for the report."""
    lines = list[str]()
    for name, raw in recorded().get(claim.id, {}).items():
        if raw == UNDEFINED:
            lines.append(f"Without {name}: a side has no value")
        elif raw == IDLE:
            lines.append(f"Without {name}: true as well; the paper has this hypothesis")
        elif not isinstance(raw, str):
            ratio = float(outside(claim, name, batch(claim, raw)))
            said = f"{ratio:.4g} times the bound" if all(r.sign != "=" for r in claim.concludes) else "false"
            lines.append(f"Without {name}: {said} on a recorded instance")
    return lines
