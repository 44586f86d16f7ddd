"""Rendering of claims as Coq propositions, in the vocabulary of proofs/coq/Vocabulary.v.

A scalar that a claim names, such as δ or α, becomes a definition. A quantity without a closed form (a norm, a
singular value, a pseudoinverse, an angle) is a variable with its defining property as a hypothesis; a distribution of
rows is given by its second moments, and cosine, sine and logarithm by their equations. Rows in a cosine are assumed
not to be zero. O(ε^p) stands for a bound K ε^p for some K and all ε ≤ e0, where K and e0 may depend on everything
except ε and AB; the constant in O(a) may depend on everything except the rows in a. A refuted statement is about
adapters of less than full rank, the weakest reading; a proved one is about any adapter.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from typing import Any, Final

from ioadapt_theory.claims.claim import Claim, Word
from ioadapt_theory.claims.evidence.argument import twin
from ioadapt_theory.claims.expression.tree import Relation, Term, opened, replaced, term
from ioadapt_theory.claims.findings import Verdict

EPSILON: Final = Term("scalar", name="epsilon")
AB: Final = Term("matrix", name="ab")
SMALL: Final = frozenset((EPSILON, AB))
SUM, PRODUCT, POWER, CALL, ATOM = range(5)
"""Precedence of operations; a formula with lower precedence than its position requires is put in parentheses."""
BINARY: Final = {
    "add": ("+", SUM), "plus": ("+", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT), "scale": ("*:", PRODUCT),
    "product": ("*m", PRODUCT),
}  # fmt: skip
CALLS: Final = {
    "dot": "dot", "inner": "inner", "norm": "norm", "sim": "sim", "sine": "sine", "fro": "fro", "sqrt": "Num.sqrt",
    "max": "Num.max", "min": "Num.min", "inverse": "invmx", "transpose": "trmx", "cos": "cos", "ln": "ln",
    "artanh": "artanh ln", "outside": "outside",
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
    "w": "W", "w_target": "W'", "w1": "W1", "w2": "W2", "w1_target": "W1'", "w2_target": "W2'", "factor": "F",
}  # fmt: skip
NAMES: Final = {
    "R": "remainder", "δ": "delta", "c₋": "c_minus", "c₊": "c_plus", "c": "c_larger", "m": "shorter", "α": "alpha",
    "β": "beta", "cos(θ_x + θ₀)": "cos_sum", "a": "turn", "κ": "kappa", "μ": "mu", "τ": "tau", "θ₀": "theta0",
    "q": "ratio",
}  # fmt: skip
"""Names in Coq of the scalars that claims name; others are written out."""
WORDS: Final = frozenset(
    """R forall exists outside norm sim sine dot inner fro spectral cond pinv segment angle arcsin
artanh singular law extremes wide complete logarithm circular cos sin pi ln Num trmx invmx rank""".split()
)
"""Words of the statements, which no letter of a claim may hide."""
Order = int | None


class NoCoqError(ValueError):
    """Error: a claim cannot be stated in Coq."""


@dataclass(frozen=True)
class Definition:
    """The Coq definition of a scalar that a claim names; ``kinds`` are the types of its parameters."""

    name: str
    parameters: tuple[str, ...]
    kinds: tuple[str, ...]
    body: str

    @property
    def normal(self) -> str:
        """The definition, with parameters and sizes named by their places."""
        places = {name: f"p{i}" for i, name in enumerate(self.parameters)}
        kinds, sizes = " ".join(self.kinds), dict.fromkeys(SIZES.findall(" ".join(self.kinds)))
        numbers = {size: f"n{i}" for i, size in enumerate(sizes)}
        body = IDENTIFIER.sub(lambda m: places.get(m[0], m[0]), self.body)
        return SIZES.sub(lambda m: numbers[m[0]], kinds) + body

    @property
    def written(self) -> str:
        sizes = sorted({n for kind in self.kinds for n in SIZES.findall(kind)})
        before = f"({' '.join(sizes)} : nat)" if sizes else ""
        declared = declarations(zip(self.parameters, self.kinds, strict=True))
        return " ".join(x for x in (f"Definition {self.name}", before, *declared, f": R := {self.body}.") if x)


SIZES: Final = re.compile(r"(?<=_)[a-z]\b|(?<=[(, ])[a-z](?=[,)])")
IDENTIFIER: Final = re.compile(r"[A-Za-z][\w']*")


@dataclass
class Scope:
    """The symbols, variables and hypotheses of one Coq proposition while it is written.

    Attributes:
        axes: names of the axes of each symbol, such as ("c", "d") for a matrix.
        small: symbols that become small in an O(...) term: ε and AB, or rows.
        outer: hypotheses that do not depend on ``small``.
        inner: hypotheses that do.
        defined: terms that became variables, with the variables' names.
        binders: names and types of these variables, outer and inner.
        needs: what is required of the real closed field R, such as completeness.
        named: names that the claim gives to quantities without a closed form.
        kinds: types of all letters and variables, by name.
        definitions: definitions that are used, by name.
    """

    axes: dict[str, tuple[str, ...]]
    small: frozenset[Term]
    named: dict[Term, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    outer: list[str] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    defined: dict[Term, str] = field(default_factory=dict)
    binders: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: {"outer": [], "inner": []})
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

    def write(self, x: Term, place: int = SUM) -> str:
        """Return a formula in Coq's syntax; add the variables and hypotheses that it needs to the scope."""
        written, bound = self._write(x)
        return written if bound >= place else f"({written})"

    def _write(self, x: Term) -> tuple[str, int]:
        """Return a formula in Coq's syntax, and its precedence."""
        if x.op in FIELD and FIELD[x.op] not in self.needs:
            self.needs.append(FIELD[x.op])
        match x:
            case Term("let", (a,), name):
                return self._let(name, a)
            case Term("scalar", _, "given_epsilon"):
                return "epsilon", ATOM
            case Term("row", _, "x"):
                return "x w", CALL
            case Term("scalar" | "row" | "matrix", _, name):
                return ("A *m B", PRODUCT) if name == "ab" else (letter(name), ATOM)
            case Term("number", _, digits):
                return number(Fraction(digits)), ATOM
            case Term("eye"):
                return "1%:M", ATOM
            case Term("pi"):
                return "pi", ATOM
            case Term("landau", (a,)):
                return f"K * {self.write(a, POWER)}", PRODUCT
            case Term("pow", (a,), power):
                return f"{self.write(a, CALL)} ^+ {power}", POWER
            case Term("sum", (_, *terms)):
                return " + ".join(self.write(t, PRODUCT) for t in terms), SUM
            case Term("mul" | "scale", (Term("number", _, "-1"), a)):
                return f"- {self.write(a, POWER)}", SUM
            case Term("add" | "plus", (a, Term("mul" | "scale", (Term("number", _, "-1"), b)))):
                return f"{self.write(a)} - {self.write(b, PRODUCT)}", SUM
            case Term("abs", (a,)):
                return f"`|{self.write(a)}|", ATOM
            case Term("mean_square", (vector, law)):
                return self._mean_square(opened(vector), opened(law)), CALL
            case Term("outer", (u, v)):
                return f"trmx {self.write(u, ATOM)} *m {self.write(v, POWER)}", PRODUCT
            case Term("positive", (a,)):
                return f"Num.max {self.write(a, ATOM)} 0", CALL
            case Term(op, (a, b)) if op in BINARY:
                sign, level = BINARY[op]
                return f"{self.write(a, level)} {sign} {self.write(b, level + 1)}", level
            case Term(op, args) if op in DEFINED_BY:
                return self._variable(opened(x)), ATOM
            case Term(op, args) if op in CALLS:
                if op in {"sim", "sine"}:
                    self._nonzero(args)
                return " ".join((CALLS[op], *(self.write(a, ATOM) for a in args))), CALL
        raise NoCoqError(x.op)

    def _let(self, name: str, what: Term) -> tuple[str, int]:
        """Return the use of a definition, or the formula itself if it is a letter's, a variable's, or has no name."""
        name = NAMES.get(name.replace("'", ""), "")
        if not name or what.kind != "scalar" or what.op in {"sim", "norm", *DEFINED_BY}:
            return self._write(what)
        cosines = list(dict.fromkeys(x for x in _outside(what) if _is_cosine(x)))
        if cosines and not any(x.kind in {"row", "matrix"} for x in _outside(what)):  # a function of cosines
            letters = [f"s{i}" if i else "s" for i in range(len(cosines))]
            body = replaced(what, {c: Term("scalar", name=x) for c, x in zip(cosines, letters, strict=True)})
            self._define(Definition(name, tuple(letters), ("R",) * len(cosines), self.write(body)))
            return " ".join((name, *(self.write(c, ATOM) for c in cosines))), CALL
        written = self.write(what)
        used = tuple(x for x in dict.fromkeys(IDENTIFIER.findall(written)) if x in self.kinds)
        self._define(Definition(name, used, tuple(self.kinds[x] for x in used), written))
        return " ".join((name, *used)), CALL

    def _define(self, new: Definition) -> None:
        known = self.definitions.setdefault(new.name, new)
        if known.normal != new.normal:
            msg = f"Two quantities are named {new.name}: {known.body} and {new.body}."
            raise ValueError(msg)

    def _nonzero(self, vectors: Iterable[Term]) -> None:
        for a in vectors:
            self.suppose(f"{self.write(a)} != 0", [a])

    def _variable(self, x: Term) -> str:
        if x not in self.defined:
            if x.op == "angle":
                self._nonzero(x.args)
            index = [x.name.removeprefix("-")] if x.op == "sigma" else []
            written = " ".join([*index, *(self.write(a, ATOM) for a in x.args)])
            name = self.named.get(x, f"{x.op[0]}{len(self.defined) + 1}")
            self.kinds[name] = f"'M[R]_({', '.join(self.shape(x))})" if x.op == "pinv" else "R"
            self.defined[x] = name
            self.binders[self.level(x)].append((name, self.kinds[name]))
            self.suppose(f"{DEFINED_BY[x.op]} {written} {name}", [x])
        return self.defined[x]

    def _mean_square(self, vector: Term, law: Term) -> str:
        first = next(t for t in vector.walk() if t.op == "product" and t.args[0] == Term("row", name="x"))
        axis = self.shape(first.args[1])[0]
        moments = (
            f"(({letter(law.name)} ^+ 2)%:M)"
            if law.kind == "scalar"
            else f"({letter(law.name)}^T *m {letter(law.name)})"
        )
        known = f"law x E {moments}"
        if known not in self.outer:
            self.binders["outer"] += [("Omega", "Type"), ("x", f"Omega -> 'rV[R]_{axis}"), ("E", "(Omega -> R) -> R")]
            self.outer.append(known)
        return f"E (fun w => norm {self.write(vector, ATOM)} ^+ 2)"

    def count(self, x: Term) -> str:
        """Return a formula for a natural number in Coq's syntax: a rank, a number of rows, a constant, or a sum."""
        match x:
            case Term("rank", (m,)):
                return f"\\rank ({self.write(m)})%R"
            case Term("size", (m,)):
                return self.shape(m)[0]
            case Term("add", (a, b)):
                return f"({self.count(a)} + {self.count(b)})%N"
            case Term("number", _, digits):
                return digits
        raise NoCoqError(x.op)

    def relation(self, r: Relation, remainder: str = "") -> str:
        """Return a relation in Coq's syntax; ranks are compared as natural numbers."""
        left, right = opened(r.left), opened(r.right)
        shift = _artanh_shift(left, r.right)
        if shift and r.sign == "<=":
            return "artanh_within " + " ".join(self.write(x, ATOM) for x in shift)
        if any(x.op == "rank" for side in (left, right) for x in side.walk()):
            return (
                f"({self.count(left)} {r.sign} {self.count(right)})%N"
                if r.sign != "="
                else f"{self.count(left)} = {self.count(right)}"
            )
        if left.op == "spectral" and r.sign == "<=":
            return f"spectral_le {self.write(left.args[0], ATOM)} {self.write(r.right, ATOM)}"
        return f"{self.write(r.left)} {r.sign} {self.write(r.right)}{remainder}"


def _artanh_shift(left: Term, right: Term) -> tuple[Term, Term, Term] | None:
    """Return a, b and q if the two sides are |artanh a − artanh b| and ln q, and None otherwise."""
    if left.op != "abs" or right.op != "ln":
        return None
    match left.args[0]:
        case Term("add", (Term("artanh", (a,)), Term("mul", (_, Term("artanh", (b,)))))):
            return a, b, right.args[0]
    return None


def _is_cosine(x: Term) -> bool:
    return x.op == "let" and x.args[0].op == "sim"


def _outside(x: Term) -> Iterator[Term]:
    """Yield the subformulas of a formula that are not in a named cosine."""
    yield x
    for a in () if _is_cosine(x) else x.args:
        yield from _outside(a)


def letter(name: str) -> str:
    return KEYWORDS.get(name, name.replace("_target", "'"))


def number(x: Fraction) -> str:
    size = f"{abs(x.numerator)}" if x.denominator == 1 else f"({abs(x.numerator)} / {x.denominator})"
    return size if x >= 0 else f"(- {size})"


def identifier(claim: Claim) -> str:
    return claim.id.replace("-", "_")


def statement(claim: Claim) -> str:
    """Return the definition of the claim's statement in Coq, after those of the quantities that it names.

    Raises:
        NoCoqError: the claim has no formula, or contains an operation that has no counterpart in Coq.
        ValueError: one name would have two meanings.
    """
    definitions = dict[str, Definition]()
    written = proposition(claim, definitions)
    return "\n".join([*(d.written for d in definitions.values()), written])


def proposition(claim: Claim, definitions: dict[str, Definition]) -> str:
    """Return the statement; add to ``definitions`` those that it uses."""
    if not claim.concludes:
        raise NoCoqError(claim.id)
    needs, body = universal(claim, definitions)
    if claim.words:
        body = f"({body})\n  /\\\n  ({existential(claim, definitions)})"
    return "\n  ".join([f"Definition {identifier(claim)} : Prop :=", *needs, f"{body}."])


def declarations(names: Iterable[tuple[str, str]]) -> list[str]:
    """Return the binders of names with their types, such as (u v : 'rV[R]_d)."""
    return [f"({' '.join(n for n, _ in group)} : {kind})" for kind, group in groupby(names, key=lambda pair: pair[1])]


def distinct(claim: Claim, names: Iterable[str], definitions: Iterable[str]) -> None:
    """Check that no bound name hides another, or a word of the statements.

    Raises:
        ValueError: one does.
    """
    seen = {*WORDS, *definitions}
    for name in names:
        if name in seen:
            msg = f"In the Coq statement of {claim.id}, {name!r} would have two meanings. Rename the claim's symbol."
            raise ValueError(msg)
        seen.add(name)


def _letters(claim: Claim) -> tuple[dict[str, tuple[str, ...]], list[Any]]:
    used = {t.name for r in _relations(claim) for side in (r.left, r.right) for t in opened(side).walk()}
    letters = [
        x
        for x in (claim.setting.letters if claim.setting else ())
        if x.attribute in used or x.attribute.removeprefix("given_") in used
    ]
    axes = {x.attribute: tuple(x.axes.split()) for x in letters}
    if "epsilon" in used and not {"epsilon", "given_epsilon"} & axes.keys():
        axes["epsilon"] = ()
    return axes, letters


def _relations(claim: Claim) -> Iterator[Relation]:
    yield from claim.given
    yield from claim.concludes


def _scope(
    claim: Claim, definitions: dict[str, Definition]
) -> tuple[Scope, list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the scope of a claim with its hypotheses, and the names and types of its symbols, outer and inner."""
    axes, letters = _letters(claim)
    last = opened(claim.concludes[0].right)
    small = frozenset(x for x in last.walk() if x.op == "row") if last.op == "landau" else SMALL
    scope = Scope(axes, small, named=_named(claim), definitions=definitions)
    outer = [(name, "nat") for name in sorted({a for ax in axes.values() for a in ax})]
    inner = list[tuple[str, str]]()
    for name, ax in axes.items():
        bare = name.removeprefix("given_")
        if bare == "ab":
            inner += [("r", "nat"), ("A", f"'M[R]_({ax[0]}, r)"), ("B", f"'M[R]_(r, {ax[1]})")]
        elif bare == "epsilon":
            inner.append(("epsilon", "R"))
        else:
            kind = {0: "R", 1: "'rV[R]_{}", 2: "'M[R]_({}, {})"}[len(ax)].format(*ax)
            level = inner if Term("row", name=name) in scope.small else outer
            level.append((letter(name), kind))
    scope.kinds |= dict(outer + inner)
    if "ab" in axes and claim.expected is Verdict.REFUTED:
        scope.inner += [f"(r < {axis})%N" for axis in dict.fromkeys(axes["ab"])]
    for x in letters:
        if x.attribute != "ab" and (x.positive or x.nonnegative) and not (claim.concludes[0].order and not x.positive):
            (scope.inner if "epsilon" in x.attribute else scope.outer).append(
                f"0 {'<' if x.positive else '<='} {letter(x.attribute.removeprefix('given_'))}"
            )
    for given in claim.given:
        scope.suppose(scope.relation(given), [opened(given.left), opened(given.right)])
    return scope, outer, inner


def _named(claim: Claim) -> dict[Term, str]:
    """Return the names in Coq of the variables that the claim names, such as κ for cond(W)."""
    lets = (x for r in _relations(claim) for side in (r.left, r.right) for x in side.walk() if x.op == "let")
    wanted = {opened(x): NAMES.get(x.name.replace("'", ""), "") + "'" * x.name.count("'") for x in lets}
    return {x: name for x, name in wanted.items() if x.op in DEFINED_BY and name.strip("'")}


def universal(claim: Claim, definitions: dict[str, Definition]) -> tuple[list[str], str]:
    """Return what is required of the field R, and the statement that all instances satisfy the conclusions."""
    scope, outer, inner = _scope(claim, definitions)
    order, right = claim.concludes[0].order, opened(claim.concludes[0].right)
    remainder = f" + K * epsilon ^+ {order}" if order else ""
    concludes = " /\\\n    ".join(scope.relation(r, remainder) for r in claim.concludes)
    outer, inner = outer + scope.binders["outer"], inner + scope.binders["inner"]
    bound = ["K", "e0"] if order or right.op == "landau" else []
    distinct(claim, [*bound, *(name for name, _ in outer + inner)], definitions)
    lines = [f"forall {' '.join(declarations(outer))},", *(f"  {h} ->" for h in scope.outer)]
    if order or right.op == "landau":
        lines.append("  exists K e0 : R, 0 < e0 /\\")
        scope.inner.insert(0, "0 < epsilon <= e0" if order else f"{scope.write(right.args[0])} <= e0")
    if inner:
        lines.append(f"  forall {' '.join(declarations(inner))},")
    return scope.needs, "\n  ".join([*lines, *(f"  {h} ->" for h in scope.inner), f"  {concludes}"])


def existential(claim: Claim, definitions: dict[str, Definition]) -> str:
    """Return the statement, in Coq, that the bound is attained or, as a supremum, approached by instances.

    "Approached" means that for every q < 1 some instance exceeds q times the bound. With Word.SHARP, the statement is
    about all values of the bound's arguments, such as the cosine (between -1 and 1) or the condition number of W. The
    two models have a common condition number, or separate ones with Word.EVERY_PAIR. For a bound up to O(ε^p), the
    statement is that no smaller multiple of ε suffices.
    """
    scope, outer, inner = _scope(claim, definitions)
    first = claim.concludes[0]
    left, right = opened(first.left), opened(first.right)
    cosine = _cosine(claim)
    start, fixed, letters = "", list[str](), list[str]()
    if Word.SHARP in claim.words:
        pairs = Word.EVERY_PAIR in claim.words
        conditions = {
            scope.write(x): letter(x.args[0].name.replace("w", "k")) if pairs else "k"
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
    place, shift = POWER if _approached(claim) else SUM, _artanh_shift(left, first.right)
    written, bound = ("", "") if shift else (scope.write(first.left), scope.write(first.right, place))
    if _approached(claim):  # a supremum: for every factor q < 1
        start = start.replace(" : R, ", " q : R, ", 1) if start else "forall q : R, "
        start += "0 < q < 1 -> "
        letters.append("q")
        ends = [f"q * {bound} < {written}"]
    elif shift:
        ends = ["artanh_apart " + " ".join(scope.write(x, ATOM) for x in shift)]
    else:
        ends = [f"{written} = {bound}", f"0 < {bound}"]
    binders = outer + scope.binders["outer"] + inner + scope.binders["inner"]
    facts = [*scope.outer, *scope.inner, *fixed, *ends]
    if first.order is not None:
        slope = scope.write(replaced(first.right, {EPSILON: term(1)}))
        smaller = [
            "forall C K e0 : R, 0 < e0 ->",
            f"  (forall {' '.join(declarations(inner + scope.binders['inner']))},",
            *(f"    {h} ->" for h in ["0 < epsilon <= e0", *scope.inner]),
            f"    {written} <= C * epsilon + K * epsilon ^+ 2) ->",
            f"  {slope} <= C",
        ]
        binders = outer + scope.binders["outer"]
        facts = [*scope.outer, *fixed, f"0 < {slope}", "\n      ".join(smaller)]
    bound_ = [*letters, *(["C", "K", "e0"] if first.order is not None else [])]
    distinct(
        claim,
        [*bound_, *(name for name, _ in outer + scope.binders["outer"] + inner + scope.binders["inner"])],
        definitions,
    )
    return f"{start}exists {' '.join(declarations(binders))},\n      " + " /\\\n      ".join(facts)


def _approached(claim: Claim) -> bool:
    return any(getattr(proof, "approaches", False) for proof in claim.proofs)


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
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype finfun bigop order.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From ioadapt Require Import Vocabulary.
Set Implicit Arguments. Unset Strict Implicit. Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Statements.
Variable R : rcfType.
"""


def statements(claims: Iterable[Claim]) -> str:
    written, definitions = list[str](), dict[str, Definition]()
    for claim in claims:
        try:
            written.append(proposition(claim, definitions))
        except NoCoqError:
            continue
    named = [d.written for d in definitions.values()]
    unfold = f"Ltac named := cbv beta delta [{' '.join(definitions)}]."
    return HEAD + "\n" + "\n".join(named) + "\n\n" + "\n\n".join(written) + f"\nEnd Statements.\n{unfold}\n"
