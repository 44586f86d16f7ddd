"""Operations of formulas agree in float64, at 50 digits and exactly; the first order is the derivative."""

import pickle
import sys
from dataclasses import make_dataclass, replace
from decimal import ROUND_DOWN, Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
import torch

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims import arithmetic as a
from ioadapt_theory.claims.arithmetic import mp
from ioadapt_theory.claims.expression.algebra import root
from ioadapt_theory.claims.expression.tree import EYE, linear_part, matrix, norm, row, scalar, segment, sine, spectral
from ioadapt_theory.claims.expression.values import both_sides, value
from ioadapt_theory.claims.settings.letters import AB, W1, W2, Placement, T, X, at_zero, distance, first_order
from ioadapt_theory.claims.settings.relative_similarity import similarity_setting
from ioadapt_theory.errors import InvalidValueError

U, V = ["3", "0", "4"], ["1", "2", "2"]
SQUARE = [["2", "1"], ["-1", "3"]]
P = matrix("p")


def numbers(x, into):
    return [numbers(y, into) for y in x] if isinstance(x, list) else into(Fraction(x))


def tensor(x):
    return torch.tensor(numbers(x, float))


def digits(x):
    return np.array(numbers(x, lambda y: mp.mpf(y.numerator) / y.denominator), dtype=object)


def exact(x):
    return np.array(numbers(x, sp.Rational), dtype=object)


KINDS = [tensor, digits, exact]


def plain(x):
    return x.tolist() if isinstance(x, torch.Tensor) else np.vectorize(float)(np.array(x, dtype=object)).tolist()


def close(found, expected):
    np.testing.assert_allclose(plain(found), expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda k: a.angle(-k(U), k(V)), np.arccos(-11 / 15)),
        (lambda k: a.singular_values(k([["0", "2", "0"], ["3", "0", "0"]])), [3, 2]),
        (lambda k: a.singular_values(k([["0", "3"], ["2", "0"], ["0", "0"]])), [3, 2]),
        (lambda k: a.singular_values(k([["0", "0", "0"], ["0", "0", "0"]])), [0, 0]),
        (lambda k: a.condition_number(k([["3", "0"], ["4", "0"], ["0", "2"]])), 2.5),
        (lambda k: a.inverse(k(SQUARE)), [[3 / 7, -1 / 7], [1 / 7, 2 / 7]]),
        (lambda k: a.pseudo_inverse(k([["1", "1"], ["1", "1"], ["0", "0"]])), [[0.25, 0.25, 0], [0.25, 0.25, 0]]),
        (lambda k: a.pseudo_inverse(k([["0", "0"], ["0", "0"], ["0", "0"]])), [[0, 0, 0], [0, 0, 0]]),
        (lambda k: a.rank(k([["1", "1"], ["1", "1"], ["0", "0"]])), 1),
        (lambda k: a.rank(k([["0", "0"], ["0", "0"], ["0", "0"]])), 0),
        (lambda k: a.where_larger(*k(["2", "3", "5", "7"])), 7),
        (lambda k: a.where_larger(*k(["3", "3", "5", "7"])), 7),
        (lambda k: a.where_larger(*k(["3", "2", "5", "7"])), 5),
    ],
)
def test_an_operation_is_what_it_says_in_every_arithmetic(kind, found, expected):
    """Operations that occur in no printed formula are tested, too."""
    close(found(kind), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("x", "expected"), [(2, 2), (Fraction(1, 4), 0.25), ("pi", np.pi), ("inf", np.inf)])
def test_a_number_is_in_the_arithmetic_of_what_it_is_like(kind, x, expected):
    close(found := a.number(x, kind(["1"])[0]), expected)
    assert a.exact(found) is (kind is exact)


def test_a_formula_from_another_process_is_the_same():
    sent, here = (first_order(CLAIMS["prop-1"].concludes[0].left) for _ in range(2))
    object.__setattr__(sent, "_hash", 0)  # strings have different hashes in another process
    received = pickle.loads(pickle.dumps(sent))
    assert (received, hash(received)) == (here, hash(here))


@pytest.mark.parametrize("kind", [tensor, digits])
def test_a_limit_is_exceeded_relative_to_it(kind):
    close(a.excess(tensor(["1", "3"]), 2), [0, 0.5])
    close(a.excess(2, tensor(["1", "4"])), [1, 0])
    for larger, limit, excess in (("1", "2", 0), ("2", "2", 0), ("3", "2", 0.5), ("0", "0", 0)):
        close(a.excess(*kind([larger, limit])), excess)
    assert plain(a.excess(*kind(["1", "0"]))) == np.inf


@pytest.mark.parametrize("kind", [tensor, digits])
def test_an_angle_is_accurate_where_vectors_are_nearly_parallel(kind):
    u, v = kind(["1", "0"]), kind(["1", "1e-9"])
    for found in (a.sine(u, v), a.angle(u, v)):
        np.testing.assert_allclose(plain(found), 1e-9, rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "counts", "is_rounding"), [(tensor, "1e-11", "1e-13"), (digits, "1e-39", "1e-41"), (exact, "1e-99", "0")]
)
def test_what_counts_as_rounding_in_a_rank(kind, counts, is_rounding):
    for scale in ("1e-5", "1e5"):
        for small, rank in ((counts, 2), (is_rounding, 1)):
            assert int(a.rank(kind([[scale, "0"], ["0", str(Fraction(small) * Fraction(scale))]]))) == rank
        if kind is digits:
            for small, inverse in ((counts, 1 / Fraction(counts)), (is_rounding, 0)):
                close(a.pseudo_inverse(kind([["1", "0"], ["0", small]])), [[1, 0], [0, float(inverse)]])


def test_singular_values_of_large_matrices_are_float64_ones_and_a_condition_number_says_so():
    for n, ratio in ((64, "1e-7"), (65, "5e-6")):
        m = np.eye(n, dtype=int) * mp.mpf(1)
        m[-1, -1] = mp.mpf(ratio)
        np.testing.assert_allclose(float(a.condition_number(m)), 1 / float(ratio), rtol=1e-9)
    m[0, 0] = mp.mpf(10)
    with pytest.raises(InvalidValueError, match="only up to 1e6"):
        a.condition_number(m)
    m[0, 0] = mp.mpf(1)
    m[-1, -1] = mp.mpf("1e-7")
    with pytest.raises(InvalidValueError, match="with more than 64 rows or columns is computed only up to 1e6"):
        a.condition_number(m)
    assert a.condition_number(torch.diag(torch.tensor([1.0] * 64 + [1e-7]))).item() == pytest.approx(1e7)


def test_a_batch_is_its_members():
    u, v, du, dv = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
    w = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(1))
    functions = [
        *((f, (u, v)) for f in (a.dot, a.cosine, a.sine, a.angle, a.outer, a.hessian)),
        *((f, (w,)) for f in (a.frobenius_sq, a.operator_norm, a.condition_number, a.pseudo_inverse, a.rank)),
        *((f, (u,)) for f in (a.norm, a.unit)),
        (a.apply, (u, w)),
        (a.segment_distance_sq, (u, du)),
        (a.sup_hessian_norm, (u, v, du / 4, dv / 4)),
    ]
    for function, arguments in functions:
        one_by_one = torch.stack([function(*(x[k] for x in arguments)) for k in range(5)])
        torch.testing.assert_close(function(*arguments), one_by_one, msg=str(function))


@pytest.mark.parametrize("kind", [tensor, digits])
def test_a_segment_and_the_hessian_along_it(kind):
    """The norm is largest inside the segment: u passes 0 at a distance of 1 at t = 1/2, which is on both grids."""
    u, v, du, dv = (kind(x) for x in (["1", "-1", "0"], ["1", "0", "2"], ["0", "2", "0"], ["0", "0", "0"]))
    for increment, square in ((du, 1), (du / 4, 1.25), (-du, 2), (dv, 2)):
        close(a.segment_distance_sq(u, increment), square)
    start = plain(a.operator_norm(a.hessian(u, v)))
    close(a.sup_hessian_norm(u, v, u, dv), start)  # the norm decreases along the segment
    middle = a.operator_norm(a.hessian(u + du / 2, v))
    first = 4 if kind is tensor else 16  # then u + tΔu is nearest to 0 at the first point of the grid
    for factor in (1, first):
        close(a.sup_hessian_norm(u, v, factor * du, dv), plain(middle))
        close(a.sup_hessian_norm(v, u, dv, factor * du), plain(middle))
    assert plain(middle) > start + 0.1


@pytest.mark.parametrize("installed", [True, False])
def test_the_rank_of_fractions_is_exact_with_flint_and_without(installed, monkeypatch):
    if not installed:
        monkeypatch.setitem(sys.modules, "flint", None)
    draw = np.random.default_rng(0)
    for rows, columns, rank in ((4, 6, 3), (6, 4, 4), (1, 1, 1), (5, 5, 2)):
        product = draw.integers(1, 9, (rows, rank)) @ draw.integers(-9, -1, (rank, columns))
        assert a.rank(np.vectorize(Fraction, otypes=[object])(product) / 7) == np.linalg.matrix_rank(product)
    assert a.rank(np.full((2, 3), Fraction(0), dtype=object)) == 0


def instance(**letters):
    return make_dataclass("Letters", letters)(**letters)


@pytest.mark.parametrize("placement", Placement)
def test_the_first_order_is_the_derivative(placement):
    i = similarity_setting(placement).draw(20, torch.Generator().manual_seed(0))
    difference = value(distance(placement), replace(i, ab=1e-6 * i.ab)) / 1e-6
    torch.testing.assert_close(difference, value(first_order(distance(placement)), i), rtol=1e-4, atol=1e-6)


def test_without_the_adapter_a_formula_is_that_of_the_model():
    formulas = (X @ W1 + X @ AB, X @ AB + X @ W1, X @ AB, X @ T @ W1, T @ W1, EYE + W1, norm(X @ T) ** 2)
    assert [at_zero(x) for x in formulas] == [X @ W1, X @ W1, None, X @ W1, W1, EYE + W1, norm(X) ** 2]


def test_a_root_is_exact_or_has_120_digits():
    assert root(Fraction(9, 4)) == Fraction(3, 2)
    with localcontext(prec=140):
        digits = (Decimal(4) / 3).sqrt().quantize(Decimal(10) ** -120, rounding=ROUND_DOWN)
    assert root(Fraction(4, 3)) == Fraction(digits)


def test_values_of_squares_segments_and_multiples():
    i = instance(u=tensor(["1", "0"]), v=tensor(["1", "1e-9"]))
    np.testing.assert_allclose(value(sine(row("u"), row("v")) ** 2, i), 1e-18, rtol=1e-12)
    near = instance(**{k: tensor([x, "0"]) for k, x in (("u", "3"), ("v", "1"), ("du", "0"), ("dv", "-1/2"))})
    u, v, du, dv = map(row, ("u", "v", "du", "dv"))
    close([value(segment(*x), near) for x in ((u, v, du, dv), (v, u, dv, du))], [0.5, 0.5])
    batch = instance(p=torch.ones(2, 1, 3), s=tensor(["2", "3"]))
    close(value(scalar("s") * P, batch), [[[2, 2, 2]], [[3, 3, 3]]])
    assert repr(row("u")) == "Term(op='row', args=(), name='u')"


def test_an_equation_of_a_batch_is_missed_relative_to_its_sides():
    left, right = both_sides((scalar("a").equals(scalar("b")),))
    i = instance(a=tensor(["1", "0", "-1"]), b=tensor(["3", "0", "-1"]))
    close(left(i) / right(i), [1.5, 1, 1])
    a, b, c, d = map(scalar, "abcd")
    for values in (("6", "4", "3", "5"), ("3", "5", "6", "4")):  # of two relations, the more violated one
        i = instance(**dict(zip("abcd", tensor(list(values)), strict=True)))
        assert [float(side(i)) for side in both_sides((a <= b, c <= d))] == [6, 4]


def test_what_is_linear_in_x_has_its_matrix():
    assert linear_part(X @ W1 @ W2 - X @ AB) == (W1 @ W2) - AB
    with pytest.raises(ValueError, match="not linear"):
        linear_part(row("u") @ W1)


def test_exact_singular_values_are_surds():
    i = instance(p=np.array([[sp.Integer(1), sp.Integer(1)], [sp.Integer(0), sp.Integer(1)]], dtype=object))
    assert sp.simplify(value(spectral(P), i) - (1 + sp.sqrt(5)) / 2) == 0


def test_what_has_no_product_or_sum_is_no_formula():
    m, x, a = matrix("w"), row("x"), scalar("s")
    assert m * a == a * m != a * x
    for form in (lambda: m * m, lambda: x * m, lambda: m @ x, lambda: a @ m, lambda: m + x, lambda: x - 1):
        with pytest.raises(TypeError, match="is not defined"):
            form()
