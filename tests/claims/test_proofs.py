"""What the proofs conclude, met by numbers found another way: autograd, singular values, quadrature, torch's layers."""

import math
from functools import partial

import mpmath
import pytest
import torch
from torch.nn import functional

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.arithmetic import hessian, segment_distance_sq
from ioadapt_theory.claims.evidence.argument import exact_instance
from ioadapt_theory.claims.expression.algebra import sympy
from ioadapt_theory.claims.expression.values import Values, value
from ioadapt_theory.claims.instances import witness
from ioadapt_theory.claims.settings.increments import DELTA, INCREMENTS
from ioadapt_theory.claims.words import overhead

cosine = partial(functional.cosine_similarity, dim=-1)


def pair(d=4):
    return torch.randn(d), torch.randn(d)


def test_eq_7_and_the_hessian_are_those_of_autograd_and_have_the_proved_spectrum():
    u, v, du, dv = torch.randn(4, 3)
    _, slope_ = torch.autograd.functional.jvp(cosine, (u, v), (du, dv))
    torch.testing.assert_close(value(DELTA, INCREMENTS.build(u=u, v=v, du=du, dv=dv)), slope_)
    torch.testing.assert_close(
        hessian(u, v), torch.autograd.functional.hessian(lambda z: cosine(z[:3], z[3:]), torch.cat((u, v)))
    )
    s = cosine(u, v)
    roots = torch.stack((1 - s, 1 - s, -1 - s, -1 - s, (1 - s**2).sqrt(), -((1 - s**2).sqrt())))
    torch.testing.assert_close(torch.linalg.eigvalsh(hessian(u / u.norm(), v / v.norm())), roots.sort().values)


def test_the_distance_of_a_segment_from_zero():
    w = torch.tensor([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]])
    dw = torch.tensor([[-2.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    torch.testing.assert_close(segment_distance_sq(w, dw), torch.tensor([4.0, 5.0, 5.0]))


def slope(x1, x2, w, placement):
    """The gradient of the cosine in M at M = 0, by autograd."""
    m = torch.zeros({"lora": w.shape, "input": (w.shape[0],) * 2, "output": (w.shape[1],) * 2}[placement])
    m.requires_grad_()
    y = {
        "lora": lambda x: x @ (w + m),
        "input": lambda x: (x + x @ m) @ w,
        "output": lambda x: (y0 := x @ w) + y0 @ m,
    }[placement]
    return torch.autograd.grad(cosine(y(x1), y(x2)), m)[0]


def test_the_lora_constant_is_the_nuclear_norm_of_the_gradient():
    (x1, x2), w = pair(4), torch.randn(4, 6)
    alpha, beta = x1.norm() / (x1 @ w).norm(), x2.norm() / (x2 @ w).norm()
    theta, theta_x = cosine(x1 @ w, x2 @ w).acos(), cosine(x1, x2).acos()
    formula = theta.sin() * (alpha**2 + beta**2 - 2 * alpha * beta * (theta + theta_x).cos()).sqrt()
    torch.testing.assert_close(torch.linalg.matrix_norm(slope(x1, x2, w, "lora"), "nuc"), formula)


def test_the_output_constant_is_the_nuclear_norm_of_the_gradient():
    (x1, x2), w = pair(4), torch.randn(4, 6)
    s = cosine(x1 @ w, x2 @ w)
    torch.testing.assert_close(torch.linalg.matrix_norm(slope(x1, x2, w, "output"), "nuc"), 2 * (1 - s**2))


def test_the_input_constant_bounds_the_nuclear_norm_and_is_attained_between_the_singular_axes():
    w = torch.diag(torch.tensor([1.0, 10.0]))
    ratios = []
    for angle in torch.linspace(0, math.pi, 181)[:-1]:
        y1, y2 = (torch.stack((torch.cos(a), torch.sin(a))) for a in (angle + 0.4, angle - 0.4))
        s = cosine(y1, y2)
        nuclear = torch.linalg.matrix_norm(slope(y1 @ w.inverse(), y2 @ w.inverse(), w, "input"), "nuc")
        ratios.append(float(nuclear / ((1 - s**2) * (10 + 1 / 10))))
    assert max(ratios) == pytest.approx(1, abs=1e-12)
    assert ratios[45] == max(ratios)


CLAIM = {"ce1": "prop-2-input", "ce2": "prop-2-output", "ce3": "prop-1", "ce5": "prop-1-main"}


@pytest.mark.parametrize("name", ["ce1", "ce1c", "ce1f", "ce1g", "ce2", "ce3", "ce5"])
def test_exact_slopes_are_those_of_autograd(name):
    claim = CLAIMS[CLAIM[name[:3]]]
    placement = {"prop-2-input": "input", "prop-2-output": "output"}.get(claim.id, "lora")
    i = exact_instance(claim, witness(name))
    fields = {k: getattr(i, k) for k in ("w", "w_target", "x1", "x2", "x1_target", "x2_target", "ab")}
    m = {k: torch.tensor(x.astype(float)) for k, x in fields.items()}
    source = (m["ab"] * slope(m["x1"], m["x2"], m["w"], placement)).sum()
    target = (m["ab"] * slope(m["x1_target"], m["x2_target"], m["w_target"], placement)).sum()
    exact = Values(i)(claim.goals[0].left)
    assert float((source - target).abs()) == pytest.approx(float(exact), rel=1e-12)


REFUTED = [(c, name) for c in CLAIMS.values() if c.id.startswith(("prop-1", "prop-2")) for name in c.witnesses]


@pytest.mark.parametrize(("claim", "name"), REFUTED, ids=[f"{c.id}-{name}" for c, name in REFUTED])
def test_exact_values_are_those_at_50_digits(claim, name):
    values, inequality = Values(exact_instance(claim, witness(name))), claim.inequality
    instance = inequality.setting.read(witness(name))
    (relation,), (goal,) = claim.concludes, claim.goals
    for at_50_digits, term in (
        (inequality.lhs(instance), relation.left),
        (inequality.first_order(instance), goal.left),
        (inequality.rhs(instance), goal.right),
    ):
        with mpmath.workdps(60):
            exact = sympy().N(values(term), 60)
            assert abs(mpmath.mpf(at_50_digits) - mpmath.mpf(str(exact))) < mpmath.mpf(10) ** -47


def test_the_relu_counterexample_by_quadrature():
    with mpmath.workdps(30):
        mean = (
            4
            / (2 * mpmath.pi)
            * mpmath.quad(lambda a: (mpmath.cos(a) - 10 * mpmath.sin(a)) ** 2, [0, mpmath.atan(0.1)])
        )
        closed = (2 * 101 * mpmath.atan(mpmath.mpf(1) / 10) - 20) / mpmath.pi
        assert mpmath.almosteq(2 * mean, closed, 1e-15)
    assert float(closed) == pytest.approx(0.0423568, abs=1e-7)


def test_gelu_of_torch_is_as_steep_as_proved():
    x = torch.linspace(-6, 6, 100001).requires_grad_()
    steepest = torch.autograd.grad(functional.gelu(x).sum(), x)[0].abs().max()
    assert float(steepest) == pytest.approx(1.128904145, abs=1e-8)


def head(x, wq, wk, wv, wo):
    return functional.scaled_dot_product_attention(x @ wq, x @ wk, x @ wv) @ wo


def test_attention_ignores_a_basis_change_inside_the_head_for_inputs_of_qkv_and_outputs_of_o_only():
    x, (wq, wk, wv), wo = torch.randn(1, 6, 4), torch.randn(3, 4, 3), torch.randn(3, 4)
    r, s = torch.randn(2, 3, 3)
    turned = (wq @ r, wk @ r.inverse().mT, wv @ s, s.inverse() @ wo)
    t4, t3 = torch.eye(4) + 0.3 * torch.randn(4, 4), torch.eye(3) + 0.3 * torch.randn(3, 3)

    placements = {
        "input": lambda q, k, v, o: head(x, t4 @ q, t4 @ k, t4 @ v, o),
        "output of o": lambda q, k, v, o: head(x, q, k, v, o @ t4),
        "output": lambda q, k, v, o: head(x, q @ t3, k @ t3, v @ t3, o),
        "lora": lambda q, k, v, o: head(x, q + t4[:, :3], k, v, o),
        "input of o": lambda q, k, v, o: head(x, q, k, v, t3 @ o),
    }
    change = {name: (f(wq, wk, wv, wo) - f(*turned)).abs().max() for name, f in placements.items()}
    assert max(change["input"], change["output of o"]) < 1e-11
    assert min(change["output"], change["lora"], change["input of o"]) > 1e-2


def test_multiply_adds_are_counted_by_running():
    assert overhead.multiply_adds(lambda: torch.ones(3, 4) @ torch.ones(4, 5)) == 60


def test_eq_5_residual_is_what_torch_pinv_leaves():
    w, ab = torch.tensor([[1.0, 0], [0, 1], [1, 1]]), torch.tensor([[0.0, 0], [0, 0], [1, 2]])
    left = w + ab - w @ (torch.eye(2) + torch.linalg.pinv(w) @ ab)
    assert float(left.square().sum()) == pytest.approx(5 / 3, rel=1e-12)
    assert "‖residual‖² = 5/3 of ‖AB‖² = 5" in CLAIMS["eq-5-scope"].remark
    inverse = torch.linalg.pinv(torch.diag(torch.tensor([1.0, 1e-3])))
    assert torch.linalg.matrix_norm(inverse, ord=2) == pytest.approx(1e3)
