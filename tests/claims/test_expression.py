"""Formulas: the rules that proofs use hold, the first order is the derivative, and all readers agree."""

from dataclasses import make_dataclass
from fractions import Fraction
from typing import Any

import pytest
import torch

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.expression.algebra import equal, sympy
from ioadapt_theory.claims.expression.deduction import (
    CAUCHY_SCHWARZ,
    LEFT,
    OPERATOR,
    ROWS,
    RULES,
    SQUARE,
    TRIANGLE_FROBENIUS,
    Deduction,
    Link,
    Rule,
    at_most,
)
from ioadapt_theory.claims.expression.limits import first_order
from ioadapt_theory.claims.expression.notation import text
from ioadapt_theory.claims.expression.tree import (
    EYE,
    Term,
    artanh,
    cos,
    dot,
    fro,
    linear_part,
    ln,
    matrix,
    mean_square,
    norm,
    positive,
    row,
    rows,
    scalar,
    sim,
    spectral,
    sqrt,
    term,
)
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.settings.letters import AB, W1, W2, X, distance
from ioadapt_theory.claims.settings.placement import Placement

U, V, M, N = row("u"), row("v"), matrix("m"), matrix("n")


def instance(**letters: Any) -> Any:
    return make_dataclass("Letters", letters)(**letters)


def drawn(rule: Rule, batch: int = 500) -> Any:
    """Random letters of a rule; products need sizes that fit, so all matrices are square."""
    shapes = {"scalar": (batch,), "row": (batch, 3), "matrix": (batch, 3, 3)}
    letters = {x for side in (rule.relation.left, rule.relation.right) for x in side.walk() if x.name.startswith("?")}
    values = {x.name[1:]: torch.randn(shapes[x.kind], dtype=torch.float64) for x in letters}
    return instance(**values)


def named(x: Term) -> Term:
    return Term(x.op, tuple(named(a) for a in x.args), x.name.removeprefix("?"))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: text(r.relation))
def test_every_rule_holds_for_random_arguments_and_is_not_idle(rule: Rule) -> None:
    i = drawn(rule)
    left, right = value(named(rule.relation.left), i), value(named(rule.relation.right), i)
    assert (left <= right + 1e-12 * (1 + abs(right))).all()
    assert (left > right / 20).any()


@pytest.mark.parametrize("placement", Placement)
def test_the_first_order_is_the_derivative(placement: Placement) -> None:
    claim = {"lora": "prop-1", "input": "prop-2-input", "output": "prop-2-output"}[placement]
    setting = CLAIMS[claim].setting
    assert setting is not None
    i = setting.parametrise(setting.start(20, torch.Generator().manual_seed(0)))
    t = 1e-6
    small = type(i)(**{f: getattr(i, f) for f in i.__dataclass_fields__} | {"ab": t * i.ab})
    difference = value(distance(placement), small) / t
    torch.testing.assert_close(difference, value(first_order(distance(placement)), i), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "form",
    [
        lambda m, x, a: m * m, lambda m, x, a: x * m, lambda m, x, a: m @ x, lambda m, x, a: a @ m,
        lambda m, x, a: m @ a, lambda m, x, a: m + x, lambda m, x, a: m + a, lambda m, x, a: x - 1,
    ],
)  # fmt: skip
def test_what_has_no_product_or_sum_is_no_formula(form: Any) -> None:
    with pytest.raises(TypeError, match="is no formula"):
        form(matrix("w"), row("x"), scalar("s"))


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (1 - scalar("a") ** 2, "1 − a²"),
        (2 * (scalar("a") + scalar("b")), "2(a + b)"),
        (scalar("a") - (scalar("b") - 1), "a − (b − 1)"),
        (scalar("a") / (scalar("b") * scalar("c")), "a/(bc)"),
        (norm(U @ (M + N)) ** 2, "‖u(M + N)‖²"),
        (fro(EYE + M @ N), "‖I + MN‖_F"),
        (sqrt(term(Fraction(1, 2))), "√½"),
        (-spectral(M) * 3, "−‖M‖₂ · 3"),
    ],
)
def test_parentheses_stand_where_they_are_needed(formula: Term, shown: str) -> None:
    assert text(formula) == shown


def test_what_is_linear_in_x_has_its_matrix() -> None:
    assert linear_part(X @ W1 @ W2 - X @ AB) == (W1 @ W2) - AB
    with pytest.raises(ValueError, match="not linear"):
        linear_part(row("u") @ W1)


class TestDeductions:
    def test_algebra_knows_inner_products_norms_and_products(self) -> None:
        assert equal(norm(U + V) ** 2, norm(U) ** 2 + 2 * dot(U, V) + norm(V) ** 2)
        assert equal((M + N) @ (M + N), M @ M + M @ N + N @ M + N @ N)
        assert equal(fro(M - N), fro(N - M))
        assert not equal(M @ N, N @ M)
        assert not equal(norm(U + V), norm(U) + norm(V))
        assert not equal(sim(U, V), dot(U, V))

    def test_a_rule_is_used_inside_what_increases_and_nowhere_else(self) -> None:
        assert at_most(3 * norm(U @ M) ** 2, 3 * (norm(U) * spectral(M)) ** 2, (OPERATOR,))
        assert not at_most(-norm(U @ M), -(norm(U) * spectral(M)), (OPERATOR,))
        assert not at_most(1 / norm(U @ M), 1 / (norm(U) * spectral(M)), (OPERATOR,))
        assert not at_most(scalar("a") * norm(U @ M), scalar("a") * (norm(U) * spectral(M)), (OPERATOR,))
        assert not at_most(norm(U) * spectral(M), norm(U @ M), (OPERATOR,))
        assert not at_most(fro(M + N), fro(M) + fro(N), (LEFT,))
        assert not at_most(norm(U @ M), norm(U) * fro(M), (OPERATOR,))

    @pytest.mark.parametrize("function", [cos, ln, artanh, sqrt, positive, sim, dot])
    def test_a_product_increases_with_a_factor_where_the_others_are_not_negative(self, function: Any) -> None:
        factor = function(U, V) if function in (sim, dot) else function(scalar("a"))
        there = at_most(factor * norm(U @ M), factor * (norm(U) * spectral(M)), (OPERATOR,))
        assert there == (function in (sqrt, positive))

    @pytest.mark.parametrize("function", [cos, abs])
    def test_what_does_not_increase_everywhere_is_not_entered(self, function: Any) -> None:
        assert not at_most(function(norm(U @ M)), function(norm(U) * spectral(M)), (OPERATOR,))

    def test_a_power_increases_where_it_is_positive_and_its_base_not_negative(self) -> None:
        smaller, larger, a = norm(U @ M), norm(U) * spectral(M), scalar("a")
        assert not at_most(smaller**-1, larger**-1, (OPERATOR,))
        assert not at_most(smaller**0, larger, (OPERATOR,))
        for sign, holds in ((1, True), (-1, False)):
            assert at_most((sign + smaller) ** 2, (sign + larger) ** 2, (OPERATOR,)) is holds
        assert not at_most(smaller / a, larger / a, (OPERATOR,))

    def test_a_letter_of_a_rule_stands_for_one_thing(self) -> None:
        a, b = scalar("a"), scalar("b")
        assert at_most((a + b) ** 2, 2 * a**2 + 2 * b**2, (SQUARE,))
        assert not at_most((a + b) ** 2, 2 * a**2 + 2 * a**2, (SQUARE,))
        assert at_most(rows(M @ N), rows(M), (ROWS,))
        assert not at_most(rows(M @ N), rows(N), (ROWS,))

    def test_what_a_rule_asks_for_has_to_be_given_of_the_same_thing(self) -> None:
        p, q = matrix("?p"), matrix("?q")
        shrinks = Rule("", fro(p @ q) <= fro(q), (spectral(p) <= 1,))
        for given, holds in (((spectral(M) <= 1,), True), ((spectral(N) <= 1,), False), ((spectral(M) <= 2,), False)):
            assert at_most(fro(M @ N), fro(N), (shrinks,), given) is holds
        assert not at_most(fro(M @ N), fro(N), (shrinks,))

    def test_an_equation_may_be_read_backwards_and_an_inequality_may_not(self) -> None:
        a, b = scalar("a"), scalar("b")
        assert at_most(b, a, (a.equals(b),))
        assert not at_most(b, a, (a <= b,))

    def test_an_equation_is_shown_by_equations_only_and_an_inequality_by_no_strict_goal(self) -> None:
        goal = fro(M + N).equals(fro(M) + fro(N))
        link = Link("triangle inequality", goal.right, (TRIANGLE_FROBENIUS,))
        assert list(Deduction(goal.left, (link,)).broken(goal, ())) == ["the goal is an equation, and a link is not"]
        strict = goal.left < goal.right
        assert list(Deduction(goal.left, (link,)).broken(strict, ())) == ["links show ≤, and the goal is strict"]

    def test_a_chain_has_to_begin_and_to_end_where_the_statement_does(self) -> None:
        goal = fro(M + N) <= fro(M) + fro(N)
        link = Link("triangle inequality", goal.right, (TRIANGLE_FROBENIUS,))
        assert list(Deduction(goal.left, (link,)).broken(goal, ())) == []
        for other in (fro(M + N) <= fro(M), fro(M) <= fro(M) + fro(N), fro(M + N).equals(fro(M) + fro(N))):
            assert list(Deduction(goal.left, (link,)).broken(other, ()))
        assert list(Deduction(goal.left, ()).broken(goal, ()))
        assert list(Deduction(goal.left, (Link("", goal.right, (CAUCHY_SCHWARZ,)),)).broken(goal, ()))

    def test_a_hypothesis_has_to_be_one_of_the_statement(self) -> None:
        small = spectral(M) <= scalar("epsilon")
        goal = spectral(M) ** 2 <= scalar("epsilon") ** 2
        chain = Deduction(goal.left, (Link("small", goal.right, (small,)),))
        assert list(chain.broken(goal, (small,))) == []
        assert list(chain.broken(goal, ()))

    def test_a_link_that_repeats_its_formula_says_nothing(self) -> None:
        goal = fro(M + N) <= fro(M) + fro(N)
        links = (Link("", goal.left), Link("", goal.right, (TRIANGLE_FROBENIUS,)))
        assert list(Deduction(goal.left, links).broken(goal, ()))


def test_a_mean_square_is_one_of_its_law() -> None:
    sigma, tau = scalar("sigma"), scalar("tau")
    assert equal(mean_square(X @ M, sigma * sigma), mean_square(X @ M, sigma**2))
    assert not equal(mean_square(X @ M, sigma), mean_square(X @ M, tau))
    assert not equal(mean_square(X @ M, sigma), mean_square(X @ N, sigma))


def test_exact_singular_values_are_surds() -> None:
    import numpy as np

    sp = sympy()
    i = instance(m=np.array([[sp.Integer(1), sp.Integer(1)], [sp.Integer(0), sp.Integer(1)]], dtype=object))
    assert sp.simplify(value(spectral(M), i) - (1 + sp.sqrt(5)) / 2) == 0


def test_a_link_may_leave_an_order_that_its_series_has_and_no_other() -> None:
    eps, a = scalar("epsilon"), scalar("a")
    for order, holds in ((2, True), (3, False)):
        chain = Deduction(artanh(eps) + a * eps**2, (Link("series", eps * 1, order=order),))
        broken = list(chain.broken((chain.first <= eps * 1).up_to(order), ()))
        assert (not broken) is holds
    assert "leaves O(ε^2), and the goal nothing" in next(chain_of_two(eps, a).broken(artanh(eps) <= eps * 1, ()))


def chain_of_two(eps: Term, a: Term) -> Deduction:
    return Deduction(artanh(eps), (Link("series", eps * 1, order=2),))
