import copy
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from ioadapt_theory import adapt, extract, layers, parameters, resize, transfer
from ioadapt_theory.effect.reads_writes import Rows
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from ioadapt_theory.maps.solve import truncated
from ioadapt_theory.moving.carrying.parts import Part
from ioadapt_theory.moving.carrying.reducing import FAINT, PLAIN, Reduction
from tests.moving.test_carry import effect

WIDTH = 24


def network(seed: int, **options: object) -> nn.Module:
    torch.manual_seed(seed)
    sizes = ((WIDTH, 32), (32, WIDTH), (WIDTH, 8))
    parts = [part for c, d in sizes for part in (nn.Linear(c, d), nn.GELU())]
    model = nn.Sequential(*parts[:-1])
    options = {"rank": 8, "placement": "weight", "init": "random"} | options
    adapt(model, target_modules=["0", "2"], **options)
    for name, p in model.named_parameters():
        if name.endswith(".B"):
            p.data *= 0.3
    return model


def inputs(count: int) -> torch.Tensor:
    return torch.randn(count, WIDTH) * torch.logspace(0, -2, WIDTH)


@pytest.mark.parametrize("strength", [1, 7])
def test_a_quarter_of_the_rank_keeps_more_of_the_effect_than_a_plain_svd(strength):
    """A strong adapter moves the activations, so that what the layers read and write is not that of the base alone."""
    gains = []
    for seed in range(4):
        model = network(seed)
        for layer in layers(model).values():
            layer.adapters["default"]["weight"].scaling *= strength
        x, held_out = inputs(120), inputs(200)
        whole, svd = effect(model, held_out), copy.deepcopy(model)
        told = resize(model, x, rank=2, steps=0, need="change")
        for name, layer in layers(svd).items():
            phi = layer.adapters["default"]["weight"]
            u, s, v = torch.linalg.svd(phi.scaling * phi.A @ phi.B)
            phi.A.data, phi.B.data = u[:, :2] * s[:2], v[:2] / phi.scaling
            assert layers(model)[name].adapters["default"]["weight"].rank == 2
        errors = [float((effect(one, held_out) - whole).square().sum()) for one in (model, svd)]
        gains.append((errors[1] - errors[0]) / float(whole.square().sum()))
        assert abs(told.kept - (1 - errors[0] / float(whole.square().sum()))) < 0.15
    assert min(gains) > 0
    assert sorted(gains)[2] > 0.2


def test_gradient_steps_make_good_what_other_layers_lose():
    for seed in range(2):
        model, x = network(seed), inputs(120)
        start, trained = (resize(copy.deepcopy(model), x, rank=2, steps=n, need="change") for n in (0, None))
        assert trained.kept > start.kept
        assert trained.kept_copied == pytest.approx(start.kept_copied)


@pytest.mark.parametrize("placement", ["input", "output", "weight"])
def test_a_resized_adapter_of_full_effect_is_the_same(placement):
    model, x = network(1, placement=placement), inputs(64)
    before = model(x).detach()
    told = resize(model, x, share=1.0, need="change")
    assert max(layer.rank for layer in told.layers.values()) <= 8
    assert torch.allclose(model(x), before, atol=1e-4)


def test_other_families_become_loras_and_idle_layers_stay():
    model = network(2, family="loha", rank=3)
    model.append(nn.Linear(8, 8))
    told = resize(model, inputs(64), rank=4, need="change")
    assert {layer.rank for layer in told.layers.values()} == {4}
    assert {layer.adapters["default"].family for layer in layers(model).values()} == {"lora"}


def test_a_quantised_model_gets_back_what_it_lost():
    torch.manual_seed(3)
    tuned = nn.Sequential(nn.Linear(WIDTH, 32), nn.GELU(), nn.Linear(32, 8))
    base = copy.deepcopy(tuned)
    for layer in (base[0], base[2]):
        step = layer.weight.abs().max() / 2
        layer.weight.data = (layer.weight / step).round() * step
    told = extract(base, tuned, inputs(200), rank=6, need="change")
    assert told.kept > told.kept_copied + 0.05


@pytest.mark.parametrize("shape", [(5, 9), (9, 5)])
def test_without_shrinkage_the_effect_is_nearest_and_with_all_of_it_the_matrix(shape):
    torch.manual_seed(0)
    layer, d = nn.Linear(*shape), torch.randn(shape).float()
    r, g = torch.randn(40, shape[0]) * torch.logspace(0, -1, shape[0]), torch.randn(40, shape[1]).cumsum(1)
    a, b, kept = truncated(d, (r.mT @ r).float(), (g.mT @ g).float(), rank=2)
    (q, rest), (u, s, v) = torch.linalg.qr(d), torch.linalg.svd(d)
    low = Part("", "weight", (q, rest), low=True)
    for part in (low, Part.of("", "weight", d)):
        one = Reduction(part)
        one.add(Rows(layer, [(r, r.new_zeros(40, shape[1]), [g])], 1, 40))
        (made, share), (plain, less) = one.lower(FAINT, rank=2), one.lower(PLAIN, rank=2)
        assert torch.allclose(torch.mm(*made.factors), a @ b, atol=1e-3)
        assert share == pytest.approx(kept, abs=1e-4)
        assert torch.allclose(torch.mm(*plain.factors), (u[:, :2] * s[:2]) @ v[:2], atol=1e-5)
        assert less < share
        assert one.lower(FAINT, share=kept - 1e-3)[0].factors[0].shape[1] == 2


def test_mistakes_are_told():
    model, x = network(0), inputs(32)
    with pytest.raises(InvalidValueError, match="needs a rank or a share of the effect, and not both"):
        resize(model, x)
    with pytest.raises(InvalidValueError, match="The base has an adapter; merge or remove it first"):
        extract(model, model, x, rank=2, need="change")
    with pytest.raises(InvalidValueError, match="must be a tensor, a tuple, a mapping, or a list of these, not str"):
        resize(model, "texts.txt", rank=2, need="change")
    with pytest.raises(UnknownNameError, match="Unknown adapter 'other'"):
        resize(model, x, rank=2, name="other")


class Idle(nn.Sequential):
    def forward(self, x):
        return self[1](self[0](x))


def test_a_change_of_layers_that_are_not_called_is_not_extracted():
    base = Idle(nn.Linear(10, 5), nn.LayerNorm(5), nn.Linear(4, 4))
    tuned = copy.deepcopy(base)
    for n in (1, 2):
        tuned[n].weight.data += 0.3
    with pytest.raises(InvalidValueError, match=r"No layer .*, such as 2, is called on these inputs; give inputs"):
        extract(base, tuned, torch.randn(32, 10), need="change")


@pytest.mark.parametrize(
    "odd", [{"placement": "input"}, {"starts": ["zero"]}, {"rename": {"0": "0"}}, {"match": "effect"}, {}]
)
def test_a_tuned_model_and_its_own_base_take_the_options_of_an_extraction(odd):
    base, tuned = nn.Sequential(nn.Linear(6, 4)), nn.Sequential(nn.Linear(6, 4))
    options = {"inputs": torch.randn(32, 6), "tuned": tuned, "need": "change", "rank": 2, "steps": 0}
    sentence = f"{next(iter(odd), '')} has no effect .*; leave it out"
    with pytest.raises(InvalidValueError, match=sentence) if odd else nullcontext():
        transfer(base, base, **options, **odd, trainable=True)
    assert [p.requires_grad for _, p in parameters(base)] == ([] if odd else [True, True])
