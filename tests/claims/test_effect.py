"""Claims on effects of adapters agree with independent computations: autograd, quadrature, networks, brute force."""

import itertools
import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from ioadapt_theory.claims import CLAIMS, Run, Verdict, verify
from ioadapt_theory.claims.arithmetic import hessian
from ioadapt_theory.claims.effect import best, random_change, wide
from ioadapt_theory.claims.evidence.searches import MeanZero
from ioadapt_theory.claims.expression.values import Values, value
from ioadapt_theory.claims.settings.increments import DELTA, INCREMENTS
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.words import overhead

cosine = partial(functional.cosine_similarity, dim=-1)
QUICK = Run(instances=50, starts=4, steps=10, stacks=4)
LORA, INPUT, OUTPUT = Placement
C, D = 4, 5


def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, C), nn.Tanh(), nn.Linear(C, D), nn.Tanh(), nn.Linear(D, 2)).double()


def first_order(net: nn.Sequential, x: torch.Tensor, placement: Placement, m: torch.Tensor) -> torch.Tensor:
    """Return the derivative of the outputs in the direction of an adapter, by autograd through the whole network."""
    w, bias = net[2].weight.T, net[2].bias
    update = {LORA: lambda t: (w + t * m, bias), INPUT: lambda t: ((torch.eye(C) + t * m) @ w, bias),
              OUTPUT: lambda t: (w @ (torch.eye(D) + t * m), bias)}[placement]  # fmt: skip

    def run(t: torch.Tensor) -> torch.Tensor:
        weight, b = update(t)
        return functional_call(net, {"2.weight": weight.T, "2.bias": b}, (x,))

    return torch.autograd.functional.jacobian(run, torch.tensor(0.0))


def square(x: torch.Tensor) -> float:
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


def read_and_write(net: nn.Sequential, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    z = net[:2](x).detach()
    return z, torch.autograd.functional.jacobian(net[3:], net[2](z).detach()).T


def test_the_best_adapter_is_that_of_least_squares_over_all_entries():
    claim = CLAIMS["effect-best"]
    raw = claim.setting.parametrise(claim.setting.start(1, torch.Generator().manual_seed(5)))
    r, j, there, behind, m = (getattr(raw, name)[0] for name in ("r", "j", "r_target", "j_target", "m"))
    flat = torch.linalg.lstsq(torch.kron(there, behind.T.contiguous()), (r @ m @ j).reshape(-1, 1)).solution
    torch.testing.assert_close(Values(raw)(best.BEST)[0], flat.reshape(there.shape[1], behind.shape[0]))


def test_the_expected_square_of_an_effect_is_the_mean_over_all_signs(monkeypatch):
    """Noise ±σ in every entry has the claim's second moments, so the mean over its 2⁹ values is exact."""
    monkeypatch.setattr(random_change, "WIDTHS", (1, 2, 2, 1))
    generator = torch.Generator().manual_seed(1)
    source = random_change.layers(1, generator)
    counts = [w.numel() for w in source]
    signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=sum(counts))))
    parts = signs.split(counts, 1)
    drawn = zip(source, parts, random_change.NOISE, strict=True)
    target = [w + size * s.reshape(-1, *w.shape[1:]) for w, s, size in drawn]
    for placement, m in random_change.adapters(generator):
        there = random_change.effect(target, placement, m)
        exact = random_change.predicted_square(source, placement, m)
        torch.testing.assert_close(there.square().sum((-2, -1)).mean(), exact)
        torch.testing.assert_close(there.mean(0), random_change.effect(source, placement, m)[0])


@pytest.mark.parametrize("name", ["effect-random-source", "effect-fixed-source"])
def test_another_path_or_a_target_without_noise_is_refuted_by_the_draws(name, monkeypatch):
    claim = CLAIMS[name]
    assert verify(claim, Run(stacks=16)).verdict is Verdict.PROVED
    monkeypatch.setitem(random_change.PATHS, LORA, (0, 1, 2))
    without = lambda source, placement, m: random_change.effect(source, placement, m).square().sum()  # noqa: E731
    monkeypatch.setattr(random_change, "predicted_square", without)
    assert claim.strategies[0](claim, Run(stacks=16), 0).refutes


def test_wide_networks_refute_a_recursion_without_gates(monkeypatch):
    claim = CLAIMS["effect-wide"]
    assert not claim.strategies[0](claim, QUICK, 0).refutes
    monkeypatch.setattr(wide, "slope", lambda t: 1)
    assert claim.strategies[0](claim, QUICK, 0).refutes


@pytest.mark.parametrize(
    ("mean", "size", "refutes", "lacks"), [(0, 1, 0, 0), (0.05, 1, 0, 0), (0.2, 1, 1, 0), (0, 9, 0, 1)]
)
def test_draws_refute_a_mean_that_is_not_zero_and_say_so_if_they_are_too_few(mean, size, refutes, lacks):
    drawn = MeanZero(lambda n, g: mean + size * torch.randn(n, 1, generator=g), draws=1000, finest=0.02, bias=0.04)
    found = drawn(CLAIMS["effect-wide"], QUICK, 0)
    assert (len(found.refutes), len(found.lacks)) == (refutes, lacks)
    assert drawn.pinned(Run(), 0) == Run()


def test_the_widths_of_a_stack_all_differ_so_that_no_transpose_can_hide():
    assert len({*random_change.WIDTHS}) == 4


@pytest.mark.parametrize("name", ["effect-random-source", "effect-fixed-source", "effect-wide"])
def test_a_mean_is_known_to_a_few_hundredths_by_the_default_run_and_not_by_a_short_one(name):
    (drawn,) = CLAIMS[name].strategies
    assert drawn(CLAIMS[name], Run(stacks=1), 0).lacks
    means = drawn.draw(16 * drawn.draws, torch.Generator().manual_seed(0)).mean(0).abs().max()
    assert drawn.bias <= 4 * means  # the bias that the check allows is at most four times the measured one
    away = replace(drawn, draw=lambda n, g: drawn.draw(n, g) + drawn.bias + 0.1)
    assert away(CLAIMS[name], Run(stacks=16), 0).refutes


WIDTH, LAYERS = 96, 4


def run(x: torch.Tensor, weights: list[torch.Tensor], place: int, m: torch.Tensor) -> torch.Tensor:
    for k, w in enumerate(weights):
        x = (x + x @ m if k == place else x) @ w
        x = x.relu() if k < LAYERS - 1 else x
    return x


def loss(place: int, share: float) -> float:
    """Return the lost share of a small adapter's effect if only ``share`` of the hidden channels stay in place."""
    lost, effect = 0.0, 0.0
    for seed in range(16):
        torch.manual_seed(seed)
        source = [torch.randn(WIDTH, WIDTH) * math.sqrt(2 / WIDTH) for _ in range(LAYERS)]
        target, order, change = list(source), torch.arange(WIDTH), round(WIDTH * (1 - share))
        for k in range(LAYERS - 1):
            order[:change] = torch.arange(change).roll(1 + int(torch.randint(max(change - 1, 1), ())))
            target[k], target[k + 1] = target[k][:, order], target[k + 1][order]
        x, m = torch.randn(200, WIDTH), 1e-4 * torch.randn(WIDTH, WIDTH)
        there, plain = run(x, source, place, m), run(x, source, 0, 0 * m)
        torch.testing.assert_close(plain, run(x, target, 0, 0 * m))
        lost += square(there - run(x, target, place, m))
        effect += square(there - plain)
    return lost / effect


@pytest.mark.parametrize("place", range(1, LAYERS))
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_planted_networks_follow_the_law_at_every_interior_place(place: int, share: float) -> None:
    law = 2 * (1 - share * (share + (1 - share) / math.pi))
    assert loss(place, share) == pytest.approx(law, rel=0.1)


def test_at_the_first_input_nothing_is_lost() -> None:
    assert loss(0, 0.5) < 1e-18


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


def test_gelu_of_torch_is_as_steep_as_proved():
    x = torch.linspace(-6, 6, 100001).requires_grad_()
    steepest = torch.autograd.grad(functional.gelu(x).sum(), x)[0].abs().max()
    assert float(steepest) == pytest.approx(1.128904145, abs=1e-8)


def test_multiply_adds_are_counted_by_running():
    assert overhead.multiply_adds(lambda: torch.ones(3, 4) @ torch.ones(4, 5)) == 60


def test_eq_5_residual_is_what_torch_pinv_leaves():
    w, ab = torch.tensor([[1.0, 0], [0, 1], [1, 1]]), torch.tensor([[0.0, 0], [0, 0], [1, 2]])
    left = w + ab - w @ (torch.eye(2) + torch.linalg.pinv(w) @ ab)
    assert float(left.square().sum()) == pytest.approx(5 / 3, rel=1e-12)
    assert "‖residual‖² = 5/3 of ‖AB‖² = 5" in CLAIMS["eq-5-scope"].remark
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
