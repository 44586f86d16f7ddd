"""Exact arguments, one class per kind of conclusion, so that the verdict follows from the class.

- ``Derived``, ``Argued`` and ``By``: a readable proof of a theorem that Coq has checked: chains, steps, other claims.
- ``Expanded``: exact algebra of matrices of any size proves an equation.
- ``Computed``: a statement without letters is evaluated exactly.
- Module ``extremes``: instances that attain a bound or violate a claim.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ioadapt_theory.claims.claim import Claim, Run, Word
from ioadapt_theory.claims.evidence.formal import machine_checked
from ioadapt_theory.claims.evidence.searches import seeded
from ioadapt_theory.claims.expression import algebra
from ioadapt_theory.claims.expression.notation import definitions, text
from ioadapt_theory.claims.expression.tree import Relation, Term, opened, rank, replaced, rows, scalar
from ioadapt_theory.claims.expression.values import ROUNDING, Values, fits
from ioadapt_theory.claims.findings import Evidence, Finding, Verdict
from ioadapt_theory.claims.settings.letters import first_order

__all__ = [
    "Argued", "By", "Chain", "Computed", "Derived", "Expanded", "Link", "Step", "all_equal", "argued", "at_most",
    "derived", "equal", "shown",
]  # fmt: skip
"""Exported to ``language``."""


@dataclass(frozen=True)
class Proof:
    """An exact argument about a claim.

    Attributes:
        proves: whether an argument of this class proves the relations of the claim.
        refutes: whether it contradicts the claim.
        shows: the properties in ``Claim.words`` that it establishes.
    """

    kind: ClassVar[Evidence] = Evidence.EXACT
    name: ClassVar[str]
    proves: ClassVar[bool] = False
    refutes: ClassVar[bool] = False
    shows: ClassVar[frozenset[Word]] = frozenset()

    def broken(self, claim: Claim) -> Iterator[str]:
        """Yield a message for each step that fails, and one if the argument does not end at the claim."""
        raise NotImplementedError

    def printed(self, claim: Claim) -> Iterator[str]:
        """Yield the argument as text, line by line."""
        raise NotImplementedError

    def holds(self, claim: Claim) -> bool:
        return next(iter(self.broken(claim)), None) is None

    def __call__(self, claim: Claim, run: Run) -> Finding:
        """Return the outcome; if the argument fails, ``lacks`` holds the first message of ``broken``."""
        fails = next(iter(self.broken(claim)), None)
        names, none = frozenset([self.name]), frozenset[str]()
        return Finding(
            kind=self.kind, instances=1, lacks=none if fails is None else frozenset([f"{self.name}: {fails}"]),
            proves=names if fails is None and self.proves else none,
            refutes=names if fails is None and self.refutes else none,
        )  # fmt: skip


@dataclass(frozen=True)
class InCoq(Proof):
    """A human-readable proof, which proves nothing by itself: the claim is proved if Coq has a theorem about it."""

    proves: ClassVar[bool] = True

    def broken(self, claim: Claim) -> Iterator[str]:
        if claim.expected is Verdict.PROVED and not machine_checked(claim, Run()).proves:
            yield "Coq has no theorem about this formula"

    def __call__(self, claim: Claim, run: Run) -> Finding:
        return replace(super().__call__(claim, run), proves=machine_checked(claim, run).proves)


def values_of(claim: Claim, numbers: Iterable[str] = ()) -> Values:
    """Return the values of formulas on random instances of a claim; ``numbers`` are further letters, drawn too."""
    run = Run()
    generator = seeded(run, claim.id)
    assert claim.setting is not None
    values = Values(claim.setting.draw(run.starts, generator))
    draws = {name: torch.randn(run.starts, generator=generator, dtype=torch.float64).exp() for name in numbers}
    values.known |= {scalar(name): x for name, x in draws.items()}
    return values


def variants(claim: Claim) -> list[tuple[Values, Tensor]]:
    """Return random instances, those with one letter 0 or ε doubled, and which of them meet the hypotheses."""
    drawn, (true,) = values_of(claim).instance, torch.tensor([True])
    assert claim.setting is not None
    values = {x.attribute: getattr(drawn, x.attribute) for x in claim.setting.letters}
    changes = [{name: 0 * value} for name, value in values.items() if value is not None and "epsilon" not in name]
    changes += [{name: 2 * drawn.epsilon} for name in values if "epsilon" in name]
    every = [drawn, *(replace(drawn, **change) for change in changes)]
    return [
        (Values(i), sum((~(r <= ROUNDING) for r in claim.inequality.residuals(i).values()), ~true) == 0) for i in every
    ]


def same(one: Term, other: Term, values: Values, meets: Tensor) -> bool:
    """Return whether two numbers are equal on the instances that meet the hypotheses, where they have values."""
    try:
        undefined = ~torch.isfinite(torch.as_tensor(values(one) - values(other), dtype=torch.float64))
    except RuntimeError:  # a matrix that is 0 has no inverse
        return True
    return bool((fits(one.equals(other), values) | undefined | ~meets).all())


def named(claim: Claim, terms: Iterable[Term]) -> Iterator[str]:
    """Yield the definitions of the names in the formulas that are not among those of the statement."""
    known = definitions((*claim.given, *claim.concludes))
    yield from (f"  where {x}" for x in definitions([x.equals(x) for x in terms]) if x not in known)


class Link(NamedTuple):
    """A formula of a chain, and the reason why the previous formula is at most this one, or equal to it."""

    says: str
    formula: Term


class Chain(NamedTuple):
    """Formulas that lead from the left side of a conclusion, or from its first-order term, to its right side."""

    first: Term
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Derived(InCoq):
    """A proof that has one chain for each conclusion; the links are checked on random instances."""

    name: ClassVar[str] = "a chain of formulas"
    chains: tuple[Chain, ...]

    def broken(self, claim: Claim) -> Iterator[str]:
        yield from super().broken(claim)
        if len(self.chains) != len(claim.concludes) or claim.setting is None:
            yield f"{len(self.chains)} chains for {len(claim.concludes)} conclusions, or no setting"
            return
        values = values_of(claim)
        residuals = claim.inequality.residuals(values.instance)
        yield from (f"a random instance does not meet {given}" for given, r in residuals.items() if r.max() > 1e-9)
        for (first, links), goal in zip(self.chains, claim.concludes, strict=True):
            start = first_order(goal.left) if goal.order else goal.left
            if opened(first) != opened(start):
                yield f"the chain starts at {text(first)}, not at {text(start)}"
            if not links or opened(links[-1].formula) != opened(goal.right):
                yield f"the chain does not end at {text(goal.right)}"
            before = first
            for says, formula in links:
                if before == formula:
                    yield f"{says}: the formula does not change"
                step = Relation(before, goal.sign, formula)
                if not fits(step, values).all():
                    yield f"{says}: {text(step)} is false"
                before = formula

    def printed(self, claim: Claim) -> Iterator[str]:
        varied = variants(claim)
        for (first, links), goal in zip(self.chains, claim.concludes, strict=True):
            yield from named(claim, (first, *(x.formula for x in links)))
            yield text(first)
            before = first
            for says, formula in links:
                equal = goal.sign == "=" or all(same(before, formula, *x) for x in varied)
                sign = "=" if equal else "≤"
                yield f"  {sign} {text(formula)}  ({says})"
                before = formula


def derived(first: Term, *links: Link) -> Derived:
    return Derived((Chain(first, links),))


def at_most(first: Term, *links: Link) -> dict[str, Any]:
    """Return arguments of ``Claim`` for the bound that a chain proves: ``first`` is at most the last formula."""
    return {"concludes": (first <= links[-1].formula,), "proofs": (derived(first, *links),)}


def equal(first: Term, *links: Link) -> dict[str, Any]:
    """Return arguments of ``Claim`` for the equation that a chain proves: ``first`` is the last formula."""
    return all_equal((first, *links))


def all_equal(*chains: tuple[Any, ...]) -> dict[str, Any]:
    """Return arguments of ``Claim`` for several such equations, each given by its chain: a formula, then links."""
    made = tuple(Chain(first, tuple(links)) for first, *links in chains)
    return {"concludes": tuple(x.first.equals(x.links[-1].formula) for x in made), "proofs": (Derived(made),)}


class Step(NamedTuple):
    """A relation, the reason why it holds, and the conditions under which it is needed and true."""

    relation: Relation
    because: str = ""
    under: tuple[Relation, ...] = ()


@dataclass(frozen=True)
class Argued(InCoq):
    """A proof in steps, which are relations between quantities of the claim; each is checked on random instances."""

    name: ClassVar[str] = "steps"
    steps: tuple[Step, ...]
    numbers: Iterable[str] = ()  # further letters; a step with one is about all positive numbers

    def broken(self, claim: Claim) -> Iterator[str]:
        yield from super().broken(claim)
        values = values_of(claim, self.numbers)
        for r, because, under in self.steps:
            if opened(r.left) == opened(r.right):
                yield f"{because}: {text(r)} says nothing"
            meets = torch.stack([fits(u, values) for u in under]).all(0) if under else torch.tensor([True])
            if not meets.any():
                yield f"{because}: never the case: {', '.join(map(text, under))}"
            if not (fits(r, values) | ~meets).all():
                yield f"{because}: {text(r)} is false"
        shown = [Relation(opened(r.left), r.sign, opened(r.right)) for r, *_ in self.steps]
        for goal in claim.goals:
            if Relation(opened(goal.left), goal.sign, opened(goal.right)) not in shown:
                yield f"the steps do not end at {text(goal)}"

    def printed(self, claim: Claim) -> Iterator[str]:
        own, twins = [], set[Relation]()
        for k, step in enumerate(self.steps, start=1):  # what repeats earlier steps for the target is not printed
            left, right = (opened(x) for x in (step.relation.left, step.relation.right))
            if Relation(left, step.relation.sign, right) not in twins:
                own.append((k, step))
                twins.add(Relation(twin(left), step.relation.sign, twin(right)))
        yield from (f"  for every number {name}" for name in self.numbers)
        yield from named(claim, [x for _, s in own for r in (s.relation, *s.under) for x in (r.left, r.right)])
        before = 0
        for k, (r, because, under) in own:
            if k > before + 1:
                yield repeated(before + 1, k - 1)
            condition = f"if {' and '.join(map(text, under))}: " if under else ""
            yield f"  {k}. {condition}{text(r)}" + (f"  ({because})" if because else "")
            before = k
        if before < len(self.steps):
            yield repeated(before + 1, len(self.steps))


def repeated(first: int, last: int) -> str:
    return f"  {first if first == last else f'{first} to {last}'}: the same for the target"


def argued(*steps: tuple[Any, ...] | Step, numbers: Iterable[str] = ()) -> Argued:
    return Argued(tuple(Step(*s) for s in steps), numbers)


def shown(*steps: tuple[Relation, str]) -> dict[str, Any]:
    """Return arguments of ``Claim`` for a claim whose conclusions are themselves the steps of its proof."""
    return {"concludes": tuple(r for r, _ in steps), "proofs": (argued(*steps),)}


@dataclass(frozen=True)
class By(InCoq):
    """A proof by other claims."""

    name: ClassVar[str] = "from other claims"
    others: tuple[str, ...]

    def broken(self, claim: Claim) -> Iterator[str]:
        from ioadapt_theory.claims import CLAIMS

        yield from super().broken(claim)
        if not self.others:
            yield "no claims are named"
        yield from (f"{x} is not proved" for x in self.others if str(CLAIMS[x].expected) != "proved")

    def printed(self, claim: Claim) -> Iterator[str]:
        from ioadapt_theory.claims import CLAIMS

        yield from (f"{x}: {CLAIMS[x].statement}" for x in self.others)


@dataclass(frozen=True)
class Expanded(Proof):
    """A proof of equations: both sides are expanded into products and traces of letters, for matrices of any size."""

    proves: ClassVar[bool] = True
    name: ClassVar[str] = "both sides expand to the same sum of products and traces, for matrices of any size"

    def broken(self, claim: Claim) -> Iterator[str]:
        assert claim.setting is not None
        shapes = {x.attribute: tuple(x.axes.split()) for x in claim.setting.letters}
        for r in claim.concludes:
            if opened(r.left) == opened(r.right):
                yield f"{text(r)} says nothing"
            elif not algebra.equal(r, claim.given, shapes):
                yield f"{text(r)} does not follow by expansion"
            inverted = {x.args[0] for side in (r.left, r.right) for x in opened(side).walk() if x.op == "inverse"}
            yield from (f"nothing says that {text(m)} is regular" for m in inverted
                        if rank(m).equals(rows(m)) not in claim.given)  # fmt: skip

    def printed(self, claim: Claim) -> Iterator[str]:
        yield f"expand both sides of {' and of '.join(map(text, claim.concludes))}"
        if rules := [text(r) for r in claim.given if r.sign == "="]:
            yield f"and replace by {', '.join(rules)}"


@dataclass(frozen=True)
class Computed(Proof):
    """The exact values of both sides of a statement without letters, for or against the claim."""

    name: ClassVar[str] = "both sides computed exactly"

    def broken(self, claim: Claim) -> Iterator[str]:
        if not claim.concludes or claim.setting is None or claim.setting.letters:
            yield "the claim has letters"

    def __call__(self, claim: Claim, run: Run) -> Finding:
        names, none = frozenset([self.name]), frozenset[str]()
        if lacks := frozenset(self.broken(claim)):
            return Finding(kind=self.kind, lacks=lacks)
        values = Values(None)
        sides = [(values(r.left), r.sign, values(r.right)) for r in claim.concludes]
        said = all(a == b if sign == "=" else a < b if sign == "<" else a <= b for a, sign, b in sides)
        return Finding(kind=self.kind, instances=1, proves=names if said else none, refutes=none if said else names)

    def printed(self, claim: Claim) -> Iterator[str]:
        values = Values(None)
        sides = dict.fromkeys(x for r in claim.concludes for x in (r.left, r.right) if x.op != "number")
        yield from (f"{text(x)} = {values(x)}" for x in sides)


def twin(x: Term) -> Term:
    """Return the formula for the target model: w_target for w, x1_target for x1, and so on; both models share ab."""
    letters = {y for y in x.walk() if y.op in {"row", "matrix"} and y.name != "ab" and not y.name.endswith("_target")}
    return replaced(x, {y: Term(y.op, name=f"{y.name}_target") for y in letters})
