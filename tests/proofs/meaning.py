"""What definitions in Vocabulary.v say of a matrix of rational numbers: a second evaluator, which parses their text.

A quantifier over rows x of a relation between norms of products with x is decided exactly, by the signs of the
eigenvalues of a quadratic form; one over a number b is tried at some numbers around the one in question.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

Matrix = list[list[Fraction]]
TOKEN = re.compile(
    r"\s*(\[/\\|->|\\sum_\w|<=|!=|\*m|\^\+|\^T|%N|'\w+(?:\[R\])?_?(?:\([\w, ]+\)|\w)?|Num\.sqrt|s\.[12]|\w+|.)"
)
SIZE = re.compile(r"(?<![A-Za-z])[a-z](?![A-Za-z])")
LEVELS = {"+": 1, "-": 1, "*": 2, "*m": 2, "/": 2, "^+": 3}


def times(a: Matrix, b: Matrix) -> Matrix:
    return [[sum((x * y for x, y in zip(r, c, strict=True)), Fraction(0)) for c in zip(*b, strict=True)] for r in a]


def turned(m: Matrix) -> Matrix:
    return [list(c) for c in zip(*m, strict=True)]


def inertia(q: Matrix) -> tuple[int, int, int]:
    """Return the numbers of positive, zero and negative eigenvalues of a symmetric matrix, by elimination."""
    q, plus, minus = [r[:] for r in q], 0, 0
    while q:
        n = len(q)
        k = next((i for i in range(n) if q[i][i]), None)
        if k is None:
            pair = next(((i, j) for i in range(n) for j in range(i) if q[i][j]), None)
            if pair is None:
                return plus, n, minus
            i, j = pair  # add row and column j to row and column i
            q[i] = [x + y for x, y in zip(q[i], q[j], strict=True)]
            for r in q:
                r[i] += r[j]
            continue
        plus, minus = (plus + 1, minus) if q[k][k] > 0 else (plus, minus + 1)
        rest = [i for i in range(n) if i != k]
        q = [[q[i][j] - q[i][k] * q[k][j] / q[k][k] for j in rest] for i in rest]
    return plus, 0, minus


@dataclass(frozen=True)
class Row:
    """The row xA for a variable row x."""

    a: Matrix


@dataclass(frozen=True)
class Square:
    """A number whose square is the quadratic form xQxᵀ of a variable row x."""

    q: Matrix


class Parser:
    """A parser of the definitions' bodies into nested tuples."""

    def __init__(self, text: str) -> None:
        self.tokens, self.at = [t for t in TOKEN.findall(text) if t.strip()], 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        assert not wanted or token == wanted, f"{token!r} where {wanted!r} is expected: {self.tokens}"
        self.at += 1
        return token

    def prop(self) -> Any:
        match self.peek():
            case "forall" | "exists2" as word:
                self.take()
                name, kind = self.take(), ""
                if self.peek() == ":":
                    self.take()
                    kind = self.take()
                self.take(",")
                first = self.prop()
                if word == "forall":
                    return word, name, kind, first
                self.take("&")
                return word, name, kind, first, self.prop()
            case "[/\\":
                self.take()
                parts = [self.prop()]
                while self.peek() in {",", "&"}:
                    self.take()
                    parts.append(self.prop())
                self.take("]")
                return "and", *parts
            case "if":
                self.take()
                test = self.prop()
                self.take("then")
                yes = self.prop()
                self.take("else")
                return "if", test, yes, self.prop()
        left = self.relation()
        if self.peek() == "->":
            self.take()
            return "implies", left, self.prop()
        return left

    def relation(self) -> Any:
        parts = [self.sum()]
        while self.peek() in {"<=", "<", "=", "!="}:
            parts += [self.take(), self.sum()]
        return ("relation", *parts) if len(parts) > 1 else parts[0]

    def sum(self, level: int = 0) -> Any:
        left = self.applied()
        while LEVELS.get(self.peek(), 0) > level:
            sign = self.take()
            left = (sign, left, self.sum(LEVELS[sign]))
        return left

    def applied(self) -> Any:
        parts = [self.atom()]
        while re.match(r"[\w(]", self.peek()) and self.peek() not in {"then", "else"}:
            parts.append(self.atom())
        return ("call", *parts) if len(parts) > 1 else parts[0]

    def atom(self) -> Any:
        token = self.take()
        if token.startswith("\\sum_"):
            return "sum", token[-1], self.sum(1)
        if token == "(":
            token = self.relation()
            self.take(")")
        while self.peek() in {"^T", "%N"}:
            token = ("^T", token) if self.take() == "^T" else token
        return token


def binders(head: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a definition, with their types or ""."""
    for group, name, kind in re.findall(r"\(((?:[^()]|\([^()]*\))*)\)|(\w+)|:(.*)", head):
        if group:
            names, _, of = group.partition(" : ")
            yield from ((n, of) for n in names.split())
        elif name and not kind:
            yield name, ""


class Meaning:
    """The definitions of a file; ``holds`` says whether a predicate is true of matrices and numbers."""

    def __init__(self, text: str) -> None:
        self.definitions = {}
        plain = re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)
        for name, head, body in re.findall(r"^Definition (\w+)(.*?):=(.*?)\.$", plain, re.MULTILINE | re.DOTALL):
            bound = list(binders(head))
            sizes = {i for _, kind in bound if kind.startswith("'") for i in SIZE.findall(kind)}
            self.definitions[name] = [n for n, _ in bound if n not in sizes], dict(bound), body

    def holds(self, name: str, *args: Any, numbers: tuple[Fraction, ...] = ()) -> Any:
        """Return the value of a definition; existential numbers are looked for among pairs of ``numbers``."""
        parameters, types, body = self.definitions[name]
        if len(args) < len(parameters):
            return partial(self.holds, name, *args, numbers=numbers)
        scope = dict(zip(parameters, args, strict=True))
        for n, kind in types.items():
            sizes = re.findall(r"\b[a-z]\b", kind)
            if n in scope and isinstance(scope[n], list) and len(sizes) == 2:
                scope |= dict(zip(sizes, (len(scope[n]), len(scope[n][0])), strict=True))
        return self.value(Parser(body).prop(), scope | {"numbers": numbers})

    def value(self, x: Any, s: dict[str, Any]) -> Any:
        match x:
            case str() if x.isdigit():
                return Fraction(x)
            case "s.1" | "s.2":
                return s["s"][int(x[-1]) - 1]
            case str():
                return s[x]
            case ("and", *parts):
                return all(self.value(p, s) for p in parts)
            case ("if", test, yes, no):
                return self.value(yes if self.value(test, s) else no, s)
            case ("implies", a, b):
                return not self.value(a, s) or self.value(b, s)
            case ("forall", name, "", body):  # a number, tried around those in question
                here = {v for v in s.values() if isinstance(v, Fraction)}
                factors = Fraction(1, 2), 1 - Fraction(1, 10**6), Fraction(1), Fraction(3)
                return all(
                    self.value(body, s | {name: b}) for b in {Fraction(0), *(v * f for v in here for f in factors)}
                )
            case ("forall", name, _, body) if name == "x":
                return all(sign == "<=" and not inertia(q)[2] for sign, q in self.forms(body, s))
            case ("exists2", "s", "", first, second):
                pairs = [(a, b) for a in s["numbers"] for b in s["numbers"]]
                return any(self.value(first, s | {"s": p}) and self.value(second, s | {"s": p}) for p in pairs)
            case ("exists2", "x", kind, ("relation", "x", "!=", "0"), body):
                (form,) = self.forms(body, s, kind)
                plus, zero, minus = inertia(form[1])
                return form[0] == "=" and (zero > 0 or (plus > 0 and minus > 0))
            case ("exists2", "V", _, ("call", "row_free", "V"), ("forall", "x", _, body)):
                ((sign, q),) = self.forms(body, s, through="V")  # xV is any row of a space of k dimensions
                return sign == "<=" and sum(inertia(q)[:2]) >= s["k"]
            case ("relation", *parts):
                values = [self.value(p, s) for p in parts[::2]]
                return all({"<=": lambda a, b: a <= b, "<": lambda a, b: a < b, "=": lambda a, b: a == b}[sign](a, b)
                           for sign, (a, b) in zip(parts[1::2], pairwise(values), strict=True))  # fmt: skip
            case ("sum", i, body):
                m = next(v for v in s.values() if isinstance(v, list))
                bound = len(m) if i == "i" and "M" in s else len(m[0])
                return sum((self.value(body, s | {i: k}) for k in range(bound)), Fraction(0))
            case ("call", "Num.sqrt", a):
                return self.root(self.value(a, s))
            case ("call", ("call", *_) | str() as f, *args):
                return self.call(f, args, s)
            case ("^T", a):
                return turned(self.value(a, s))
            case ("*m", a, b):
                one, other = self.value(a, s), self.value(b, s)
                return Row(times(one.a, other)) if isinstance(one, Row) else times(one, other)
            case ("*", a, b):
                one, other = self.value(a, s), self.value(b, s)
                return Square([[one**2 * y for y in r] for r in other.q]) if isinstance(other, Square) else one * other
            case ("/", a, b):
                return self.value(a, s) / self.value(b, s)
            case ("^+", a, b):
                return self.value(a, s) ** int(b)
        raise AssertionError(x)

    def call(self, f: Any, args: list[Any], s: dict[str, Any]) -> Any:
        values = [self.value(a, s) for a in args]
        if f in self.definitions:
            if f == "norm" and isinstance(values[0], Row):
                return Square(times(values[0].a, turned(values[0].a)))
            return self.holds(f, *values, numbers=s["numbers"])
        head = s[f]
        if isinstance(head, list):  # an entry M i j
            return head[int(values[0])][int(values[1])]
        return head(*(v for v in values if not isinstance(v, int)))  # without sizes

    def forms(self, body: Any, s: dict[str, Any], kind: str = "", through: str = "") -> list[tuple[str, Matrix]]:
        """Return the relations of norms in ``body`` as signs and forms Q: 0 ≤ xQxᵀ or 0 = xQxᵀ."""
        word, *parts = body
        assert word == "relation"
        size = len(next(s[n] for n in ("W", "M") if n in s))
        eye: Matrix = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
        scope = s | {"x": Row(eye)} | ({through: eye} if through else {})
        sides = [self.value(p, scope).q for p in parts[::2]]
        minus = [
            [[y - x for x, y in zip(*rows, strict=True)] for rows in zip(*two, strict=True)] for two in pairwise(sides)
        ]
        return list(zip(parts[1::2], minus, strict=True))

    @staticmethod
    def root(x: Fraction) -> Fraction:
        root = Fraction(round(x.numerator**0.5), round(x.denominator**0.5))
        assert root**2 == x, "not a square"
        return root
