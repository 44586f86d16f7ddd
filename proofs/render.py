"""Rendering of claims as Coq propositions, in the vocabulary of proofs/coq/Vocabulary.v and Further.v.

A quantity without a closed form (a norm, a singular value, a pseudoinverse, an angle) is a variable with its defining
property as a hypothesis; a distribution of rows is given by its second moments, and cosine, sine and logarithm by their
equations. Rows in a cosine are assumed not to be zero. O(ε^p) stands for a bound K ε^p for some K and all ε ≤ e0, where
K and e0 may depend on everything except ε and AB; the constant in O(a) may depend on everything except the rows in a. A
refuted statement is about adapters of less than full rank, the weakest reading; a proved one is about any adapter.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from ioadapt_theory.claims.claim import Claim, Word
from ioadapt_theory.claims.evidence.argument import twin
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.tree import Relation, Term, opened, replaced, term

EPSILON: Final = Term("scalar", name="epsilon")
AB: Final = Term("matrix", name="ab")
SMALL: Final = frozenset((EPSILON, AB))
BINARY: Final = {"add": "+", "plus": "+", "mul": "*", "div": "/", "scale": "*:", "product": "*m"}
CALLS: Final = {
    "dot": "dot", "inner": "inner", "norm": "norm", "sim": "sim", "sine": "sine", "fro": "fro", "sqrt": "Num.sqrt",
    "max": "Num.max", "min": "Num.min", "inverse": "invmx", "transpose": "trmx", "cos": "cos", "ln": "ln",
    "artanh": "artanh ln",
}  # fmt: skip
DEFINED_BY: Final = {
    "spectral": "spectral", "cond": "cond", "pinv": "pinv", "hessian_norm": "hessian_norm", "segment": "segment",
    "sup_hessian_norm": "sup_hessian_norm", "angle": "angle cos pi", "arcsin": "arcsin sin pi", "sigma": "singular",
}  # fmt: skip
"""Operations that become variables in Coq, each with the predicate that defines its variable."""
CIRCLE: Final = "forall (cos sin : R -> R) (pi : R), circular cos sin pi ->"
LOGARITHM: Final = "complete R -> forall ln : R -> R, logarithm ln ->"
FIELD: Final = {
    "sup_hessian_norm": "complete R ->", "ln": LOGARITHM, "artanh": LOGARITHM,
    **dict.fromkeys(("angle", "arcsin", "cos", "pi"), CIRCLE),
}  # fmt: skip
"""Operations that need more than a real closed field R, each with what is required of R."""
KEYWORDS: Final = {
    "w": "W",
    "w_target": "W'",
    "w1": "W1",
    "w2": "W2",
    "w1_target": "W1'",
    "w2_target": "W2'",
    "factor": "F",
}
BOUND: Final = re.compile(r"\(([\w' ]+) : ")
PARAMETERS: Final = re.compile(r"(?:forall|exists) ([\w' ]+) : R,")
WORDS: Final = frozenset(
    """R forall exists norm sim sine dot inner fro spectral spectral_le cond pinv segment angle arcsin
artanh artanh_within singular law complete logarithm circular cos sin pi ln trmx invmx hessian_norm""".split()
)
"""Words of the statements, which no letter of a claim may hide."""
Order = int | None


class NoCoqError(ValueError):
    """Error: a claim cannot be stated in Coq."""


@dataclass
class Scope:
    """The symbols, variables and hypotheses of one Coq proposition while it is written.

    Attributes:
        axes: names of the axes of each symbol, such as ("c", "d") for a matrix.
        small: symbols that become small in an O(...) term: ε and AB, or rows.
        outer: hypotheses that do not depend on ``small``.
        inner: hypotheses that do.
        defined: terms that became variables, with the variables' names.
        binders: declarations of these variables, outer and inner.
        needs: what is required of the real closed field R, such as completeness.
    """

    axes: dict[str, tuple[str, ...]]
    small: frozenset[Term]
    outer: list[str] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    defined: dict[Term, str] = field(default_factory=dict)
    binders: dict[str, list[str]] = field(default_factory=lambda: {"outer": [], "inner": []})
    needs: list[str] = field(default_factory=list)

    def level(self, x: Term) -> str:
        return "inner" if any(t in self.small for t in x.walk()) else "outer"

    def suppose(self, what: str, about: Iterable[Term]) -> None:
        """Add a hypothesis to ``inner`` if one of the formulas in ``about`` depends on ``small``, else to ``outer``."""
        level = "inner" if "inner" in {self.level(x) for x in about} else "outer"
        if what not in self.outer + self.inner:
            getattr(self, level).append(what)

    def shape(self, x: Term) -> tuple[str, ...]:
        """Return the names of a formula's axes: ("c", "d") for a matrix, ("d",) for a row."""
        match x:
            case Term("row" | "matrix", _, name):
                return self.axes[name]
            case Term("product", (a, b)):
                return (*self.shape(a)[:-1], self.shape(b)[-1])
            case Term("plus", (a, b)):
                return self.shape(b if a.op == "eye" else a)
            case Term("scale", (_, a)) | Term("inverse", (a,)):
                return self.shape(a)
            case Term("outer", (u, v)):
                return (*self.shape(u), *self.shape(v))
            case Term("transpose" | "pinv", (a,)):
                return self.shape(a)[::-1]
        raise NoCoqError(x.op)

    def write(self, x: Term) -> str:
        """Return a formula in Coq's syntax; add the variables and hypotheses that it needs to the scope."""
        if x.op in FIELD and FIELD[x.op] not in self.needs:
            self.needs.append(FIELD[x.op])
        match x:
            case Term("scalar", _, "given_epsilon"):
                return "epsilon"
            case Term("row", _, "x"):
                return "x w"
            case Term("scalar" | "row" | "matrix", _, name):
                return "(A *m B)" if name == "ab" else letter(name)
            case Term("number", _, digits):
                return number(Fraction(digits))
            case Term("eye"):
                return "1%:M"
            case Term("pi"):
                return "pi"
            case Term("landau", (a,)):
                return f"K * {self.write(a)}"
            case Term("pow", (a,), power):
                return f"({self.write(a)} ^+ {power})"
            case Term("sum", (_, *terms)):
                return "(" + " + ".join(map(self.write, terms)) + ")"
            case Term("mul" | "scale", (Term("number", _, "-1"), a)):
                return f"(- {self.write(a)})"
            case Term("add" | "plus", (a, Term("mul" | "scale", (Term("number", _, "-1"), b)))):
                return f"({self.write(a)} - {self.write(b)})"
            case Term("abs", (a,)):
                return f"`|{self.write(a)}|"
            case Term("mean_square", (vector, law)):
                return self._mean_square(vector, law)
            case Term("outer", (u, v)):
                return f"((trmx {self.write(u)}) *m {self.write(v)})"
            case Term("positive", (a,)):
                return f"(Num.max {self.write(a)} 0)"
            case Term(op, args) if op in BINARY:
                return f"({self.write(args[0])} {BINARY[op]} {self.write(args[1])})"
            case Term(op, args) if op in DEFINED_BY:
                return self._variable(x)
            case Term(op, args) if op in CALLS:
                written = " ".join(map(self.write, args))
                if op in {"sim", "sine"}:
                    self._nonzero(args)
                return f"({CALLS[op]} {written})"
        raise NoCoqError(x.op)

    def _nonzero(self, vectors: Iterable[Term]) -> None:
        for a in vectors:
            self.suppose(f"{self.write(a)} != 0", [a])

    def _variable(self, x: Term) -> str:
        if x not in self.defined:
            if x.op == "angle":
                self._nonzero(x.args)
            index = [x.name.removeprefix("-")] if x.op == "sigma" else []
            written = " ".join([*index, *map(self.write, x.args)])
            name = f"{x.op[0]}{len(self.defined) + 1}"
            kind = f"'M[R]_({', '.join(self.shape(x))})" if x.op == "pinv" else "R"
            self.defined[x] = name
            self.binders[self.level(x)].append(f"({name} : {kind})")
            self.suppose(f"{DEFINED_BY[x.op]} {written} {name}", [x])
        return self.defined[x]

    def _mean_square(self, vector: Term, law: Term) -> str:
        first = next(t for t in vector.walk() if t.op == "product" and t.args[0] == Term("row", name="x"))
        axis = self.shape(first.args[1])[0]
        moments = (
            f"({letter(law.name)} ^+ 2)%:M" if law.kind == "scalar" else f"({letter(law.name)}^T *m {letter(law.name)})"
        )
        known = f"law x E {moments}"
        if known not in self.outer:
            self.binders["outer"] += ["(Omega : Type)", f"(x : Omega -> 'rV[R]_{axis})", "(E : (Omega -> R) -> R)"]
            self.outer.append(known)
        return f"(E (fun w => norm {self.write(vector)} ^+ 2))"

    def count(self, x: Term) -> str:
        """Return a formula for a natural number in Coq's syntax: a rank, a number of rows, a constant, or a sum."""
        match x:
            case Term("rank", (m,)):
                return f"\\rank ({self.write(m)})%R"
            case Term("size", (m,)):
                return self.shape(m)[0]
            case Term("add", (a, b)):
                return f"({self.count(a)} + {self.count(b)})"
            case Term("number", _, digits):
                return digits
        raise NoCoqError(x.op)

    def relation(self, r: Relation, remainder: str = "") -> str:
        """Return a relation in Coq's syntax; ranks are compared as natural numbers."""
        left, right = opened(r.left), opened(r.right)
        shift = _artanh_shift(left, right)
        if shift and r.sign == "<=":
            return "artanh_within " + " ".join(map(self.write, shift))
        if any(side.op == "rank" for side in (left, right)):
            return (
                f"({self.count(left)} {r.sign} {self.count(right)})%N"
                if r.sign != "="
                else f"{self.count(left)} = {self.count(right)}"
            )
        if left.op == "spectral" and r.sign == "<=":
            return f"spectral_le {self.write(left.args[0])} {self.write(right)}"
        sign = {"<=": "<=", "<": "<", "=": "="}[r.sign]
        return f"{self.write(left)} {sign} {self.write(right)}{remainder}"


def _artanh_shift(left: Term, right: Term) -> tuple[Term, Term, Term] | None:
    """Return a, b and q if the two sides are |artanh a − artanh b| and ln q, and None otherwise."""
    if left.op != "abs" or right.op != "ln":
        return None
    match left.args[0]:
        case Term("add", (Term("artanh", (a,)), Term("mul", (_, Term("artanh", (b,)))))):
            return a, b, right.args[0]
    return None


def letter(name: str) -> str:
    return KEYWORDS.get(name, name.replace("_target", "'"))


def number(x: Fraction) -> str:
    size = f"{abs(x.numerator)}" if x.denominator == 1 else f"({abs(x.numerator)} / {x.denominator})"
    return size if x >= 0 else f"(- {size})"


def identifier(claim: Claim) -> str:
    return claim.id.replace("-", "_")


def statement(claim: Claim) -> str:
    """Return the definition of the claim's statement in Coq.

    Raises:
        NoCoqError: the claim has no formula, or contains an operation that has no counterpart in Coq.
        ValueError: one name would have two meanings.
    """
    if not claim.concludes:
        raise NoCoqError(claim.id)
    needs, body = universal(claim)
    distinct(claim, body)
    if claim.words:
        sharp = existential(claim)
        distinct(claim, sharp)
        body = f"({body})\n  /\\\n  ({sharp})"
    return "\n  ".join([f"Definition {identifier(claim)} : Prop :=", *needs, f"{body}."])


def distinct(claim: Claim, body: str) -> None:
    """Check that no name bound in a proposition hides another, or a word of the statements.

    Raises:
        ValueError: one does, so that a letter of the claim would be captured.
    """
    groups = [*BOUND.findall(body), *PARAMETERS.findall(body)]
    names = Counter(name for group in groups for name in group.split())
    if twice := sorted(n for n, times in names.items() if times > 1 or n in WORDS):
        msg = f"In Coq, {', '.join(twice)} would have two meanings in {claim.id}; rename the claim's letter."
        raise ValueError(msg)


def _letters(claim: Claim) -> tuple[dict[str, tuple[str, ...]], list[Any]]:
    used = {t.name for r in _relations(claim) for side in (r.left, r.right) for t in opened(side).walk()}
    if claim.setting is None:  # rows of equal length
        rows = sorted(
            {t.name for r in claim.concludes for s in (r.left, r.right) for t in opened(s).walk() if t.op == "row"}
        )
        return dict.fromkeys(rows, ("d",)), []
    letters = [x for x in claim.setting.letters if x.attribute in used or x.attribute.removeprefix("given_") in used]
    axes = {x.attribute: tuple(x.axes.split()) for x in letters}
    if "epsilon" in used and not {"epsilon", "given_epsilon"} & axes.keys():
        axes["epsilon"] = ()
    return axes, letters


def _relations(claim: Claim) -> Iterator[Relation]:
    yield from claim.given
    yield from claim.concludes


def _scope(claim: Claim) -> tuple[Scope, list[str], list[str]]:
    """Return the scope of a claim with its hypotheses, and the declarations of its symbols, outer and inner."""
    axes, letters = _letters(claim)
    last = opened(claim.concludes[0].right)
    scope = Scope(axes, frozenset(x for x in last.walk() if x.op == "row") if last.op == "landau" else SMALL)
    names = sorted({a for ax in axes.values() for a in ax})
    assert not {letter(name) for name in axes} & {*names}, f"{claim.id}: a letter and a size have the same name"
    outer = [f"({' '.join(names)} : nat)"] if names else []
    inner = list[str]()
    for name, ax in axes.items():
        bare = name.removeprefix("given_")
        if bare == "ab":
            inner += ["(r : nat)", f"(A : 'M[R]_({ax[0]}, r))", f"(B : 'M[R]_(r, {ax[1]}))"]
        elif bare == "epsilon":
            inner.append("(epsilon : R)")
        else:
            kind = {0: "R", 1: "'rV[R]_{}", 2: "'M[R]_({}, {})"}[len(ax)].format(*ax)
            level = inner if Term("row", name=name) in scope.small else outer
            level.append(f"({letter(name)} : {kind})")
    if "ab" in axes and claim.expected is Verdict.REFUTED:
        scope.inner += [f"(r < {axis})%N" for axis in dict.fromkeys(axes["ab"])]
    for x in letters:
        if x.attribute != "ab" and (x.positive or x.nonnegative) and not (claim.concludes[0].order and not x.positive):
            (scope.inner if "epsilon" in x.attribute else scope.outer).append(
                f"0 {'<' if x.positive else '<='} {letter(x.attribute.removeprefix('given_'))}"
            )
    for given in claim.given:
        scope.suppose(scope.relation(given), [given.left, given.right])
    return scope, outer, inner


def universal(claim: Claim) -> tuple[list[str], str]:
    """Return what is required of the field R, and the statement that all instances satisfy the conclusions."""
    scope, outer, inner = _scope(claim)
    order, right = claim.concludes[0].order, opened(claim.concludes[0].right)
    remainder = f" + K * epsilon ^+ {order}" if order else ""
    concludes = " /\\ ".join(scope.relation(r, remainder) for r in claim.concludes)
    outer, inner = outer + scope.binders["outer"], inner + scope.binders["inner"]
    lines = [f"forall {' '.join(outer)},", *(f"  {h} ->" for h in scope.outer)]
    if order or right.op == "landau":
        lines.append("  exists K e0 : R, 0 < e0 /\\")
        scope.inner.insert(0, "0 < epsilon <= e0" if order else f"{scope.write(right.args[0])} <= e0")
    if inner:
        lines.append(f"  forall {' '.join(inner)},")
    return scope.needs, "\n  ".join([*lines, *(f"  {h} ->" for h in scope.inner), f"  {concludes}"])


def existential(claim: Claim) -> str:
    """Return the statement, in Coq, that the bound is attained or, as a supremum, approached by instances.

    "Approached" means that for every q < 1 some instance exceeds q times the bound. With Word.SHARP, the statement is
    about all values of the bound's arguments, such as the cosine (between -1 and 1) or the condition number of W. The
    two models have a common condition number, or separate ones with Word.EVERY_PAIR. For a bound up to O(ε^p), the
    statement is that no smaller multiple of ε suffices.
    """
    scope, outer, inner = _scope(claim)
    first = claim.concludes[0]
    left, right = opened(first.left), opened(first.right)
    cosine = _cosine(claim)
    start, fixed = "", list[str]()
    if Word.SHARP in claim.words:
        apart = Word.EVERY_PAIR in claim.words
        conditions = {
            scope.write(x): letter(x.args[0].name.replace("w", "k")) if apart else "k"
            for x in right.walk()
            if x.op == "cond" and x.args[0].op == "matrix"
        }
        ranges = ["-1 < s < 1"] * (cosine is not None) + [f"1 <= {k}" for k in dict.fromkeys(conditions.values())]
        letters = [*["s"] * (cosine is not None), *dict.fromkeys(conditions.values())]
        fixed = [*[f"{scope.write(x)} = s" for x in [cosine] if x], *(f"{x} = {k}" for x, k in conditions.items())]
        for x in _others(claim, cosine):
            letters.append(f"value{len(letters)}")
            below = " < 1" if x.op == "sim" or (x == EPSILON and Relation(x, "<", term(1)) in claim.given) else ""
            least = {"cond": "1", "sim": "-1"}.get(x.op, "0")
            ranges.append(f"{least} < {letters[-1]}{below}")
            if x.op == "sigma" and x.name != "-1":  # at least the singular value before
                ranges.append(f"{letters[-2]} <= {letters[-1]}")
            fixed.append(f"{scope.write(x)} = {letters[-1]}")
        start = f"forall {' '.join(letters)} : R, " + "".join(f"{r} -> " for r in ranges)
    written, bound = ("", "") if (shift := _artanh_shift(left, right)) else (scope.write(left), scope.write(right))
    if any(getattr(proof, "approaches", False) for proof in claim.proofs):  # a supremum: for every factor q < 1
        start = start.replace(" : R, ", " q : R, ", 1) if start else "forall q : R, "
        start += "0 < q < 1 -> "
        ends = [f"q * {bound} < {written}"]
    elif shift:
        ends = ["artanh_apart " + " ".join(map(scope.write, shift))]
    else:
        ends = [f"{written} = {bound}", f"0 < {bound}"]
    binders = outer + scope.binders["outer"] + inner + scope.binders["inner"]
    facts = [*scope.outer, *scope.inner, *fixed, *ends]
    if first.order is not None:
        slope = scope.write(replaced(right, {EPSILON: term(1)}))
        smaller = [
            "forall C K e0 : R, 0 < e0 ->",
            f"  (forall {' '.join(inner + scope.binders['inner'])},",
            *(f"    {h} ->" for h in ["0 < epsilon <= e0", *scope.inner]),
            f"    {written} <= C * epsilon + K * epsilon ^+ 2) ->",
            f"  {slope} <= C",
        ]
        binders = outer + scope.binders["outer"]
        facts = [*scope.outer, *fixed, f"0 < {slope}", "\n      ".join(smaller)]
    return f"{start}exists {' '.join(binders)},\n      " + " /\\\n      ".join(facts)


def _others(claim: Claim, cosine: Term | None) -> list[Term]:
    """Return the bound's arguments except for the cosine, condition numbers and, in bounds up to O(ε^p), ε."""
    over = [opened(x) for proof in claim.proofs for x in getattr(proof, "over", ())]
    right = {*opened(claim.concludes[0].right).walk()}
    equal = {opened(r.right) for r in claim.given if r.sign == "="}
    over += [other for x in over if (other := twin(x)) in right and other not in {*over, *equal}]
    small = {EPSILON} if claim.concludes[0].order else set()
    return [x for x in over if x != cosine and x not in small and not (x.op == "cond" and x.args[0].op == "matrix")]


def _cosine(claim: Claim) -> Term | None:
    # of the two outputs in App. A.1, of u and v in Lemma 1, or of two effects
    names = {x.attribute for x in claim.setting.letters} if claim.setting else set()
    if {"u", "v"} <= names:
        return Term("sim", (Term("row", name="u"), Term("row", name="v")))
    if {"e", "e_target"} <= names:
        return Term("sim", (Term("row", name="e"), Term("row", name="e_target")))
    if {"x1", "w"} <= names:
        w = Term("matrix", name="w")
        return Term("sim", tuple(Term("product", (Term("row", name=x), w)) for x in ("x1", "x2")))
    return None


HEAD: Final = """\
(* What the claims state. Rendered from their formulas by `python -m proofs`: not to be edited. *)
From mathcomp Require Import all_ssreflect all_algebra.
From ioadapt Require Import Vocabulary Further.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Statements.
Variable R : rcfType.
"""


def statements(claims: Iterable[Claim]) -> str:
    written = list[str]()
    for claim in claims:
        try:
            written.append(statement(claim))
        except NoCoqError:
            continue
    return HEAD + "\n" + "\n\n".join(written) + "\nEnd Statements.\n"
