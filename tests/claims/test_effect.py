"""What an adapter keeps: the claims, met by networks with biases and nonlinearities, autograd and brute force."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.func import functional_call

from ioadapt_theory.claims import CLAIMS, Claim, Run, Verdict, verify
from ioadapt_theory.claims.effect import best, random_change, reading, wide
from ioadapt_theory.claims.evidence.means import MeanZero
from ioadapt_theory.claims.expression.algebra import equal
from ioadapt_theory.claims.expression.deduction import OUTER, Deduction, Link
from ioadapt_theory.claims.expression.tree import inner, matrix, outer, row, transpose
from ioadapt_theory.claims.expression.values import Values
from ioadapt_theory.claims.settings.placement import Placement

QUICK = Run(instances=50, starts=4, steps=10, stacks=4)
LORA, INPUT, OUTPUT = Placement
C, D = 4, 5


def model() -> nn.Sequential:
    """3 -> 4 -> 5 -> 2 with biases; the layer in the middle is adapted."""
    return nn.Sequential(nn.Linear(3, C), nn.Tanh(), nn.Linear(C, D), nn.Tanh(), nn.Linear(D, 2)).double()


def first_order(net: nn.Sequential, x: torch.Tensor, placement: Placement, m: torch.Tensor) -> torch.Tensor:
    """The derivative of the outputs along an adapter, by autograd through the whole network."""
    w, bias = net[2].weight.T, net[2].bias
    update = {LORA: lambda t: (w + t * m, bias), INPUT: lambda t: ((torch.eye(C) + t * m) @ w, bias),
              OUTPUT: lambda t: (w @ (torch.eye(D) + t * m), bias)}[placement]  # the bias stays outside; # fmt: skip

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
    """M runs over the unit matrices, so that the mean is exact; readers and Jacobians depend on the input."""
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
    """Noise ±σ in every entry has the second moments of the claim, so the mean over its 2⁹ values is exact."""
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


def test_equal_traces_are_one_symbol_and_others_are_not():
    m, n, u, v = matrix("m"), matrix("n"), row("u"), row("v")
    assert equal(inner(m @ n, m), inner(n, transpose(m) @ m))
    assert equal(inner(m @ transpose(n), m), inner(transpose(m) @ m, transpose(n)))
    assert not equal(inner(m @ n, m), inner(n @ m, m))
    assert not equal(inner(-m, n), inner(m, n))
    assert equal(m @ outer(u, v), outer(u @ transpose(m), v))
    assert not equal(outer(u, v), outer(v, u))
    first = inner(outer(u, v), outer(v, u))
    claim = Deduction(first, (Link("", reading.dot(u, v) * reading.dot(v, u), (OUTER,)),))
    assert not list(claim.broken(first.equals(claim.links[-1].formula), ()))
    wrong = Deduction(first, (Link("", reading.dot(u, u) * reading.dot(v, v), (OUTER,)),))
    assert list(wrong.broken(first.equals(wrong.links[-1].formula), ()))


OWN: dict[str, Claim] = {name: claim for name, claim in CLAIMS.items() if name.startswith("effect-")}


def test_they_are_proved_refuted_or_survive_and_the_ones_in_prose_have_lines():
    assert len(OWN) == 23
    assert {c.id for c in OWN.values() if c.expected is not Verdict.PROVED} == {
        "effect-own-layer", "effect-discrepancy", "effect-wide"
    }  # fmt: skip
    assert all(claim.proofs for claim in OWN.values())
