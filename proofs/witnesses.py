"""Shipped witnesses as Coq data: exact numbers, rank factors of AB, and certificates that Coq checks by computation."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ioadapt_theory.claims.expression import algebra
from ioadapt_theory.claims.instances import witness as shipped

Row = list[Fraction]
Matrix = list[Row]

PLACEMENTS = {
    "ce1": "input", "ce2": "output", "ce3": "lora", "ce4-input": "input", "ce4-lora": "lora", "ce4-output": "output",
    "ce5": "lora", "prop-1-frobenius": "lora", "prop-2-output-frobenius": "output",
}  # fmt: skip
LITERAL = frozenset({"ce4-input", "ce4-lora", "ce4-output"})
"""Witnesses for the reading ‖AB‖₂² ≤ ε; their AB is divided by √ε instead of ε."""


def number(x: Fraction) -> str:
    return f"(Qmake ({x.numerator}) {x.denominator})"


def row(v: Sequence[Fraction]) -> str:
    return f"[:: {'; '.join(map(number, v))}]"


def matrix(m: Sequence[Sequence[Fraction]]) -> str:
    return f"[:: {'; '.join(map(row, m))}]"


def times(x: Row, m: Matrix) -> Row:
    return [sum((a * r[j] for a, r in zip(x, m, strict=True)), Fraction(0)) for j in range(len(m[0]))]


def dot(u: Row, v: Row) -> Fraction:
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))


def root(x: Fraction) -> Fraction:
    """Return the square root of a rational square.

    Raises:
        ValueError: the number is not the square of a rational number.
    """
    if (found := algebra.root(x)) ** 2 != x:
        msg = f"{x} is not the square of a rational number."
        raise ValueError(msg)
    return found


def factors(m: Matrix) -> tuple[Matrix, Matrix]:
    """Return the pivot columns C of M and its reduced echelon form F, with M = CF."""
    from sympy import Matrix as Exact
    from sympy import Rational

    parts = Exact([[Rational(x.numerator, x.denominator) for x in r] for r in m]).rank_decomposition()
    columns, rows = ([[Fraction(int(x.p), int(x.q)) for x in r] for r in part.tolist()] for part in parts)
    return columns, rows


def squares(m: Matrix) -> list[tuple[Fraction, Row]]:
    """Return numbers d > 0 and rows l such that I − MMᵀ is the sum of all d lᵀl, which proves that ‖M‖₂ ≤ 1.

    Raises:
        ValueError: I − MMᵀ is not positive semidefinite, so ‖M‖₂ > 1.
    """
    n = len(m)
    g = [[Fraction(int(i == j)) - dot(m[i], m[j]) for j in range(n)] for i in range(n)]
    terms = []
    for k in range(n):
        d = g[k][k]
        if d < 0 or (d == 0 and any(g[k])):
            msg = "The norm of AB exceeds epsilon."
            raise ValueError(msg)
        if d:
            line = [x / d for x in g[k]]
            terms.append((d, line))
            g = [[g[i][j] - d * line[i] * line[j] for j in range(n)] for i in range(n)]
    return terms


def longest(m: Matrix) -> Row:
    """Return the first row e of the identity with ‖eM‖ = 1, or zeros if there is none."""
    n = len(m)
    unit = next((i for i in range(n) if dot(m[i], m[i]) == 1), None)
    return [Fraction(int(i == unit)) for i in range(n)]


def padded(m: Matrix, corner: int = 0) -> Matrix:
    return [[*r, Fraction(0)] for r in m] + [[Fraction(0)] * len(m[0]) + [Fraction(corner)]]


def witness(name: str) -> str:
    """Return the definition of one witness, a counterexample to a claim, in Coq.

    If AB has full rank, every space gets an additional dimension, in which AB is zero.
    """

    def exact(value: Any) -> Any:
        return [exact(v) for v in value] if isinstance(value, list) else Fraction(str(value))

    data = {key: exact(value) for key, value in shipped(name).items() if key != "comment"}
    epsilon = root(data["epsilon"]) if name in LITERAL else data["epsilon"]
    m = [[x / epsilon for x in r] for r in data["AB"]]
    inputs = [data[key] for key in ("x1", "x2", "x1_target", "x2_target")]
    layers = [data["W"], data["W_target"]]
    a, b = factors(m)
    if len(b) == min(len(m), len(m[0])):
        m, a, b = padded(m), [*a, [Fraction(0)] * len(b)], [[*r, Fraction(0)] for r in b]
        inputs, layers = [[*x, Fraction(0)] for x in inputs], [padded(w, 1) for w in layers]
    outputs = [times(x, layers[k // 2]) for k, x in enumerate(inputs)]
    norms = [root(dot(outputs[k], outputs[k]) * dot(outputs[k + 1], outputs[k + 1])) for k in (0, 2)]
    lengths = "[::]"
    if PLACEMENTS[name] == "lora":
        pairs = [(root(dot(x, x)), root(dot(y, y))) for x, y in zip(inputs, outputs, strict=True)]
        lengths = f"[:: {'; '.join(f'({number(x)}, {number(y)})' for x, y in pairs)}]"
    certificate = "; ".join(f"({number(d)}, {row(line)})" for d, line in squares(m))
    sizes = [len(layers[0]), len(layers[0][0]), len(layers[1]), len(layers[1][0]), len(m), len(m[0]), len(b)]
    fields = [
        *map(str, sizes), matrix(layers[0]), matrix(layers[1]), *map(row, inputs), matrix(a), matrix(b),
        f"[:: {certificate}]", row(longest(m)), *map(number, norms), lengths,
    ]  # fmt: skip
    return f"Definition {name.replace('-', '_')} : witness := Witness\n  " + "\n  ".join(fields) + "."


HEAD = """\
(* The shipped witnesses. Rendered from their files by `python -m proofs`: not to be edited. *)
From Coq Require Import QArith.
From mathcomp Require Import all_ssreflect.
From ioadapt Require Import Exact.
Import Witness.
"""


def witnesses() -> str:
    return HEAD + "\n" + "\n\n".join(map(witness, PLACEMENTS)) + "\n"
