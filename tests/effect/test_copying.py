"""The prediction for copies equals finite effects and brute force on linear stacks, for which it is exact."""

import itertools

import pytest
import torch
from torch import nn

from ioadapt_theory.effect import SIDES, Rows, expected, whole
from ioadapt_theory.effect.copying import products
from tests.effect.nets import effects, mlp, stack

N = 12
X = torch.randn(N, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@torch.no_grad()
def exact_rows(model: nn.Sequential, layer: int, x: torch.Tensor) -> Rows:
    """Return the rows of a layer with all basis vectors as cotangents, so that the mean over cotangents is exact."""
    z = model[:layer](x)
    y = model[layer](z)
    j = torch.eye(model[layer].out_features, dtype=x.dtype)
    for after in model[layer + 1 :]:
        j = j @ after.weight.mT
    return Rows(model[layer], [(z, y, [j[:, k].expand(len(x), -1) for k in range(j.shape[1])])], j.shape[1], len(x))


@torch.no_grad()
def effect(model: nn.Sequential, layer: int, side: str, m: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return the change of the outputs by M on a side of a layer (Eqs. 4a-4c)."""
    z, module = model[:layer](x), model[layer]
    y = module(z)
    if side == "weight":
        adapted = y + z @ m
    else:
        adapted = module(z + z @ m) if side == "input" else y + y @ m
    return model[layer + 1 :](adapted) - model[layer + 1 :](y)


def test_the_expected_product_of_effects_is_that_over_all_entries_of_M():
    source, target = stack(0, 6, 9, 7, 4), stack(1, 6, 9, 7, 4)
    for side in SIDES:
        rows = [exact_rows(model, 1, X) for model in (source, target)]
        c, d = {"weight": (9, 7), "input": (9, 9), "output": (7, 7)}[side]
        sums = torch.zeros(3, dtype=torch.float64)
        for i, j in itertools.product(range(c), range(d)):  # E M_ij M_kl = δ: the sum over the unit matrices
            m = torch.zeros(c, d, dtype=torch.float64)
            m[i, j] = 1
            e, e2 = (effect(model, 1, side, m, X) for model in (source, target))
            sums += torch.stack([(e * e2).sum(), (e * e).sum(), (e2 * e2).sum()])
        torch.testing.assert_close(torch.tensor(products(*rows, side), dtype=torch.float64), sums)


def test_random_cotangents_estimate_it():
    source, target = stack(0, 6, 9, 7, 4), stack(0, 6, 9, 7, 4)
    target[2].weight.data += 0.5 * torch.randn(4, 7, dtype=torch.float64)
    exact = [exact_rows(model, 1, X) for model in (source, target)]
    st, ss, tt = products(*exact, "weight")
    found = expected(source, target, {"1": (source[1], target[1])}, whole(X.repeat(4, 1)), draws=64)["1", "weight"]
    assert abs(found.cosine - st / (ss * tt) ** 0.5) < 0.05
    assert abs(found.ratio - (tt / ss) ** 0.5) < 0.05
    assert found.samples == 4 * N * 64
    assert found.R == 2 * found.cosine * found.ratio - found.ratio**2


def test_a_model_keeps_all_of_itself_and_other_sizes_are_left_out():
    model, wider = mlp(0), mlp(0, width=11)
    layers = {n: (model[int(n)],) * 2 for n in "024"}
    same = expected(model, model, layers, whole(X))
    assert len(same) == 9
    assert all(abs(one.R - 1) < 1e-9 for one in same.values())
    across = expected(model, wider, {n: (model[int(n)], wider[int(n)]) for n in "024"}, whole(X))
    assert {*across} == {("0", "input"), ("2", "output"), *((("4", side)) for side in SIDES)}


def test_positions_of_a_sample_act_together():
    """Two positions share a bottleneck: e is the sum over both, and products are summed over pairs."""
    z, g = torch.randn(3, 5, 6, dtype=torch.float64), torch.randn(2, 3, 5, 4, dtype=torch.float64)
    rows = Rows(nn.Linear(6, 4), [(z, torch.zeros(3, 5, 4), list(g))], 2, 3)
    whole_gradient = torch.einsum("npc,knpd->kncd", z, g)
    torch.testing.assert_close(torch.tensor(products(rows, rows, "weight")[0]), whole_gradient.square().sum())
    short = Rows(nn.Linear(6, 4), [(z[:, :1], torch.zeros(3, 1, 4), [x[:, :1] for x in g])], 2, 3)  # a sum over pairs
    pairs = torch.einsum("npc,knpd->kncd", z[:, :1], g[:, :, :1]).square().sum()
    torch.testing.assert_close(torch.tensor(products(short, short, "weight")[0]), pairs)


def test_a_layers_part_is_its_finite_effect_where_that_is_linear():
    model = stack(0, 6, 9, 7, 4)
    a, b = torch.randn(9, 2, dtype=torch.float64), torch.randn(2, 7, dtype=torch.float64)
    along = effects(*exact_rows(model, 1, X).both("weight"), a, b)  # the basis as cotangents: e itself
    torch.testing.assert_close(along.mT, effect(model, 1, "weight", a @ b, X))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_two_models_may_be_on_different_devices():
    source, target = mlp(0), mlp(1)
    layers = {n: (source[int(n)], target[int(n)]) for n in "024"}
    here = expected(source, target, layers, whole(X), draws=64)
    source.cuda()
    layers = {n: (source[int(n)], target[int(n)]) for n in "024"}
    for key, one in expected(source, target, layers, whole(X), draws=64).items():
        assert abs(one.cosine - here[key].cosine) < 1e-6
        assert abs(one.ratio - here[key].ratio) < 1e-6
