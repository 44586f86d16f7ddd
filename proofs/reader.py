"""Reader of the Coq statements: what each says, compared with its claim, by code that shares nothing with ``render``.

``problems(text, claim)`` parses the statement, in the grammar that Coq uses, and lists whatever differs from the claim:
letters and their types, hypotheses, the order of quantifiers, conclusions, and what is said to be sharp.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final

from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.expression.tree import EYE, PI, Relation, Term, opened, term
from ioadapt_theory.claims.findings import Verdict
from proofs.grammar import fail, parsed

CALLED: Final = {
    "dot": "dot", "inner": "inner", "norm": "norm", "sim": "sim", "sine": "sine", "fro": "fro", "Num.sqrt": "sqrt",
    "Num.min": "min", "invmx": "inverse", "trmx": "transpose", "cos": "cos", "ln": "ln",
    "outside": "outside",
}  # fmt: skip
DEFINING: Final = {
    "cond": "cond", "spectral": "spectral", "pinv": "pinv", "hessian_norm": "hessian_norm", "segment": "segment",
    "sup_hessian_norm": "sup_hessian_norm", "angle": "angle", "arcsin": "arcsin", "singular": "sigma",
}  # fmt: skip
ABOUT_R: Final = {
    "complete R": {"sup_hessian_norm", "ln", "artanh"}, "logarithm ln": {"ln", "artanh"},
    "circular cos sin pi": {"angle", "arcsin", "cos", "pi"},
}  # fmt: skip
"""What a statement may require of the field, and the operations that need it."""
EPSILON, AB = Term("scalar", name="epsilon"), Term("matrix", name="ab")


@dataclass
class Scope:
    """The meanings of the names that a statement binds.

    Attributes:
        known: formulas, by name; those of letters, parameters, and variables that a predicate defines.
        sizes: the names of the claim's axes.
        law: the second moments of the rows x.
    """

    definitions: dict[str, tuple[list[str], Any]]
    known: dict[str, Term] = field(default_factory=dict)
    sizes: set[str] = field(default_factory=set)
    law: Term | None = None

    def formula(self, x: Any) -> Term:
        match x:
            case str() if x.isdigit():
                return term(int(x))
            case "1%:M":
                return EYE
            case "pi" if "pi" not in self.known:
                return PI
            case str() if x in self.sizes:
                return Term("axis", name=x)
            case str() if x in self.known:
                return self.known[x]
            case ("*m", "A", "B"):
                return AB
            case ("neg", a):
                return -self.formula(a)
            case ("abs", a):
                return abs(self.formula(a))
            case ("rank", a):
                return Term("rank", (self.formula(a),))
            case ("^+", a, str() as power):
                return self.formula(a) ** int(power)
            case (("+" | "-" | "*" | "/" | "*m" | "*:") as sign, a, b):
                left, right = self.formula(a), self.formula(b)
                if sign == "+" and {left.op, right.op} <= {"rank", "axis", "add"}:
                    return Term("add", (left, right))
                if sign == "*m" and left.op == "transpose" and left.args[0].kind == "row":
                    return Term("outer", (left.args[0], right))
                if sign in "+-":
                    return left + right if sign == "+" else left - right
                return {"*": left.__mul__, "*:": left.__mul__, "/": left.__truediv__, "*m": left.__matmul__}[sign](
                    right
                )
            case ("call", "x", "w"):
                return Term("row", name="x")
            case ("call", "E", ("fun", ("^+", ("call", "norm", vector), "2"))) if self.law is not None:
                return Term("mean_square", (self.formula(vector), self.law))
            case ("call", "Num.max", a, "0"):
                return Term("positive", (self.formula(a),))
            case ("call", "Num.max", a, b):
                return Term("max", (self.formula(a), self.formula(b)))
            case ("call", "artanh", "ln", a):
                return Term("artanh", (self.formula(a),))
            case ("call", str() as name, *arguments) if name in CALLED:
                return Term(CALLED[name], tuple(map(self.formula, arguments)))
            case ("call", str() as name, *arguments) if name in self.definitions:
                parameters, body = self.definitions[name]
                if len(parameters) != len(arguments):
                    fail(f"{name} has {len(parameters)} parameters")
                inner = dict(zip(parameters, map(self.formula, arguments), strict=True))
                return Scope(self.definitions, inner, law=self.law).formula(body)
        fail(f"{x!r} has no meaning here")

    def defines(self, x: Any) -> bool:
        """Give a variable its meaning, if the hypothesis x is a predicate that defines one."""
        match x:
            case ("relation", ("call", "law", "x", "E", (("%:M" | "*m"), *_) as moments)):
                self.law = self._factor(moments)
            case ("relation", ("call", "singular", str() as k, m, str() as name)):
                self.known[name] = Term("sigma", (self.formula(m),), f"-{k}")
            case ("relation", ("call", "angle", "cos", "pi", u, v, str() as name)):
                self.known[name] = Term("angle", (self.formula(u), self.formula(v)))
            case ("relation", ("call", "arcsin", "sin", "pi", a, str() as name)):
                self.known[name] = Term("arcsin", (self.formula(a),))
            case ("relation", ("call", str() as op, *arguments, str() as name)) if op in DEFINING:
                self.known[name] = Term(DEFINING[op], tuple(map(self.formula, arguments)))
            case _:
                return False
        return True

    def _factor(self, moments: Any) -> Term:
        match moments:
            case ("%:M", ("^+", a, "2")):  # σ²I
                return self.formula(a)
            case ("*m", ("^T", a), b) if a == b:  # FᵀF
                return self.formula(a)
        fail(f"second moments {moments!r}")

    def relations(self, x: Any) -> Iterator[Relation]:
        """Yield what a hypothesis or a conclusion says, as relations."""
        match x:
            case ("relation", ("call", "spectral_le", m, a)):
                yield Term("spectral", (self.formula(m),)) <= self.formula(a)
            case ("relation", ("call", "artanh_within" | "artanh_apart" as name, a, b, q)):
                one, other = (Term("artanh", (self.formula(y),)) for y in (a, b))
                yield Relation(
                    abs(one - other), "<=" if name == "artanh_within" else "=", Term("ln", (self.formula(q),))
                )
            case ("relation", a, "!=", "0"):
                yield Relation(self.formula(a), "<", term(0))  # read as: is not zero
            case ("relation", *parts) if len(parts) >= 3:
                for k in range(0, len(parts) - 2, 2):
                    yield Relation(self.formula(parts[k]), parts[k + 1], self.formula(parts[k + 2]))
            case _:
                fail(f"{x!r} is no relation")


def normal(x: Term) -> Term:
    """Return a formula without the differences that Coq's notation does not keep."""
    args = tuple(map(normal, x.args))
    match x.op:
        case "let":
            return args[0]
        case "sum":
            total = args[1]
            for more in args[2:]:
                total = Term("add", (total, more))
            return total
        case "div" if all(a.op == "number" for a in args):
            return term(1) if args[0] == args[1] else Term("number", name=str(_fraction(args[0]) / _fraction(args[1])))
        case "mul" if all(a.op == "number" for a in args):
            return Term("number", name=str(_fraction(args[0]) * _fraction(args[1])))
        case "scalar" if x.name == "given_epsilon":
            return EPSILON
    return Term(x.op, args, "" if x.op == "sine" else x.name)


def _fraction(x: Term) -> Fraction:
    return Fraction(x.name)


def same(r: Relation) -> tuple[Term, str, Term]:
    return normal(r.left), r.sign, normal(r.right)


def rows_of(x: Term, axes: Mapping[str, Sequence[str]]) -> str:
    """Return the name of a matrix's first axis."""
    match x.op:
        case "row" | "matrix":
            return axes[x.name][0]
        case "transpose" | "pinv":
            return columns_of(x.args[0], axes)
        case "plus" if x.args[0].op == "eye":
            return rows_of(x.args[1], axes)
        case "scale":
            return rows_of(x.args[1], axes)
    return rows_of(x.args[0], axes)


def columns_of(x: Term, axes: Mapping[str, Sequence[str]]) -> str:
    match x.op:
        case "row" | "matrix":
            return axes[x.name][-1]
        case "transpose" | "pinv":
            return rows_of(x.args[0], axes)
    return columns_of(x.args[-1], axes)


def letter_name(written: str) -> str:
    name = written.lower().replace("'", "_target")
    return "factor" if written == "F" else name


@dataclass
class Reading:
    """One statement, compared with its claim; ``found`` collects the differences."""

    claim: Claim
    definitions: dict[str, tuple[list[str], Any]]
    found: list[str] = field(default_factory=list)

    @property
    def landau(self) -> bool:
        return opened(self.claim.concludes[0].right).op == "landau"

    @property
    def order(self) -> int | None:
        return self.claim.concludes[0].order

    def same(self, r: Relation) -> tuple[Term, str, Term]:
        """Return a relation of the claim; rows(M) becomes the name of M's first axis."""
        axes = {x.attribute: x.axes.split() for x in self.claim.setting.letters} if self.claim.setting else {}
        if "ab" in axes:
            axes |= {"a": [axes["ab"][0], "r"], "b": ["r", axes["ab"][-1]]} if "a" not in axes else {}

        def sized(x: Term) -> Term:
            if x.op == "size":
                return Term("axis", name=rows_of(x.args[0], axes))
            return Term(x.op, tuple(map(sized, x.args)), x.name)

        left, sign, right = same(r)
        return sized(left), sign, sized(right)

    def expect(self, holds: bool, message: str) -> None:
        if not holds:
            self.found.append(message)

    def formulas(self) -> list[Term]:
        return [normal(side) for r in (*self.claim.given, *self.claim.concludes) for side in (r.left, r.right)]

    def letters(self) -> dict[str, str]:
        """Return the types of the claim's letters in Coq, by name."""
        used = {x.name for f in self.formulas() for x in f.walk() if x.op in {"scalar", "row", "matrix"}}
        types = dict[str, str]()
        for x in self.claim.setting.letters if self.claim.setting else ():
            name, axes = x.attribute.removeprefix("given_"), x.axes.split()
            if name not in used:
                continue
            if name == "ab":
                types |= {"r": "nat", "A": f"'M[R]_({axes[0]}, r)", "B": f"'M[R]_(r, {axes[1]})"}
            else:
                types[name] = ["R", "'rV[R]_{}", "'M[R]_({}, {})"][len(axes)].format(*axes)
        if "epsilon" in used:
            types["epsilon"] = "R"
        return types

    def small(self, name: str) -> bool:
        """Return whether a letter becomes small in an O(…), and so is chosen after the constant."""
        if self.landau:
            return Term("row", name=name) in opened(self.claim.concludes[0].right).walk()
        return name in {"r", "A", "B", "epsilon", "ab"}

    def hypotheses(self, *, small: bool = True) -> Counter[Any]:
        """Return what the claim supposes, with what its operations need."""
        wanted = Counter(self.same(r) for r in self.claim.given)
        vectors = {v for f in self.formulas() for x in f.walk() if x.op in {"sim", "sine", "angle"} for v in x.args}
        wanted.update((v, "<", term(0)) for v in vectors)
        refuted, used = self.claim.expected is Verdict.REFUTED, self.letters()
        for x in self.claim.setting.letters if self.claim.setting else ():
            name = x.attribute.removeprefix("given_")
            if name == "ab" and name in {y.name for f in self.formulas() for y in f.walk()} and refuted:
                wanted.update(
                    (Term("axis", name="r"), "<", Term("axis", name=a)) for a in dict.fromkeys(x.axes.split())
                )
            elif name in used and (x.positive or x.nonnegative) and not (self.order and not x.positive):
                wanted[term(0), "<" if x.positive else "<=", Term("scalar", name=name)] += 1
        if not small:
            inner = {
                Term("axis", name="r"),
                EPSILON,
                AB,
                *(Term("row", name=n) for n in used if self.landau and self.small(n)),
            }
            wanted = Counter({h: n for h, n in wanted.items() if not inner & {*h[0].walk(), *h[2].walk()}})
        return wanted

    def bind(self, scope: Scope, names: Sequence[tuple[str, str]]) -> set[str]:
        """Give bound names their meanings, and compare letters with the claim's; return the names of variables."""
        wanted, variables = self.letters(), set()
        for name, kind in names:
            self.expect(name not in scope.known and name not in scope.sizes, f"{name} is bound twice")
            mine = name if name in {"r", "A", "B"} else letter_name(name)
            if kind == "nat":
                scope.sizes.add(name)
            elif name in {"Omega", "x", "E"} and kind not in {wanted.get(mine)}:
                known = {"Omega": "Type", "E": "( Omega -> R ) -> R"}.get(name, f"Omega -> {kind.split()[-1]}")
                self.expect(kind == known, f"{name} : {kind}")
            elif wanted.get(mine) == kind:
                op = "scalar" if kind == "R" else "row" if "rV" in kind else "matrix"
                scope.known[name] = Term(op, name=mine)
            else:
                self.expect(kind == "R" or kind.startswith("'M"), f"{name} : {kind} is not the claim's")
                variables.add(name)
        return variables

    def universal(self, body: Any) -> None:
        scope, hypotheses, variables, where = Scope(self.definitions), Counter[Any](), set[str](), "outer"
        bounded = False
        while body[0] in {"forall", "exists", "->"}:
            match body:
                case ("forall", names, rest):
                    variables |= self.bind(scope, names)
                    for name, kind in names:
                        if (self.order or self.landau) and kind != "nat" and name not in variables:
                            self.expect(self.small(letter_name(name) if name not in {"A", "B"} else name) == bounded,
                                        f"{name} is chosen {'after' if bounded else 'before'} K")  # fmt: skip
                case ("exists", [("K", "R"), ("e0", "R")], ("/\\", ("relation", "0", "<", "e0"), rest)):
                    bounded, where = True, "inner"
                    scope.known |= {n: Term("scalar", name=n) for n in ("K", "e0")}
                case ("->", hypothesis, rest):
                    self.suppose(scope, hypothesis, hypotheses, variables, where)
                case _:
                    fail(f"{body[0]!r} in the wrong place")
            body = rest
        self.expect(bounded == bool(self.order or self.landau), "there is a constant K, or none")
        self.expect(not variables, f"{sorted(variables)} have no meaning")
        if bounded:
            k, e0 = scope.known["K"], scope.known["e0"]
            limit = [(term(0), "<", EPSILON), (EPSILON, "<=", e0)]
            if self.landau:
                limit = [(normal(self.claim.concludes[0].right).args[0], "<=", e0)]
            for h in limit:
                self.expect(hypotheses[h] == 1, "what is small is not at most e0")
                hypotheses[h] -= 1
        self.compare(+hypotheses, self.hypotheses())
        self.letters_bound(scope)
        conclusions = [r for part in conjuncts(body) for r in scope.relations(part)]
        wanted = []
        for r in self.claim.concludes:
            left, sign, right = self.same(r)
            if right.op == "landau":
                right = k * right.args[0]
            wanted.append((left, sign, normal(right + k * EPSILON**r.order) if r.order else right))
        self.expect([same(r) for r in conclusions] == wanted, "the conclusions differ")

    def suppose(self, scope: Scope, hypothesis: Any, into: Counter[Any], variables: set[str], where: str = "") -> None:
        before = set(scope.known)
        if scope.defines(hypothesis):
            for name in set(scope.known) - before:
                variables.discard(name)
                meaning = normal(scope.known[name])
                self.expect(any(meaning in f.walk() for f in self.formulas()), f"{name} is not in the claim")
            return
        into.update(same(r) for r in scope.relations(hypothesis))

    def compare(self, hypotheses: Counter[Any], wanted: Counter[Any]) -> None:
        for h in hypotheses - wanted:
            self.found.append(f"supposes {h}, which the claim does not")
        for h in wanted - hypotheses:
            self.found.append(f"does not suppose {h}")

    def letters_bound(self, scope: Scope, *, small: bool = True) -> None:
        names = {x.name for x in scope.known.values() if x.op in {"scalar", "row", "matrix"}} | scope.sizes
        missing = {n for n in self.letters() if small or not self.small(n)} - names - {"x"}
        self.expect(not missing, f"{sorted(missing)} are not bound")

    def existential(self, body: Any) -> None:
        scope, parameters, ranges, facts = Scope(self.definitions), [], Counter[Any](), Counter[Any]()
        if body[0] == "forall":
            _, names, body = body
            parameters = [name for name, kind in names if kind == "R"]
            scope.known |= {n: Term("parameter", name=n) for n in parameters}
            scope.known |= {n: Term("scalar", name=f"parameter {n}") for n in parameters}
        while body[0] == "->":
            ranges.update(same(r) for r in scope.relations(body[1]))
            body = body[2]
        if body[0] != "exists":
            fail("no instance exists")
        _, names, body = body
        variables = self.bind(scope, names)
        parts = conjuncts(body)
        last = parts.pop() if self.order else None
        apart = "artanh_apart" in str(parts[-1])
        positive = parts.pop() if self.order or not (apart or self.approached) else None
        for part in parts:
            self.suppose(scope, part, facts, variables)
        self.expect(not variables, f"{sorted(variables)} have no meaning")
        self.letters_bound(scope, small=not self.order)
        first = self.claim.concludes[0]
        left, _, right = self.same(first)
        fixed = {h for h in facts if h[1] == "=" and h[2].name.startswith("parameter ")}
        for h in fixed:
            facts[h] -= 1
        q = Term("scalar", name="parameter q")
        if self.order:
            slope = normal(replaced_epsilon(right))
            says = [same(r) for r in scope.relations(positive)]
            self.expect(says == [(term(0), "<", slope)], "the slope is not said to be positive")
            self.smallest(scope, last, slope)
        else:
            end = (left, "=", right)
            if self.approached:
                end = (normal(q * right), "<", left)
            elif positive is not None:
                self.expect(
                    [same(r) for r in scope.relations(positive)] == [(term(0), "<", right)], "0 = 0 would attain it"
                )
            self.expect(facts[end] == 1, "the bound is not said to be attained")
            facts[end] -= 1
        wanted = self.hypotheses(small=not self.order)
        if self.claim.concludes[1:]:  # the last conclusions may need letters that the first does not
            facts, wanted = +facts, wanted & +facts | self._needed(wanted, first)
        self.compare(+facts, wanted)
        self.parameters(
            parameters,
            ranges,
            {h[2].name.removeprefix("parameter "): h[0] for h in fixed},
            {h[0] for h in fixed},
            right,
        )

    def _needed(self, wanted: Counter[Any], first: Relation) -> Counter[Any]:
        shown = Reading(_only(self.claim, first), self.definitions).hypotheses(small=not self.order)
        return wanted & shown

    @property
    def approached(self) -> bool:
        return any(getattr(p, "approaches", False) for p in self.claim.proofs)

    def smallest(self, scope: Scope, last: Any, slope: Term) -> None:
        """Check: no C is below the slope if |…| ≤ Cε + Kε² for all small ε."""
        match last:
            case (
                "forall",
                [("C", "R"), ("K", "R"), ("e0", "R")],
                ("->", ("relation", "0", "<", "e0"), ("->", inner, end)),
            ):
                scope.known |= {n: Term("scalar", name=n) for n in ("C", "K", "e0")}
                self.expect([same(r) for r in scope.relations(end)] == [(slope, "<=", scope.known["C"])], "slope ≤ C")
                facts, variables = Counter[Any](), set[str]()
                while inner[0] in {"forall", "->"}:
                    if inner[0] == "forall":
                        variables |= self.bind(scope, inner[1])
                    else:
                        self.suppose(scope, inner[1], facts, variables)
                    inner = inner[2]
                for h in ((term(0), "<", EPSILON), (EPSILON, "<=", scope.known["e0"])):
                    self.expect(facts[h] == 1, "ε is not small")
                    facts[h] -= 1
                self.compare(+facts, self.hypotheses() - self.hypotheses(small=False))
                self.letters_bound(scope)
                left = self.same(self.claim.concludes[0])[0]
                bound = scope.known["C"] * EPSILON + scope.known["K"] * EPSILON**2
                self.expect([same(r) for r in scope.relations(inner)] == [(left, "<=", normal(bound))], "Cε + Kε²")
            case _:
                fail("no statement about the slope")

    def parameters(
        self, names: list[str], ranges: Counter[Any], fixed: dict[str, Term], values: set[Term], right: Term
    ) -> None:
        """Compare what is free to choose with what the bound depends on, and its ranges."""
        sharp = any(w.name == "SHARP" for w in self.claim.words)
        if any(w.name == "EVERY_PAIR" for w in self.claim.words):
            self.expect(sum(x.op == "cond" for x in fixed.values()) == 2, "one parameter for two condition numbers")
        ours, wanted = set(names) - {"q"}, self.over(right) if sharp else set()
        self.expect(("q" in names) == self.approached, "a factor q < 1")
        least = {x for x in wanted if x in right.walk() or x in self.cosine()}
        self.expect(least <= values <= wanted | self.cosine(), f"sharp for {sorted(map(str, values))}")
        self.expect(ours >= set(fixed), "a parameter is not bound")
        expected = Counter[Any]()
        before = None
        for name in [n for n in names if n != "q"]:
            x, p = fixed.get(name), Term("scalar", name=f"parameter {name}")
            if x is None:
                self.found.append(f"{name} is not fixed")
                continue
            bounded = x.op == "sim" or (x == EPSILON and (EPSILON, "<", term(1)) in {same(r) for r in self.claim.given})
            low = term(-1) if x.op == "sim" else term(1) if x.op == "cond" else term(0)
            expected[low, "<=" if x.op == "cond" and x.args[0].op == "matrix" else "<", p] += 1
            if bounded:
                expected[p, "<", term(1)] += 1
            if x.op == "sigma" and x.name != "-1":
                expected[before, "<=", p] += 1
            before = p
        if self.approached:
            expected.update(
                [(term(0), "<", Term("scalar", name="parameter q")), (Term("scalar", name="parameter q"), "<", term(1))]
            )
        self.expect(ranges == expected, "the ranges of the parameters differ")

    def cosine(self) -> set[Term]:
        """Return the cosine of the setting: of u and v, of two effects, or of the two outputs of the source."""
        names = {x.attribute for x in self.claim.setting.letters} if self.claim.setting else set()
        row = {n: Term("row", name=n) for n in names}
        for one, other in (("u", "v"), ("e", "e_target")):
            if {one, other} <= names and "w" not in names:
                return {Term("sim", (row[one], row[other]))}
        if {"x1", "x2", "w"} <= names:
            w = Term("matrix", name="w")
            return {Term("sim", (row["x1"] @ w, row["x2"] @ w))}
        return set()

    def over(self, right: Term) -> set[Term]:
        """Return the quantities for all of whose values the proofs say that the bound is attained, of both models."""
        over = {normal(x) for p in self.claim.proofs for x in getattr(p, "over", ())}
        equal = {self.same(r)[2] for r in self.claim.given if r.sign == "="}
        over |= {y for x in over if (y := _target(x)) in right.walk() and y not in equal}
        over |= {x for x in right.walk() if x.op == "cond" and x.args[0].op == "matrix"}
        return over - ({EPSILON} if self.order else set())


def _target(x: Term) -> Term:
    name = (
        f"{x.name}_target"
        if x.op in {"row", "matrix"} and x.name != "ab" and not x.name.endswith("_target")
        else x.name
    )
    return Term(x.op, tuple(map(_target, x.args)), name)


def _only(claim: Claim, first: Relation) -> Claim:
    return replace(claim, concludes=(first,), inequality=claim.inequality)


def replaced_epsilon(x: Term) -> Term:
    return term(1) if x == EPSILON else Term(x.op, tuple(map(replaced_epsilon, x.args)), x.name)


def conjuncts(body: Any) -> list[Any]:
    parts = []
    while body[0] == "/\\":
        parts.append(body[1])
        body = body[2]
    return [*parts, body]


def problems(text: str, claim: Claim) -> list[str]:
    """Return how the statement of a claim in ``text``, a Coq file, differs from the claim."""
    try:
        definitions, statements = parsed(text)
        reading = Reading(claim, definitions)
        body, needs = statements[claim.id.replace("-", "_")], set[str]()
        while True:
            match body:
                case ("->", ("relation", ("call", "complete", "R")), rest):
                    needs.add("complete R")
                case ("forall", [("ln", "R -> R")], ("->", ("relation", ("call", "logarithm", "ln")), rest)):
                    needs.add("logarithm ln")
                case ("forall", [("cos", "R -> R"), ("sin", "R -> R"), ("pi", "R")],
                      ("->", ("relation", ("call", "circular", "cos", "sin", "pi")), rest)):  # fmt: skip
                    needs.add("circular cos sin pi")
                case _:
                    break
            body = rest
        used = {x.op for f in reading.formulas() for x in f.walk()}
        shifts = {"ln", "artanh"} if "artanh_" in text and not needs else set()
        for need, operations in ABOUT_R.items():
            reading.expect((need in needs) == bool(used & operations - shifts), f"{need} is required, or is not")
        if claim.words:
            if body[0] != "/\\":
                fail("nothing is said to be sharp")
            reading.universal(body[1])
            reading.existential(body[2])
        else:
            reading.universal(body)
    except (LookupError, TypeError, ValueError) as error:
        return [f"cannot be read: {error!r}"]
    return reading.found
