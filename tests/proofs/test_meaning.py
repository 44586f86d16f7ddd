"""Norms, singular values, ranks and pseudoinverses mean the same in Python and in Coq, whose definitions are evaluated.

The matrices are recorded, with rational singular values, and tall, wide, square and deficient.
"""

import math
import re
from dataclasses import make_dataclass
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
import torch

from ioadapt_theory.claims.expression.tree import cond, fro, matrix, norm, pinv, rank, row, sigma, spectral
from ioadapt_theory.claims.expression.values import Values
from proofs.render import CALLS, DEFINED_BY
from tests.proofs.meaning import Meaning, inertia, times, turned

TEXT = (Path(__file__).parents[2] / "proofs" / "coq" / "Vocabulary.v").read_text(encoding="utf-8")
COQ = Meaning(TEXT)
TURN = [["3/5", "4/5", "0"], ["-4/5", "3/5", "0"], ["0", "0", "1"]]
OTHER = [["5/13", "0", "12/13"], ["0", "1", "0"], ["-12/13", "0", "5/13"]]


def exact(m):
    return [[Fraction(x) for x in r] for r in m]


def of(*values, rows, columns):
    """Return a rows x columns matrix with these singular values, turned on both sides if it is 3 x 3 or smaller."""
    middle = [[Fraction(values[i]) if i == j and i < len(values) else Fraction(0) for j in range(3)] for i in range(3)]
    left, right = ([r[:n] for r in exact(t)[:n]] for t, n in ((TURN, rows), (OTHER, columns)))
    if rows == 2:
        left = [r[:2] for r in exact(TURN)[:2]]
    if columns == 2:
        right = [r[:2] for r in turned(exact(TURN))[:2]]
    return times(times(left, [r[:columns] for r in middle[:rows]]), right)


W, V = matrix("w"), row("v")
VALUES = {
    "wide": ("1 4", 2, 3), "tall": ("2 5", 3, 2), "square": ("1/2 2 3", 3, 3), "isometry": ("1 1", 3, 2),
    "deficient": ("0 2 3", 3, 3), "deficient, tall": ("0 3", 3, 2), "deficient, wide": ("0 3", 2, 3),
    "zero": ("0 0", 2, 3),
}  # fmt: skip
MATRICES = {name: (of(*v.split(), rows=m, columns=n), v.split()) for name, (v, m, n) in VALUES.items()}


Instance = make_dataclass("Instance", ["w", "v"])


def values(m):
    """Return evaluators in exact numbers and in float64."""
    array = np.array([[sp.Rational(x.numerator, x.denominator) for x in r] for r in m], dtype=object)
    tensor = torch.tensor([[[float(x) for x in r] for r in m]], dtype=torch.float64)
    return [Values(Instance(w=x, v=x[..., 0, :])) for x in (array, tensor)]


def close(found, wanted):
    return abs(float(found) - float(wanted)) <= 1e-9 * (1 + abs(float(wanted)))


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("op", [spectral(W), sigma(W, 1), sigma(W, 2), cond(W)], ids=["spectral", "s1", "s2", "cond"])
def test_a_singular_value_is_what_python_computes_and_nothing_else_is(name, op):
    m, found = MATRICES[name][0], sorted(map(Fraction, MATRICES[name][1]))
    wanted = {"cond": found[-1] / found[0] if found[0] else None, "spectral": found[-1]}.get(op.op)
    if op.op == "sigma":
        wanted = found[-int(op.name) - 1]
    predicate, index = DEFINED_BY[op.op], [int(op.name[1:])] if op.op == "sigma" else []

    def says(value):
        return COQ.holds(predicate, *index, m, value, numbers=(*found, 2 * found[-1], found[0] / 2))

    if wanted is None:  # a divisor is 0: no number is the condition number
        assert not any(says(Fraction(k, 4)) for k in range(60))
        return
    assert all(close(v(op), wanted) for v in values(m))
    assert says(wanted)
    factors = (Fraction(1, 2), Fraction(999, 1000), Fraction(1001, 1000), Fraction(2))
    assert not any(says(x) for x in (wanted + Fraction(1, 100), *(wanted * f for f in factors)) if x != wanted)


@pytest.mark.parametrize("name", MATRICES)
def test_a_pseudoinverse_and_a_rank_are_what_python_computes(name):
    m, found = MATRICES[name]
    gram = times(m, turned(m))
    assert [int(v(rank(W))) for v in values(m)] == [len(m) - inertia(gram)[1]] * 2 == [sum(x != "0" for x in found)] * 2
    inverse = [[Fraction(int(x.p), int(x.q)) for x in r] for r in values(m)[0](pinv(W)).tolist()]
    floats = values(m)[1](pinv(W))[0].tolist()
    assert all(close(x, y) for r, s in zip(floats, inverse, strict=True) for x, y in zip(r, s, strict=True))
    assert COQ.holds(DEFINED_BY["pinv"], m, inverse)
    for wrong in others(m, inverse):  # each misses one of the four equations, if it can be missed
        assert wrong == inverse or not COQ.holds(DEFINED_BY["pinv"], m, wrong)


def others(m, p):
    """Return 0, and P + LZR for projections L and R of which one, or both, are on what P does not reach."""
    z = [[Fraction(i + 2 * j + 1) for j in range(len(p[0]))] for i in range(len(p))]
    reached = times(p, m), times(m, p)
    missed = [[[Fraction(int(i == j)) - x for j, x in enumerate(r)] for i, r in enumerate(e)] for e in reached]
    sides = (reached[0], missed[1]), (missed[0], reached[1]), (missed[0], missed[1])
    more = [times(times(left, z), right) for left, right in sides]
    zero = [[Fraction(0) for _ in r] for r in p]
    return [zero, *([[x + y for x, y in zip(r, s, strict=True)] for r, s in zip(p, a, strict=True)] for a in more)]


@pytest.mark.parametrize(
    ("op", "m", "wanted"),
    [
        (norm(V), [["2", "3", "6"]], 7),
        (fro(W), [["1", "2"], ["2", "4"]], 5),
        (fro(W), [["1", "1", "1"], ["1", "0", "0"]], 2),
    ],
)
def test_a_norm_is_what_python_computes(op, m, wanted):
    assert all(close(v(op), Fraction(wanted)) for v in values(exact(m)))
    assert COQ.holds(CALLS[op.op], exact(m)) == wanted


PLANTED = (
    ("if (c <= d)%N then P c d W else P d c W^T", "P c d W"),  # cond of a tall matrix would need full row rank
    ("(c <= d)%N", "(d <= c)%N"),
    ("k = s.2 / s.1", "k = s.1 / s.2"),
    ("k = s.2 / s.1", "k = s.2"),
    ("norm (x *m W) <= hi * norm x,", "norm (x *m W) <= lo * norm x,"),
    ("[/\\ 0 < lo, ", "[/\\ "),
    ("norm (x *m W) = hi * norm x]", "norm (x *m W) = lo * norm x]"),
    ("spectral_le M b -> a <= b]", "spectral_le M b -> b <= a]"),
    ("norm (x *m M) <= a * norm x", "a * norm x <= norm (x *m M)"),
    ("forall b, 0 <= b -> wide (stretched_le k b) W -> a <= b", "0 <= a"),
    ("norm (x *m V *m W) <= b * norm (x *m V)", "b * norm (x *m V) <= norm (x *m V *m W)"),
    ("W *m P *m W = W, ", ""),
    ("P *m W *m P = P, ", ""),
    ("(W *m P)^T = W *m P & ", "0 <= 0 & "),
    ("& (P *m W)^T = P *m W", "& 0 <= 0"),
    ("M i j ^+ 2", "M i j"),
    ("Num.sqrt (dot u u)", "dot u u"),
)


@pytest.mark.parametrize(("one", "other"), PLANTED)
def test_another_definition_is_noticed(one, other, monkeypatch):
    assert one in TEXT
    monkeypatch.setitem(globals(), "COQ", Meaning(TEXT.replace(one, other)))
    with pytest.raises((AssertionError, ZeroDivisionError)):
        everything()


def everything():
    for name in MATRICES:
        for op in (spectral(W), sigma(W, 1), sigma(W, 2), cond(W)):
            test_a_singular_value_is_what_python_computes_and_nothing_else_is(name, op)
        test_a_pseudoinverse_and_a_rank_are_what_python_computes(name)
    test_a_norm_is_what_python_computes(norm(V), [["2", "3", "6"]], 7)
    test_a_norm_is_what_python_computes(fro(W), [["1", "2"], ["2", "4"]], 5)


def holds_of_functions(text, name, **scope):
    """Return whether functions of a number satisfy the clauses of a definition, at some numbers."""
    body = re.search(rf"^Definition {name} .*?:=\s(.*?)\.$", text, re.MULTILINE | re.DOTALL)[1]
    clauses = re.split(r", (?=\(?forall)| & | ?/\\ ?", " ".join(body.strip("[]/\\ \n").split()))
    return all(true(x.strip(), scope) for x in clauses)


def true(clause, scope):
    names, _, rest = re.sub(r"^\((.*)\)$", r"\1", clause).rpartition(", ")
    letters = re.findall(r"\b\w\b", names.replace("forall", ""))
    *given, goal = [re.sub(r"\b(cos|sin|ln) (\w+)", r"\1(\2)", x).replace("^+", "**") for x in rest.split("->")]

    def fits(relation, here):
        parts = re.split(r"(<=|<|=)", relation)
        sides = [eval(x, {}, here) for x in parts[::2]]
        return all(abs(a - b) < 1e-9 if sign == "=" else a < b + 1e-9 * (sign == "<=")
                   for sign, (a, b) in zip(parts[1::2], pairwise(sides), strict=True))  # fmt: skip

    for numbers in product((0.0, 0.2, 0.9, 1.0, 1.5, 2.5, 3.1, 4.0, 7.0), repeat=len(letters)):
        here = scope | dict(zip(letters, numbers, strict=True))
        if all(fits(x, here) for x in given) and not fits(goal, here):
            return False
    return True


WRONG = (
    ("circular", {"cos": math.cos, "sin": lambda a: -math.sin(a), "pi": math.pi}),
    ("circular", {"cos": math.cos, "sin": math.sin, "pi": 3 * math.pi}),
    ("circular", {"cos": lambda _: 1.0, "sin": lambda _: 0.0, "pi": math.pi}),
    ("circular", {"cos": lambda a: 1 - 2 * a / math.pi, "sin": lambda a: abs(1 - (1 - 2 * a / math.pi) ** 2) ** 0.5,
                  "pi": math.pi}),
    ("logarithm", {"ln": math.log2}), ("logarithm", {"ln": lambda x: x - 1}), ("logarithm", {"ln": math.log10}),
)  # fmt: skip


def test_cosine_sine_and_logarithm_satisfy_their_equations_and_others_do_not():
    assert holds_of_functions(TEXT, "circular", cos=math.cos, sin=math.sin, pi=math.pi)
    assert holds_of_functions(TEXT, "logarithm", ln=math.log)
    for name, functions in WRONG:
        assert not holds_of_functions(TEXT, name, **functions), (name, functions)
