"""Proofs as chains: from the left side of a statement to its right side, every link an instance of a named rule.

A chain holds if it starts and ends where the statement does, and every link is algebra, a rule, a hypothesis of the
statement, or one of these inside sums, products, powers and the like that increase with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ioadapt_theory.claims.expression.algebra import equal, symbol, symbolic, sympy
from ioadapt_theory.claims.expression.limits import first_order
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import (
    Relation,
    Term,
    dot,
    fro,
    inner,
    linear_part,
    matrix,
    norm,
    opened,
    outer,
    pinv,
    rank,
    replaced,
    row,
    rows,
    scalar,
    sigma,
    sim,
    sine,
    spectral,
)

__all__ = [
    "CAUCHY_SCHWARZ", "LEFT", "OPERATOR", "OUTER", "OUTER_NORM", "PSEUDOINVERSE", "RANK_FIRST", "RANK_SECOND",
    "RANK_SUM", "RIGHT", "ROWS", "SINE", "SPECTRAL_PRODUCT",
    "SQUARE", "THROUGH", "TRIANGLE", "TRIANGLE_DIFFERENCE", "TRIANGLE_FROBENIUS", "Deduction", "Link", "Rule",
    "rule",
]  # fmt: skip
"""Names that claims are written in (``language``)."""

NONNEGATIVE = frozenset(
    "norm fro spectral cond sqrt abs sine positive mean_square angle arcsin sigma hessian_norm sup_hessian_norm rank"
    " size pi".split()
)


@dataclass(frozen=True)
class Rule:
    """A theorem that is used: its name, the relation in letters that stand for any formula, and what it asks for.

    Letters named with a leading "?" stand for any formula of their kind.
    """

    name: str
    relation: Relation
    given: tuple[Relation, ...] = ()

    def broken(self) -> Iterator[str]:
        """Yield what is wrong with its own argument; nothing, for a theorem of the textbooks."""
        yield from ()


A, B = scalar("?a"), scalar("?b")
U, V, X, Y = row("?u"), row("?v"), row("?x"), row("?y")
M, N = matrix("?M"), matrix("?N")

CAUCHY_SCHWARZ = Rule("Cauchy and Schwarz", abs(dot(U, V)) <= norm(U) * norm(V))
TRIANGLE = Rule("triangle inequality", abs(A + B) <= abs(A) + abs(B))
TRIANGLE_DIFFERENCE = Rule("triangle inequality", abs(A - B) <= abs(A) + abs(B))
TRIANGLE_FROBENIUS = Rule("triangle inequality", fro(M + N) <= fro(M) + fro(N))
OPERATOR = Rule("‖uM‖ ≤ ‖u‖‖M‖₂", norm(U @ M) <= norm(U) * spectral(M))
LEFT = Rule("‖MN‖_F ≤ ‖M‖₂‖N‖_F", fro(M @ N) <= spectral(M) * fro(N))
RIGHT = Rule("‖MN‖_F ≤ ‖M‖_F‖N‖₂", fro(M @ N) <= fro(M) * spectral(N))
SINE = Rule("(1 + |s|)² − (1 − s²) = 2|s|(1 + |s|) ≥ 0", sine(U, V) <= 1 + abs(sim(U, V)))
SQUARE = Rule("2a² + 2b² − (a + b)² = (a − b)² ≥ 0", (A + B) ** 2 <= 2 * A**2 + 2 * B**2)
SPECTRAL_PRODUCT = Rule("‖MN‖₂ ≤ ‖M‖₂‖N‖₂", spectral(M @ N) <= spectral(M) * spectral(N))
PSEUDOINVERSE = Rule("‖M⁺‖₂ = 1/σ_min(M) for full rank", spectral(pinv(M)) <= 1 / sigma(M, 1))
THROUGH = Rule("rank(MN) ≤ rows(N)", rank(M @ N) <= rows(N))
RANK_FIRST = Rule("rank(MN) ≤ rank(M)", rank(M @ N) <= rank(M))
RANK_SECOND = Rule("rank(MN) ≤ rank(N)", rank(M @ N) <= rank(N))
ROWS = Rule("rows(MN) = rows(M)", rows(M @ N).equals(rows(M)))
RANK_SUM = Rule("rank(M + N) ≤ rank(M) + rank(N)", rank(M + N) <= rank(M) + rank(N))
OUTER = Rule("⟨uᵀv, xᵀy⟩ = ⟨u, x⟩⟨v, y⟩", inner(outer(U, V), outer(X, Y)).equals(dot(U, X) * dot(V, Y)))
OUTER_NORM = Rule("‖uᵀv‖_F = ‖u‖‖v‖", fro(outer(U, V)).equals(norm(U) * norm(V)))
NORMS = Rule("‖M‖₂ ≤ ‖M‖_F", spectral(M) <= fro(M))
RULES = tuple(x for x in vars().values() if isinstance(x, Rule))
"""Rules that are used and not proved again; a test tries each on random arguments."""
REPEATED = (OPERATOR, LEFT, RIGHT, TRIANGLE, TRIANGLE_FROBENIUS)
"""They make the formula smaller, so they may be used again on what they leave."""


def rule(name: str, relation: Relation, given: tuple[Relation, ...] = ()) -> Rule:
    """Return a statement of our own as a rule: its letters stand for any formula, but ε for itself."""

    def open_(x: Term) -> Term:
        if x.op in {"scalar", "row", "matrix"} and x.name != "epsilon":
            return Term(x.op, name=f"?{x.name}")
        return Term(x.op, tuple(map(open_, x.args)), "" if x.op in {"let", "sine"} else x.name)

    def relation_(r: Relation) -> Relation:
        return Relation(open_(opened(r.left)), r.sign, open_(opened(r.right)))

    return Rule(name, relation_(relation), tuple(map(relation_, given)))


TAYLOR: Final = 2
"""The order of what a first-order term leaves."""


@dataclass(frozen=True, slots=True)
class Link:
    """The next formula of a chain, at least the one before, and why; with ``order``, equal to it up to O(ε^order)."""

    says: str
    formula: Term
    by: tuple[Rule | Relation, ...] = ()
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Deduction:
    """A chain from a formula by links: what it concludes has a direction and an order.

    It concludes ``first = last`` if every link is an equation, else ``first ≤ last``, up to the lowest order that a
    link leaves. A chain from the first order of the goal's left side leaves O(ε²).
    """

    first: Term
    links: tuple[Link, ...]

    def broken(self, goal: Relation, given: Iterable[Relation]) -> Iterator[str]:
        """Yield what is wrong with it as a proof of a goal from hypotheses; nothing, if it is one."""
        orders = [link.order for link in self.links if link.order is not None]
        if opened(self.first) != opened(goal.left):
            if goal.order is None or opened(self.first) != opened(first_order(goal.left)):
                yield f"it starts at {text(self.first)}, not at {text(goal.left)}"
            orders.append(TAYLOR)
        if orders and (goal.order is None or goal.order > min(orders)):
            yield f"it leaves O(ε^{min(orders)}), and the goal " + (f"O(ε^{goal.order})" if goal.order else "nothing")
        if not self.links or opened(self.links[-1].formula) != opened(goal.right):
            yield f"it does not end at {text(goal.right)}"
        small = (scalar("epsilon") < 1,) if goal.order else ()
        allowed, before, equations = (*given, *small), self.first, True
        for link in self.links:
            missing = [r for r in link.by if isinstance(r, Relation) and r not in allowed]
            if missing:
                yield f"{link.says}: {text(missing[0])} is no hypothesis"
            for used in link.by:
                yield from used.broken() if isinstance(used, Rule) else ()
            if link.order is not None:
                equations = False
                if not expands(before, link):
                    yield f"{link.says}: {text(before)} = {text(link.formula)} + O(ε^{link.order}) does not follow"
            elif same(rewritten(opened(before), link.by), rewritten(opened(link.formula), link.by), link.by):
                if before == link.formula:
                    yield f"{link.says}: this link says nothing"
            elif at_most(before, link.formula, link.by, allowed):
                equations = False
            else:
                yield f"{link.says}: {text(before)} ≤ {text(link.formula)} does not follow"
            before = link.formula
        if goal.sign == "<":
            yield "links show ≤, and the goal is strict"
        if goal.sign == "=" and not equations:
            yield "the goal is an equation, and a link is not"


def expands(before: Term, link: Link) -> bool:
    """Whether the series of a formula in ε is the next one up to the order of the link."""
    known = {side: symbol(k, "scalar") for k, r in enumerate(link.by) if isinstance(r, Relation)
             for side in (opened(r.left), opened(r.right))}  # fmt: skip
    rest = symbolic(opened(before), known) - symbolic(opened(link.formula), known)
    sp, epsilon = sympy(), symbolic(scalar("epsilon"))
    return bool(sp.simplify(sp.series(sp.simplify(rest), epsilon, 0, link.order).removeO()) == 0)


def rewritten(x: Term, by: Iterable[Rule | Relation]) -> Term:
    """Use the equations among the rules, from left to right and wherever they fit."""
    x = Term(x.op, tuple(rewritten(a, by) for a in x.args), x.name)
    for used in by:
        if isinstance(used, Rule) and used.relation.sign == "=" and not used.given:
            found = matched(opened(used.relation.left), x, {})
            x = x if found is None else replaced(opened(used.relation.right), found)
    return x


def same(a: Term, b: Term, by: Iterable["Rule | Relation"] = ()) -> bool:
    """Whether they are equal by algebra, by E‖xD‖² = σ²‖D‖_F², and by equations, whose sides are one symbol then."""
    if opened(a) == opened(b):
        return True
    equations = [r for r in by if isinstance(r, Relation) and r.sign == "="]
    ones, known = list[tuple[Term, Term]](), dict[Term, Any]()
    for k, r in enumerate(equations):
        match opened(r.left), opened(r.right):
            case Term("product", (m, n)), Term("eye"):
                ones.append((m, n))
            case Term("rank", (m,)), Term("size", (n,)) if m == n:  # of square matrices: they are regular
                ones += [(m, Term("inverse", (m,))), (Term("inverse", (m,)), m)]
            case sides:
                known |= dict.fromkeys(sides, symbol(k, r.left.kind))
    return equal(opened(second_moment(a)), opened(second_moment(b)), known, ones)


@cache
def second_moment(x: Term) -> Term:
    """Return E‖xD‖² written as σ²‖D‖_F², or ‖FD‖_F², wherever it stands: all that is used of the law of x."""
    if x.op == "mean_square":
        d, law = linear_part(x.args[0]), x.args[1]
        assert d is not None
        return law**2 * fro(d) ** 2 if law.kind == "scalar" else fro(law @ d) ** 2
    return Term(x.op, tuple(second_moment(a) for a in x.args), x.name)


def at_most(left: Term, right: Term, by: Iterable[Rule | Relation], given: tuple[Relation, ...] = ()) -> bool:
    """Whether left ≤ right follows from rules and hypotheses, at any depth where it increases."""
    left, right, by = opened(left), opened(right), tuple(by)
    if left == right:
        return True
    for used in by:
        relation, needs = (used.relation, used.given) if isinstance(used, Rule) else (used, ())
        rest = [r for r in by if r is not used or r in REPEATED]
        sides = (opened(relation.left), opened(relation.right))
        for one, other in (sides, sides[::-1]) if relation.sign == "=" else (sides,):
            bound = matched(one, left, {})
            whole = None if bound is None else matched(other, right, bound)  # letters that only the right side has
            if whole is not None and all(_among(instance(g, whole), given) for g in needs):
                return True
            if bound is not None and all(_among(instance(g, bound), given) for g in needs):
                there = replaced(other, bound)
                if there == right or (there != left and at_most(there, right, rest, given)):
                    return True
    return _increases(left, right, by, given) or same(left, right)


def _increases(left: Term, right: Term, by: tuple[Rule | Relation, ...], given: tuple[Relation, ...]) -> bool:
    """Whether it is the same operation on both sides, which increases in all that differs."""
    if left.op != right.op or len(left.args) != len(right.args) or left.name != right.name:
        return False
    pairs = list(zip(left.args, right.args, strict=True))
    match left.op:
        case "add" | "max" | "min" | "arcsin" | "ln" | "artanh" | "sqrt" | "positive":
            return all(at_most(a, b, by, given) for a, b in pairs)
        case "sum":
            return all(at_most(a, b, by, given) for a, b in pairs[1:])
        case "mul":
            return all(nonnegative(a) and at_most(a, b, by, given) for a, b in pairs)
        case "div":
            tops, bottoms = pairs
            return nonnegative(bottoms[0]) and same(*bottoms) and at_most(*tops, by, given)
        case "pow":
            return int(left.name) > 0 and nonnegative(left.args[0]) and at_most(*pairs[0], by, given)
    return False


def _among(wanted: Relation, given: tuple[Relation, ...]) -> bool:
    return any(
        (opened(wanted.left), wanted.sign, opened(wanted.right)) == (opened(g.left), g.sign, opened(g.right))
        for g in given
    )


def nonnegative(x: Term) -> bool:
    """Whether the form shows that it is not negative."""
    if x.op in NONNEGATIVE or (x.op == "scalar" and x.name in {"epsilon", "sigma"}):
        return True
    if x.op == "number":
        return not x.name.startswith("-")
    return x.op in {"add", "mul", "div", "pow", "sum", "let"} and all(map(nonnegative, x.args[x.op == "sum" :]))


def matched(pattern: Term, x: Term, bound: Mapping[Term, Term]) -> dict[Term, Term] | None:
    """Return what the letters of a pattern stand for, if x has its form."""
    if pattern.name.startswith("?"):
        if pattern.kind != x.kind or bound.get(pattern, x) != x:
            return None
        return {**bound, pattern: x}
    if pattern.op != x.op or pattern.name != x.name or len(pattern.args) != len(x.args):
        return None
    further: dict[Term, Term] | None = dict(bound)
    for p, a in zip(pattern.args, x.args, strict=True):
        further = None if further is None else matched(p, a, further)
    return further


def instance(pattern: Relation, bound: Mapping[Term, Term]) -> Relation:
    """Return the relation with its letters replaced."""
    return Relation(replaced(pattern.left, bound), pattern.sign, replaced(pattern.right, bound))
