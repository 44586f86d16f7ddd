"""Exact arguments, by what they conclude, so that none can pass for another; the verdict follows from the types.

``Derived`` and ``Told``: the proof of a theorem that Coq has checked, as a chain of formulas or in words.
``Reached``: lines of algebra that end at the right side, up to an order.
``Attained``: no smaller right side will do, whatever value its parameters have.
``Contradicted``: an instance meets every hypothesis and violates the conclusion.
``Shown`` and ``Refuted``: for and against a statement in prose. ``OnlyIf``: the other direction. ``Remarked``: neither.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from ioadapt_theory.claims.claim import Claim, Run, Strategy, Word
from ioadapt_theory.claims.evaluation import evaluate
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verdict
from ioadapt_theory.claims.evidence.formal import MachineChecked
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.evidence.steps import Step, line
from ioadapt_theory.claims.expression.algebra import sympy
from ioadapt_theory.claims.expression.limits import first_order
from ioadapt_theory.claims.expression.lines import printed as unmarked
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import Relation, Term, opened, replaced
from ioadapt_theory.claims.expression.values import Values, misfit
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.errors import InvalidValueError

__all__ = [
    "Attained", "Chain", "Derived", "Link", "OnlyIf", "Refuted", "RefutedBy", "Remarked", "Shown", "ShownBy", "argued",
    "contradicted", "derived", "reaching", "told",
]  # fmt: skip
"""Names that claims are written in (``language``)."""

EQUALITY = 1e-12
"""Largest distance of lhs/rhs from 1 in a double, for values at 50 digits or more."""
DRAWN, ROUNDING = 50, 1e-9
"""Instances on which the links of a chain are looked at, and how far floats may be off."""
NEAR = Fraction(1, 10**15)
"""Distance from the bound to which a family that approaches it has to come."""


@dataclass(frozen=True)
class Proof(Strategy):
    """Exact evidence, by its ``name``: what it rests on, in a few words.

    ``proves``: it settles the relations of a claim, or its prose. ``refutes``: it contradicts the claim. ``shows``: the
    words of the claim that it shows.
    """

    name: str
    kind: ClassVar[Evidence] = Evidence.EXACT
    proves: ClassVar[bool] = False
    refutes: ClassVar[bool] = False
    shows: ClassVar[frozenset[Word]] = frozenset()

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield every step that fails, with what it says; also that the claim is not reached."""
        raise NotImplementedError

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield the steps, a line each."""
        raise NotImplementedError

    def holds(self, claim: Claim) -> bool:
        """Whether every step goes through and the claim is reached."""
        return next(iter(self.broken(claim)), None) is None

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Run the argument; one that fails is a lack, whatever else speaks for the claim."""
        names, none, holds = frozenset([self.name]), frozenset[str](), self.holds(claim)
        return Finding(
            kind=self.kind,
            instances=1,
            lacks=none if holds else names,
            proves=names if holds and self.proves else none,
            refutes=names if holds and self.refutes else none,
        )


@dataclass(frozen=True)
class InCoq(Proof):
    """The proof that Coq has checked, for a reader."""

    proves: ClassVar[bool] = True

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield that there is no such theorem."""
        if not MachineChecked()(claim, Run(), 0).proves:
            yield "Coq has no theorem about this formula"


class Link(NamedTuple):
    """The next formula of a chain, and why it is at least the one before; in a chain of equations, equal to it."""

    says: str
    formula: Term


class Chain(NamedTuple):
    """From the left side of a conclusion, or its first order, to the right side."""

    first: Term
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Derived(InCoq):
    """A chain for each conclusion, whose links hold on instances that are drawn."""

    chains: tuple[Chain, ...]

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield what fails."""
        yield from super().broken(claim)
        if len(self.chains) != len(claim.concludes) or claim.setting is None:
            yield f"{len(self.chains)} chains for {len(claim.concludes)} conclusions"
            return
        draw = claim.setting.start(DRAWN, seeded(Run(), claim.id, self.name))
        instance = claim.setting.parametrise(draw)
        values, residuals = Values(instance), claim.inequality.residuals(instance)
        yield from (f"what is drawn misses {given}" for given, r in residuals.items() if r.max() > ROUNDING)
        for (first, links), goal in zip(self.chains, claim.concludes, strict=True):
            if opened(first) != opened(first_order(goal.left) if goal.order else goal.left):
                yield f"it starts at {text(first)}, not at {text(goal.left)}"
            if not links or opened(links[-1].formula) != opened(goal.right):
                yield f"it does not end at {text(goal.right)}"
            before = first
            for says, formula in links:
                if before == formula:
                    yield f"{says}: this link says nothing"
                if misfit(Relation(before, goal.sign, formula), values) > ROUNDING:
                    yield f"{says}: {text(Relation(before, goal.sign, formula))} is not so"
                before = formula

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield the first formula and the links."""
        for first, links in self.chains:
            yield text(first)
            yield from (f"{says}: {text(formula)}" for says, formula in links)


def derived(name: str, first: Term, *links: Link) -> Derived:
    """Return the argument of a single conclusion, from its left side to its right side."""
    return Derived(name, (Chain(first, links),))


@dataclass(frozen=True)
class Told(InCoq):
    """Lines, and the formulas in them are computed."""

    lines: tuple[str, ...]
    options: Mapping[str, Any]  # of ``steps.line``

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield what fails."""
        yield from super().broken(claim)
        steps = (line(says, **self.options) for says in self.lines)
        yield from (step.says for step in steps if not (step.check.holds or step.check.empty))

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield the lines."""
        yield from map(unmarked, self.lines)


def told(name: str, *lines: str, **options: Any) -> Told:
    """Return the lines of a proof that Coq has checked."""
    return Told(name, lines, options)


@dataclass(frozen=True)
class Reached(Proof):
    """Lines that end at the right side of the conclusion; of two, the second is the first about the target."""

    lines: Callable[[Relation], Iterator[Step]]
    order: int | None  # of what they leave
    proves: ClassVar[bool] = True

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield what fails."""
        first, *others = claim.concludes
        for other in others:
            if [opened(other.left), opened(other.right)] != [twin(opened(x)) for x in (first.left, first.right)]:
                yield f"{text(other)} is something else"
        if self.order and (first.order is None or first.order > self.order):
            yield f"it leaves O(ε^{self.order})"
        if first.sign == "<":
            yield "lines show ≤, and the claim is strict"
        steps = tuple(self.lines(first))
        yield from (step.says for step in steps if not step.holds)
        if not any(step.reaches for step in steps):
            yield "no line reaches the right side"

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield the lines."""
        yield from (step.says for step in self.lines(claim.concludes[0]))


def reaching(name: str, order: int | None = None) -> Callable[[Callable[[Relation], Iterator[Step]]], Reached]:
    """Turn a generator of lines about a conclusion, which leave O(ε^order), into the argument for it."""
    return lambda lines: Reached(name, lines, order)


@dataclass(frozen=True)
class Attained(Proof):
    """No smaller right side will do: instances that reach it, whatever value its parameters have."""

    # one value a parameter (and, if it only approaches the bound, how near) -> content of an instance file
    family: Callable[..., Mapping[str, Any]]
    # every parameter of the right side, and the values that are tried; of two models the target's are the same,
    # unless they are listed, too. Without any, only that no smaller factor will do is shown.
    over: Mapping[Term, Sequence[Any]] = field(default_factory=dict)
    every_pair: bool = False  # the condition numbers of both models are listed
    approaches: bool = False  # the right side is a supremum
    # no smaller factor will do, whatever its parameters; the first one of the right side. None: all of it.
    factor: Term | None = None

    @property
    def shows(self) -> frozenset[Word]:  # type: ignore[override]
        """That no smaller factor will do, or with parameters "sharp", and for every pair if it says so."""
        return frozenset([Word.SHARP, *[Word.EVERY_PAIR] * self.every_pair] if self.over else [Word.FACTOR])

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield what fails."""
        known = {*self.over, *(twin(x) for x in self.over if x.op != "cond" or not self.every_pair)}
        for goal in claim.concludes:
            small = {Term("scalar", name="epsilon")} if goal.order else set()  # ε is only a scale there
            whole = opened(goal.right)
            if self.factor is not None and not (whole.op == "mul" and whole.args[0] == opened(self.factor)):
                yield f"{text(self.factor)} is no factor of the right side"
            if self.over and (
                free := undetermined(opened(self.factor or goal.right), small | {opened(x) for x in known})
            ):
                yield f"the right side depends on {text(free)}, which is no parameter"
        if not claim.concludes or claim.setting is None:
            yield "there is nothing to attain"
            return
        for values in product(*self.over.values()):
            at = ", ".join(f"{text(x)} = {v}" for x, v in zip(self.over, values, strict=True))
            raw = self.family(*values, *([NEAR] if self.approaches else []))
            try:
                ratio = evaluate(claim, raw).decisive_ratio
            except InvalidValueError as error:
                yield f"{at}: {error}"
                continue
            if not abs(ratio - 1) <= EQUALITY:
                yield f"{at}: {ratio:.6g} of the right side"
            instance = Values(claim.setting.read(raw))
            for x, v in zip(self.over, values, strict=True):
                if not abs(instance(x) - v) <= EQUALITY * (1 + abs(v)):
                    yield f"{at}: {text(x)} is {float(instance(x)):.6g}"

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield the family in words, and the parameters."""
        yield f"{'Approached' if self.approaches else 'Attained'} by {(self.family.__doc__ or '').strip().rstrip('.')}"
        tried = (f"{text(x)} in {{{', '.join(map(str, values))}}}" for x, values in self.over.items())
        yield f"evaluated at 50 digits for {', '.join(tried)}"


def twin(x: Term) -> Term:
    """Return the formula of the target model for one of the source."""
    letters = {y for y in x.walk() if y.op in {"row", "matrix"} and y.name != "ab" and not y.name.endswith("_target")}
    return replaced(x, {y: Term(y.op, name=f"{y.name}_target") for y in letters})


def undetermined(x: Term, known: set[Term]) -> Term | None:
    """Return a letter on which a formula depends otherwise than by known parts; None if there is none."""
    if x in known or (x.op == "sine" and Term("sim", x.args) in known):
        return None
    if x.op in {"scalar", "row", "matrix"}:
        return x
    return next((y for y in (undetermined(a, known) for a in x.args) if y), None)


@dataclass(frozen=True)
class Contradicted(Proof):
    """A shipped instance in exact numbers: it meets every hypothesis of the claim exactly, and violates it."""

    witness: str
    refutes: ClassVar[bool] = True

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield what fails."""
        values = Values(exact_instance(claim, witness(self.witness)))
        for given in claim.given:
            if not holds_exactly(given, values):
                yield f"{self.witness} misses {text(given)}"
        if all(holds_exactly(goal, values) for goal in claim.goals):
            yield f"{self.witness} does not violate {claim.statement}"

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield both sides in exact numbers."""
        values = Values(exact_instance(claim, witness(self.witness)))
        for goal in claim.goals:
            left, right = values(goal.left), values(goal.right)
            if goal.left.kind == "scalar":
                one, other = (sympy().simplify(side) for side in (left, right))
                yield f"{self.witness}: {text(goal.left)} = {one}, {text(goal.right)} = {other}"
            else:
                yield f"{self.witness}: the squared entries of the difference add up to {((left - right) ** 2).sum()}"


def contradicted(*names: str) -> tuple[Proof, ...]:
    """Return a refutation by each of these shipped instances."""
    return tuple(Contradicted(f"{name} in exact numbers", name) for name in names)


def holds_exactly(r: Relation, values: Values) -> bool:
    """Whether a relation holds for exact numbers; a TypeError of sympy says that it does not decide it."""
    sp = sympy()
    left, right = values(r.left), values(r.right)
    if r.left.kind != "scalar":
        return all(sp.simplify(x) == 0 for x in np.asarray(left - right).flat)
    if r.left.op == "spectral" and r.sign == "<=" and not getattr(right, "free_symbols", None):
        m = sp.Matrix(values(r.left.args[0]).tolist())  # ε²I − MᵀM ⪰ 0 needs no eigenvalue
        return bool((right**2 * sp.eye(m.cols) - m.T * m).is_positive_semidefinite)
    difference = sp.simplify(left - right)
    return bool(difference == 0 if r.sign == "=" else difference < 0 if r.sign == "<" else difference <= 0)


def exact_instance(claim: Claim, raw: Mapping[str, Any]) -> Any:
    """Return the instance of a file in sympy's rationals."""
    sp = sympy()
    assert claim.setting is not None
    letters = {letter.key: letter.attribute for letter in claim.setting.letters}

    def exact(x: Any) -> Any:
        return [exact(y) for y in x] if isinstance(x, list) else sp.Rational(Fraction(x))

    values = {letters[key]: exact(value) for key, value in raw.items() if key in letters}
    arrays = {name: np.array(v, dtype=object) if isinstance(v, list) else v for name, v in values.items()}
    return claim.setting.build(**arrays)


@dataclass(frozen=True)
class Reasoned(Proof):
    """Lines about what no relation of the claim says."""

    statement: str  # what is shown, one line
    lines: Callable[[Claim], Iterator[Step]]  # claim -> lines

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield what fails."""
        steps = tuple(self.lines(claim))
        if not steps:
            yield "there are no steps"
        if (self.proves or self.refutes) and claim.concludes:
            yield "lines settle no formula: that takes a derivation or an instance"
        yield from (step.says for step in steps if not step.holds)

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield what is shown, and the sentences of the lines."""
        yield f"To show: {self.statement}"
        yield from (step.says for step in self.lines(claim))


@dataclass(frozen=True)
class Shown(Reasoned):
    """Lines for a statement in prose."""

    proves: ClassVar[bool] = True


@dataclass(frozen=True)
class Refuted(Reasoned):
    """Lines against a statement in prose."""

    refutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Remarked(Reasoned):
    """Lines for what the remark says."""


@dataclass(frozen=True)
class OnlyIf(Reasoned):
    """Lines for the other direction of an iff."""

    shows: ClassVar[frozenset[Word]] = frozenset([Word.CONVERSE])


P = TypeVar("P", bound=Reasoned)


def argued(kind: type[P], name: str, statement: str) -> Callable[[Callable[[Claim], Iterator[Step]]], P]:
    """Turn a generator of lines into an argument of a kind."""
    return lambda lines: kind(name, statement, lines)


@dataclass(frozen=True)
class Resting(Proof):
    """A statement in prose that rests on claims with formulas: each keeps its verdict by an argument of its own."""

    claims: tuple[str, ...]  # their ids
    about: Term  # the left side that they have to be about
    needs: ClassVar[Verdict] = Verdict.PROVED

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield which of them does not."""
        from ioadapt_theory.claims.registry import CLAIMS  # whose files use this module

        for name in self.claims:
            other = CLAIMS[name]
            settled = [p for p in other.proofs if (p.refutes if self.needs is Verdict.REFUTED else p.proves)]
            if not settled or not all(p.holds(other) for p in settled):
                yield f"{name} is not {self.needs}"
            if any(opened(r.left) != opened(self.about) for r in other.concludes):
                yield f"{name} is not about {text(self.about)}"

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield their statements."""
        from ioadapt_theory.claims.registry import CLAIMS

        for name in self.claims:
            yield f"{name} ({self.needs}): {CLAIMS[name].statement}"


@dataclass(frozen=True)
class ShownBy(Resting):
    """Proved claims say it."""

    proves: ClassVar[bool] = True


@dataclass(frozen=True)
class RefutedBy(Resting):
    """Proved claims say the contrary."""

    refutes: ClassVar[bool] = True


@dataclass(frozen=True)
class Said(Strategy):
    """Every word of a claim has something that shows it: an attaining instance, or an argument that says so."""

    kind: Evidence = Evidence.EXACT

    def __call__(self, claim: Claim, run: Run, part: int) -> Finding:
        """Return a lack for what nothing shows; that what shows it holds is judged where it runs."""
        shown = frozenset[Word]().union(*(p.shows for p in claim.proofs))
        if claim.attained:
            shown |= {Word.ATTAINED}
        missing = frozenset(f'nothing shows "{word}"' for word in claim.words if word not in shown)
        return Finding(kind=self.kind, lacks=missing)
