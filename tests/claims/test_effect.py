"""Claims on effects of adapters agree with independent computations: autograd, draws, counts, brute force."""

import itertools
import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.arithmetic import hessian
from ioadapt_theory.claims.expression.tree import replaced, term
from ioadapt_theory.claims.expression.values import Values, value
from ioadapt_theory.claims.laws import best
from ioadapt_theory.claims.settings.letters import Placement
from ioadapt_theory.claims.settings.matrices import DELTA, INCREMENTS, matrices
from ioadapt_theory.claims.words import overhead

cosine = partial(functional.cosine_similarity, dim=-1)
LORA, INPUT, OUTPUT = Placement
C, D = 4, 5


def model():
    return nn.Sequential(nn.Linear(3, C), nn.Tanh(), nn.Linear(C, D), nn.Tanh(), nn.Linear(D, 2)).double()


def first_order(net, x, placement, m):
    """Return the derivative of the outputs in the direction of an adapter, by autograd through the whole network."""
    w, bias = net[2].weight.T, net[2].bias
    update = {LORA: lambda t: (w + t * m, bias), INPUT: lambda t: ((torch.eye(C) + t * m) @ w, bias),
              OUTPUT: lambda t: (w @ (torch.eye(D) + t * m), bias)}[placement]  # fmt: skip

    def run(t):
        weight, b = update(t)
        return functional_call(net, {"2.weight": weight.T, "2.bias": b}, (x,))

    return torch.autograd.functional.jacobian(run, torch.tensor(0.0))


def square(x):
    return float(x.square().sum())


def test_the_retained_share_is_that_of_gains_that_were_measured():
    effect, there, need, change = torch.randn(4, 6, 2)
    need = need + ((effect * (effect - need)).sum() / square(effect)) * effect
    gain = square(need) - square(need - effect)
    kept = (square(need + change) - square(need + change - there)) / gain
    c, q = float((effect * there).sum() / effect.norm() / there.norm()), float(there.norm() / effect.norm())
    off = abs(kept - (2 * c * q - q**2 + 2 * float((change * there).sum()) / square(effect)))
    explained = gain / square(need)
    assert 0 < off <= 2 * q * math.sqrt(1 - c**2) * math.sqrt(1 / explained - 1)


@pytest.mark.parametrize("placement", [INPUT, OUTPUT])
def test_what_separates_a_placement_from_lora_is_its_layer_s_own_change(placement):
    source, target, x = model(), model(), torch.randn(7, 3)
    w, w_ = source[2].weight.T.detach(), target[2].weight.T.detach()
    m = torch.randn((C, C) if placement is INPUT else (D, D))
    delta, own = (m @ w, m @ (w_ - w)) if placement is INPUT else (w @ m, (w_ - w) @ m)
    e = first_order(source, x, placement, m)
    torch.testing.assert_close(first_order(source, x, LORA, delta), e)
    adapter, lora, o = (first_order(target, x, *which) for which in ((placement, m), (LORA, delta), (LORA, own)))
    left = square(adapter - e)
    assert left == pytest.approx(square(lora - e) + square(o) - 2 * float(((e - lora) * o).sum()), rel=1e-10)


def test_the_mean_product_of_effects_of_random_adapters_is_that_of_readers_and_jacobians():
    """M runs over the unit matrices, so that the mean is exact."""
    source, target, x = model(), model(), torch.randn(6, 3)
    found = sum(
        float((first_order(source, x, LORA, unit) * first_order(target, x, LORA, unit)).sum())
        for unit in torch.eye(C * D).reshape(-1, C, D)
    )
    expected = 0.0
    for one in x:
        (z, j), (z_, j_) = (read_and_write(net, one) for net in (source, target))
        expected += float((z @ z_) * (j * j_).sum())
    assert found == pytest.approx(expected, rel=1e-10)


def read_and_write(net, x):
    z = net[:2](x).detach()
    return z, torch.autograd.functional.jacobian(net[3:], net[2](z).detach()).T


def test_the_best_adapter_is_that_of_least_squares_over_all_entries():
    claim = CLAIMS["effect-best"]
    raw = claim.setting.draw(1, torch.Generator().manual_seed(5))
    r, j, there, behind, m = (getattr(raw, name)[0] for name in ("r", "j", "r_target", "j_target", "m"))
    flat = torch.linalg.lstsq(torch.kron(there, behind.T.contiguous()), (r @ m @ j).reshape(-1, 1)).solution
    torch.testing.assert_close(Values(raw)(best.BEST)[0], flat.reshape(there.shape[1], behind.shape[0]))


LAWS = {
    "signs": lambda shape, g: torch.randint(0, 2, shape, generator=g).double() * 2 - 1,
    "mean not 0": lambda shape, g: torch.rand(shape, generator=g, dtype=torch.float64) * 12**0.5,
    "unequal variances": lambda shape, g: (
        torch.randn(shape, generator=g, dtype=torch.float64) * torch.tensor([0.1, 1.4106735979665885] * 3)[: shape[-1]]
    ),
    "correlated entries": lambda shape, g: torch.randn(*shape[:-1], 1, generator=g, dtype=torch.float64).expand(shape),
}
"""Laws of entries of variance 1 on average; only the first one meets the claims' hypotheses."""


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", ["effect-random", "effect-random-source", "effect-fixed-source"])
def test_a_mean_over_draws_is_the_claimed_one_under_its_law_and_under_no_other(name, law):
    """The means of both sides over 20,000 draws are compared; each hypothesis of the law is needed."""
    claim, g, n = CLAIMS[name], torch.Generator().manual_seed(3), 20_000
    fixed = claim.setting.draw(1, g)
    wrong = 0.0
    for relation in claim.concludes:
        (mean_,) = {t for t in relation.left.walk() if t.op == "mean"}
        laws = {m.name: Values(fixed)(v) for m, v in zip(mean_.args[1::2], mean_.args[2::2], strict=True)}
        values = {}
        for field in fixed.__dataclass_fields__:
            x = getattr(fixed, field) if field[:3] != "rho" else torch.full((1,), 0.7, dtype=torch.float64)
            values[field] = x.expand(n, *x.shape[1:])
            if field in laws:
                values[field] = laws[field].sqrt()[:, None, None] * LAWS[law]((n, *x.shape[1:]), g)
        drawn = Values(type(fixed)(**values))

        def average(x, drawn=drawn):
            means = {t: t.args[0] for t in x.walk() if t.op == "mean"}
            scale = drawn(replaced(x, dict.fromkeys(means, term(1))))[0] if means else drawn(x)[0]
            return scale * drawn(next(iter(means.values()))).mean() if means else scale

        left, right = drawn(mean_.args[0]).mean(), average(relation.right)
        wrong = max(wrong, float((left - right).abs() / (left.abs() + right.abs())))
    same = name == "effect-random-source" and law != "mean not 0"  # enough: equal second moments
    assert (wrong < 0.06) == (law == "signs" or same)


def test_multiply_adds_are_those_that_torch_counts():
    """Every count is of degree at most one in each size, so its values on this grid determine it."""
    for n, c, d, r in itertools.product((2, 3), repeat=4):
        sizes = matrices("sizes", dict.fromkeys("ncdr", "")).build(n=n, c=c, d=d, r=r)
        for what, costs in overhead.COSTS.items():
            assert [Values(sizes)(x) for x in costs] == [measured(what, n, c, d, r, p) for p in Placement]


def measured(what, n, c, d, r, placement):
    """Return the number of multiply-adds or, for "parameters", of parameters, of one placement."""
    inputs, outputs = {LORA: (c, d), INPUT: (c, c), OUTPUT: (d, d)}[placement]
    x, w = torch.ones(n, c, requires_grad=what == "inside"), torch.ones(c, d)
    a, b = torch.ones(inputs, r, requires_grad=True), torch.ones(r, outputs, requires_grad=True)
    forward = {LORA: lambda: x @ w + (x @ a) @ b, INPUT: lambda: (x + (x @ a) @ b) @ w,
               OUTPUT: lambda: (y := x @ w) + (y @ a) @ b}[placement]  # fmt: skip
    merge = {LORA: lambda: a @ b, INPUT: lambda: a @ (b @ w), OUTPUT: lambda: (w @ a) @ b}[placement]
    if what == "parameters":
        return a.numel() + b.numel()
    if what in ("backward", "inside"):
        total = forward().sum()
        return counted(total.backward)
    return counted(forward if what == "forward" else merge)


def counted(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops()) // 2


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


def test_eq_5_residual_is_what_torch_pinv_leaves():
    w, ab = torch.tensor([[1.0, 0], [0, 1], [1, 1]]), torch.tensor([[0.0, 0], [0, 0], [1, 2]])
    left = w + ab - w @ (torch.eye(2) + torch.linalg.pinv(w) @ ab)
    assert float(left.square().sum()) == pytest.approx(5 / 3, rel=1e-12)
    inverse = torch.linalg.pinv(torch.diag(torch.tensor([1.0, 1e-3])))
    assert torch.linalg.matrix_norm(inverse, ord=2) == pytest.approx(1e3)


def test_the_lora_constant_is_the_nuclear_norm_of_the_gradient():
    """The gradient of the cosine with respect to M at M = 0 is computed by autograd."""
    (x1, x2), w, m = torch.randn(2, 4), torch.randn(4, 6), torch.zeros(4, 6, requires_grad=True)
    slope = torch.autograd.grad(cosine(x1 @ (w + m), x2 @ (w + m)), m)[0]
    alpha, beta = x1.norm() / (x1 @ w).norm(), x2.norm() / (x2 @ w).norm()
    theta, theta_x = cosine(x1 @ w, x2 @ w).acos(), cosine(x1, x2).acos()
    formula = theta.sin() * (alpha**2 + beta**2 - 2 * alpha * beta * (theta + theta_x).cos()).sqrt()
    torch.testing.assert_close(torch.linalg.matrix_norm(slope, "nuc"), formula)
