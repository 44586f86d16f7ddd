"""Conclusive instances: families that attain a bound, and single instances that violate a claim in exact numbers.

Hypotheses are needed: for each one, ``outside.json`` holds an instance that meets all others, misses it, and violates
the claim. In its place stands a reason, if the statement has no value without the hypothesis ("undefined"), or if the
paper has the hypothesis and its proof does not use it ("idle").
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib import resources
from itertools import product
from typing import Any, ClassVar

import numpy as np
import torch

from ioadapt_theory.claims.claim import ACCURACY, Claim, Run, Word
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.argument import Proof, named, twin
from ioadapt_theory.claims.evidence.searches import ATTAINED, agree
from ioadapt_theory.claims.expression.algebra import sympy
from ioadapt_theory.claims.expression.notation import printed, text
from ioadapt_theory.claims.expression.tree import Relation, Term, opened
from ioadapt_theory.claims.expression.values import Values, both
from ioadapt_theory.claims.findings import Evidence, Finding, Verdict
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.errors import InvalidValueError

__all__ = ["BALLS_TRIED", "CONDITIONS_TRIED", "COSINES_TRIED", "LENGTHS_TRIED", "Attained"]
"""Exported to ``language``."""

COSINES_TRIED = (Fraction(-3, 5), Fraction(0), Fraction(12, 13))
LENGTHS_TRIED = (Fraction(1, 2), Fraction(3))
CONDITIONS_TRIED = (Fraction(1), Fraction(2), Fraction(30))
BALLS_TRIED = (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10))
"""Values tried for the parameters of a bound: cosines with a rational sine, sizes, condition numbers, ε."""
NEAR = Fraction(ATTAINED) * Fraction(ATTAINED)
"""Distance from the limit at which a family that only approaches a bound is evaluated."""


@dataclass(frozen=True)
class Attained(Proof):
    """A proof that a bound is sharp: a family of instances that attains or approaches it for all parameters tried."""

    # returns the content of an instance file for one value of each parameter and, if ``approaches``, a distance
    family: Callable[..., Mapping[str, Any]]
    # parameters of the right side and the values tried; the target's are the same as the source's unless they are
    # listed, too. If there are none, the instance shows only that the factor cannot be smaller.
    over: Mapping[Term, Sequence[Any]] = field(default_factory=dict)
    every_pair: bool = False  # whether the condition numbers of both models are parameters
    approaches: bool = False  # whether the right side is a supremum that no instance attains
    # leading factor of the right side that is shown to be the smallest possible; None: the whole right side
    factor: Term | None = None

    @property
    def name(self) -> str:  # type: ignore[override]
        instances = (self.family.__doc__ or "").strip().rstrip(".")
        return f"{'approached' if self.approaches else 'attained'} by these instances: {instances}"

    @property
    def shows(self) -> frozenset[Word]:  # type: ignore[override]
        return frozenset([Word.SHARP, *[Word.EVERY_PAIR] * self.every_pair] if self.over else [Word.FACTOR])

    def broken(self, claim: Claim) -> Iterator[str]:
        known = {*self.over, *(twin(x) for x in self.over if x.op != "cond" or not self.every_pair)}
        for goal in claim.concludes:
            small = {Term("scalar", name="epsilon")} if goal.order else set()  # ε is only a scale there
            whole = opened(goal.right)
            if self.factor is not None and not (whole.op == "mul" and whole.args[0] == opened(self.factor)):
                yield f"{text(self.factor)} is not a factor of the right side"
            if self.over and (
                free := undetermined(opened(self.factor or goal.right), small | {opened(x) for x in known})
            ):
                yield f"the right side depends on {text(free)}, which is not a parameter"
        if not claim.concludes or claim.setting is None:
            yield "the claim has no conclusion or no setting"
            return
        for values in product(*self.over.values()):
            at = ", ".join(f"{text(x)} = {v}" for x, v in zip(self.over, values, strict=True)) or "the instance"
            raw = self.family(*values, *([NEAR] if self.approaches else []))
            try:
                ratio = evaluate(claim, raw).decisive_ratio
            except InvalidValueError as error:
                yield f"{at}: {error}"
                continue
            if not agree(ratio, 1):
                yield f"{at}: lhs/rhs - 1 is {ratio - 1:.2g}"
            instance = Values(claim.setting.read(raw))
            for x, v in zip(self.over, values, strict=True):
                if not agree(instance(x), v):
                    yield f"{at}: {text(x)} is {float(instance(x)):.6g}"

    def printed(self, claim: Claim) -> Iterator[str]:
        tried = (f"{text(x)} in {{{', '.join(map(str, values))}}}" for x, values in self.over.items())
        yield f"evaluated at 50 digits {'for ' if self.over else 'on one instance'}{', '.join(tried)}"


def undetermined(x: Term, known: set[Term]) -> Term | None:
    """Return a symbol that a formula contains outside of the subformulas in ``known``, or None if there is none."""
    if x in known or (x.op == "sine" and Term("sim", x.args) in known):
        return None
    if x.op in {"scalar", "row", "matrix"}:
        return x
    return next((y for y in (undetermined(a, known) for a in x.args) if y), None)


@dataclass(frozen=True)
class Contradicted(Proof):
    """A refutation by a shipped instance that, in exact numbers, meets every hypothesis and violates the claim."""

    witness: str
    refutes: ClassVar[bool] = True

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.witness} in exact numbers"

    def broken(self, claim: Claim) -> Iterator[str]:
        values = Values(exact_instance(claim, witness(self.witness)))
        for given in claim.given:
            if not holds_exactly(given, values):
                yield f"{self.witness} does not meet {text(given)}"
        if all(holds_exactly(goal, values) for goal in claim.goals):
            yield f"{self.witness} does not violate {claim.statement}"

    def printed(self, claim: Claim) -> Iterator[str]:
        raw = witness(self.witness)
        values = Values(exact_instance(claim, raw))
        assert claim.setting is not None
        for x in claim.setting.letters:
            if x.key in raw:
                yield f"{printed(x)} = {shown(raw[x.key])}"
        yield from named(claim, [side for goal in claim.goals for side in (goal.left, goal.right)])
        for goal in claim.goals:
            left, right = values(goal.left), values(goal.right)
            if goal.left.kind == "scalar":
                one, other = (sympy().simplify(side) for side in (left, right))
                yield f"{text(goal.left)} = {one}, but {text(goal.right)} = {other}"
            else:
                yield f"the squared entries of {text(goal.left - goal.right)} add up to {((left - right) ** 2).sum()}"


def shown(value: Any) -> str:
    """Return a number, row or matrix of an instance file as text, such as [1 0; 0 3]."""
    if not isinstance(value, list):
        return str(value)
    rows = [row if isinstance(row, list) else [row] for row in value]
    return f"[{('; ' if isinstance(value[0], list) else ' ').join(' '.join(map(str, row)) for row in rows)}]"


def holds_exactly(r: Relation, values: Values) -> bool:
    """Return whether a relation holds for exact numbers; an inequality that sympy cannot decide raises a TypeError."""
    sp = sympy()
    left, right = both(r, values)
    if r.left.kind != "scalar":
        return all(sp.simplify(x) == 0 for x in np.asarray(left - right).flat)
    difference = sp.simplify(left - right)
    return bool(difference == 0 if r.sign == "=" else difference < 0 if r.sign == "<" else difference <= 0)


def exact_instance(claim: Claim, raw: Mapping[str, Any]) -> Any:
    """Return the instance that the content of an instance file describes, in sympy rationals."""
    rational = np.frompyfunc(lambda x: sympy().Rational(Fraction(x)), 1, 1)
    return _built(claim, raw, lambda value: rational(np.array(value, dtype=object)))


def _built(claim: Claim, raw: Mapping[str, Any], convert: Callable[[Any], Any]) -> Any:
    assert claim.setting is not None
    return claim.setting.build(**{x.attribute: convert(raw[x.key]) for x in claim.setting.letters if x.key in raw})


def said(claim: Claim, _run: Run) -> Finding:
    """Check that every property in ``Claim.words`` is shown by an attaining instance or an argument."""
    shows = frozenset[Word]([Word.ATTAINED] if claim.attained else []).union(*(p.shows for p in claim.proofs))
    return Finding(kind=Evidence.EXACT, lacks=frozenset(f'nothing shows "{w}"' for w in claim.words if w not in shows))


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
    return _built(claim, raw, lambda value: torch.tensor([value], dtype=torch.float64))


def ratio_outside(claim: Claim, missed: str, instance: Any) -> torch.Tensor:
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


def needed(claim: Claim, _run: Run) -> Finding:
    """Check that each hypothesis of a claim is needed, on its recorded instance."""
    return Finding(kind=Evidence.WITNESS, lacks=frozenset(_needless(claim)))


def _needless(claim: Claim) -> Iterator[str]:
    if claim.expected is Verdict.REFUTED:  # a hypothesis fewer would make it weaker
        return
    here, there = [text(g) for g in claim.given], recorded().get(claim.id, {})
    if sorted(there) != sorted(here):
        yield f"the hypotheses {here} are not those whose need is recorded, {list(there)}"
        return
    for name, raw in there.items():
        if not isinstance(raw, str):
            if not (ratio := float(ratio_outside(claim, name, batch(claim, raw)))) >= CLEAR:
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
            ratio = float(ratio_outside(claim, name, batch(claim, raw)))
            said = f"{ratio:.4g} times the bound" if all(r.sign != "=" for r in claim.concludes) else "false"
            lines.append(f"Without {name}: {said} on a recorded instance")
    return lines
