"""Exact algebra of matrices of any size: words in letters, their traces, and means over random letters.

A scalar or matrix is a sum of terms: a coefficient (of sympy), traces of words, and one word, which is empty for a
scalar. A word is a product of letters and transposed letters. Needs the extra ``proofs``.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from math import isqrt
from typing import Any

from ioadapt_theory.claims.expression.tree import Relation, Term, linear_part, opened
from ioadapt_theory.errors import MissingExtraError

Letter = tuple[str, bool]
"""Name of a matrix or row, and whether it is transposed; ⁻¹ and ⁺ are part of the name."""
Word = tuple[Letter, ...]
Sum = dict[tuple[tuple[Word, ...], Word], Any]
"""Coefficients by traces, sorted, and word."""


def sympy() -> Any:
    """Return the sympy module, untyped.

    Raises:
        MissingExtraError: sympy is not installed.
    """
    try:
        import sympy as module
    except ImportError as error:
        raise MissingExtraError("sympy", "proofs") from error
    return module


def root(x: Fraction) -> Fraction:
    """Return the square root of a fraction: exact for the square of a fraction, otherwise to 120 decimal places."""
    n, d = isqrt(x.numerator), isqrt(x.denominator)
    if n * n == x.numerator and d * d == x.denominator:
        return Fraction(n, d)
    scale = 10**120
    return Fraction(isqrt(x.numerator * scale**2 // x.denominator), scale)


def equal(relation: Relation, given: tuple[Relation, ...], shapes: Mapping[str, tuple[str, ...]]) -> bool:
    """Return whether an equation follows, for all sizes, from the equations of matrices in ``given``.

    ``shapes`` holds the names of the axes of every letter.

    Raises:
        ValueError: an operation is not polynomial.
    """
    if relation.sign != "=":
        return False
    algebra = Algebra(shapes)
    algebra.rules = list(_rules(given, algebra))
    algebra.scalars = {r.left.name: algebra(r.right) for r in given if r.sign == "=" and r.left.op == "scalar"}
    sides = (algebra(opened(x)).items() for x in (relation.left, relation.right))
    difference = _collected((key, sign * x) for side, sign in zip(sides, (1, -1), strict=True) for key, x in side)
    return all(sympy().cancel(sympy().expand(x)) == 0 for x in difference.values())


def _rules(given: tuple[Relation, ...], algebra: "Algebra") -> Iterator[tuple[Word, Word]]:
    for r in given:
        if r.sign == "=" and r.left.kind != "scalar":
            (left,), right = algebra(opened(r.left)).items(), algebra(opened(r.right))
            (other,) = right.items()
            assert left[1] == other[1] == 1, "a hypothesis equates two products"
            yield left[0][1], other[0][1]
            yield _transposed(left[0][1]), _transposed(other[0][1])


def _collected(terms: Iterable[tuple[Any, Any]]) -> Sum:
    """Return the sum of terms, each a key and a coefficient, without those that vanish."""
    found: dict[Any, list[Any]] = {}
    for key, x in terms:
        found.setdefault(key, []).append(x)
    sums = {key: xs[0] if len(xs) == 1 else sympy().expand(sum(xs)) for key, xs in found.items()}
    return {key: x for key, x in sums.items() if x != 0}


def _transposed(w: Word) -> Word:
    return tuple((name, not turned) for name, turned in reversed(w))


class Algebra:
    """A reader of formulas as sums of words."""

    def __init__(self, shapes: Mapping[str, tuple[str, ...]]) -> None:
        self.shapes = shapes
        self.rules = list[tuple[Word, Word]]()  # words that hypotheses replace with others
        self.scalars = dict[str, Sum]()  # numbers that hypotheses replace with others

    def size(self, letter: Letter, axis: int) -> str:
        name, turned = letter
        axes = ("1", *self.shapes[name.rstrip("⁻¹⁺")])[-2:]
        return axes[axis if turned == name.endswith(("⁻¹", "⁺")) else 1 - axis]

    def reduced(self, w: Word) -> Word:
        """Return a word after cancelling M⁻¹M, shortening MM⁺M, and applying the rules, as often as possible."""
        rules = list(self.rules)
        for name, turned in dict.fromkeys(w):
            base = name.rstrip("⁻¹⁺")
            m, inv, pinv = (base, turned), (base + "⁻¹", turned), (base + "⁺", turned)
            rules += [((m, inv), ()), ((inv, m), ()), ((m, pinv, m), (m,)), ((pinv, m, pinv), (pinv,))]
        changed = True
        while changed:
            changed = False
            for old, new in rules:
                for k in range(len(w) - len(old) + 1):
                    if w[k : k + len(old)] == old:
                        w, changed = (*w[:k], *new, *w[k + len(old) :]), True
                        break
        return w

    def trace(self, w: Word, axis: str) -> Sum:
        """Return the trace of a word, in a form that turning and transposing it do not change."""
        if not w:
            return {((), ()): sympy().Symbol(f"size {axis}", positive=True) if axis != "1" else 1}
        turns = [x[k:] + x[:k] for x in (w, _transposed(w)) for k in range(len(w))]
        least = min(map(self.reduced, turns), key=lambda x: (len(x), x))
        return {((min(least[k:] + least[:k] for k in range(len(least))),), ()): 1} if least else self.trace((), axis)

    def __call__(self, x: Term) -> Sum:
        sp = sympy()
        match x:
            case Term("number", _, digits):
                return {((), ()): sp.Rational(digits)} if Fraction(digits) else {}
            case Term("scalar", _, name) if name in self.scalars:
                return self.scalars[name]
            case Term("scalar", _, name):
                return {((), ()): sp.Symbol(name, positive=True)}
            case Term("row" | "matrix", _, name):
                return {((), ((name, False),)): sp.Integer(1)}
            case Term("eye"):
                return {((), ()): sp.Integer(1)}
            case Term("inverse" | "pinv" as op, (m,)):
                ((key, one),) = self(m).items()
                assert one == 1, "the inverse of a product"
                mark = "⁻¹" if op == "inverse" else "⁺"
                return {((), tuple((name + mark, turned) for name, turned in reversed(key[1]))): one}
            case Term("transpose", (m,)):
                return {(traces, _transposed(w)): k for (traces, w), k in self(m).items()}
            case Term("add" | "plus", terms) | Term("sum", (_, *terms)):
                return _collected(item for t in terms for item in self(t).items())
            case Term("mul" | "scale" | "product", (a, b)):
                return self.times(self(a), self(b))
            case Term("pow", (Term("norm" | "fro", (m,)),), "2"):
                return self.inner(m, m)
            case Term("pow", (a,), power):
                found: Sum = {((), ()): sp.Integer(1)}
                for _ in range(int(power)):
                    found = self.times(found, self(a))
                return found
            case Term("sqrt", (a,)):
                ((key, k),) = self(a).items()
                assert key == ((), ()), "the root of a trace"
                return {((), ()): sp.sqrt(k)}
            case Term("inner" | "dot", (m, n)):
                return self.inner(m, n)
            case Term("size", (m,)):
                (((_, w), _),) = self(m).items()
                return self.trace((), self.size(w[0], 0))
            case Term("mean_square", (vector, law)):
                d = linear_part(vector)
                assert d is not None, "the mean square of x itself"
                scaled = law * d if law.kind == "scalar" else law @ d
                return self.inner(scaled, scaled)
            case Term("mean", (body, *laws)):
                found = self(body)
                for m, variance in zip(laws[::2], laws[1::2], strict=True):
                    found = self.mean(found, m.name, self(variance))
                return found
        msg = f"The operation {x.op!r} is not polynomial."
        raise ValueError(msg)

    def times(self, a: Sum, b: Sum) -> Sum:
        return _collected(
            ((tuple(sorted((*s, *t))), self.reduced(v + w)), k * n)
            for ((s, v), k), ((t, w), n) in product(a.items(), b.items())
        )

    def inner(self, m: Term, n: Term) -> Sum:
        found = list[tuple[Any, Any]]()
        for (s, w), k in self.times(self(m), {(t, _transposed(w)): k for (t, w), k in self(n).items()}).items():
            found += self.times({(s, ()): k}, self.trace(w, self.size(w[0], 0) if w else "1")).items()
        return _collected(found)

    def mean(self, x: Sum, name: str, variance: Sum) -> Sum:
        """Return the mean over the letter ``name``, whose uncorrelated entries have mean 0 and this variance."""
        found = list[tuple[Any, Any]]()
        for (traces, w), k in x.items():
            assert not any(n == name for n, _ in w), "the mean of a matrix"
            random = [t for t in traces if any(n == name for n, _ in t)]
            degree = sum(n == name for t in random for n, _ in t)
            assert degree <= 2, "a mean of degree above 2"
            if degree == 1:
                continue
            rest: Sum = {(tuple(t for t in traces if t not in random or degree == 0), ()): k}
            found += (self.times(self.times(rest, self.paired(random, name)), variance) if degree else rest).items()
        return _collected(found)

    def paired(self, random: list[Word], name: str) -> Sum:
        """Return the mean of tr(NANᵀB), tr(NANB) or tr(NA)tr(NB) for N, the letter ``name``, of variance 1."""

        def begun(w: Word) -> tuple[bool, Word]:
            k = next(k for k, (n, _) in enumerate(w) if n == name)
            return w[k][1], w[k + 1 :] + w[:k]

        rows, columns = (self.size((name, False), axis) for axis in (0, 1))
        if len(random) == 2:
            (s, a), (t, b) = map(begun, random)
            return self.trace(a + (b if s != t else _transposed(b)), rows if s else columns)
        turned, rest = begun(random[0])
        k = next(k for k, (n, _) in enumerate(rest) if n == name)
        a, b = rest[:k], rest[k + 1 :]
        if turned == rest[k][1]:
            return self.trace(a + _transposed(b), rows if turned else columns)
        inside, outside = (rows, columns) if turned else (columns, rows)
        return self.times(self.trace(a, inside), self.trace(b, outside))
