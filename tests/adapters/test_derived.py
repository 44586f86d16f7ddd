"""What is kept between the steps of an optimizer is what would be computed: never stale, whatever changes it."""

import copy
import gc

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import adapt, cached, derived, disable, merge, scale, unmerge
from ioadapt_theory.adapters.families import dora
from ioadapt_theory.adapters.families.dora import DoRA
from tests.adapters.cases import layer

C, D = 12, 20
placements = pytest.mark.parametrize("placement", ["weight", "input", "output"])


def make(placement: str = "weight", base: nn.Module | None = None) -> nn.Sequential:
    model = nn.Sequential(nn.Linear(C, D) if base is None else base)
    return adapt(model, target_modules=["0"], family="dora", placement=placement, rank=3, init="random")


def phi_of(model: nn.Sequential, placement: str = "weight") -> DoRA:
    phi = layer(model).adapters["default"][placement]
    assert isinstance(phi, DoRA)
    return phi


def fresh(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The output without anything kept, which no copy takes along."""
    return copy.deepcopy(model)(x)


def stepped(model: nn.Module, optimizer: type[torch.optim.Optimizer], **options: object) -> None:
    steps = optimizer([p for p in model.parameters() if p.requires_grad], lr=0.1, **options)
    model(torch.randn(4, C)).square().sum().backward()
    steps.step()


def ema(model: nn.Module) -> None:
    for p in model.parameters():
        p.data.lerp_(torch.randn_like(p), 0.3)


def other_weight(model: nn.Module) -> None:
    base = layer(model).base_layer
    base.weight = nn.Parameter(torch.randn_like(base.weight), requires_grad=False)


CHANGES = {
    "scale": lambda m: scale(m, 0.5),
    "fused adamw": lambda m: stepped(m, torch.optim.AdamW, fused=True),  # leaves the versions of tensors as they are
    "load_state_dict": lambda m: m.load_state_dict({k: 1.3 * v for k, v in m.state_dict().items()}),
    "data": ema,
    "one entry": lambda m: phi_of_any(m).A.data[2].mul_(2),
    "merge": lambda m: unmerge(merge(m)),
    "another weight": other_weight,
    "weight.data": lambda m: layer(m).base_layer.weight.data.mul_(1.2),
    "weight in place": lambda m: torch.no_grad()(layer(m).base_layer.weight[1].mul_)(3.0),
}


@pytest.mark.parametrize("placement", ["input", "output", "input+output"])
def test_a_model_in_cached_is_derived_in_one_batch_for_each_size_and_to_the_same(placement, monkeypatch):
    model = nn.Sequential(*(nn.Linear(C, C) for _ in range(4)), nn.Linear(C, D))
    adapt(model, target_modules="all-linear", family="dora", placement=placement, rank=3, init="random")
    x, batches, alone = torch.randn(3, C), [], []
    plain = dora.side_norms
    monkeypatch.setattr(dora, "side_norms", lambda a, b, s: batches.append(len(a)) or plain(a, b, s))
    for _ in range(2):
        with cached(model), torch.no_grad():
            found = model(x)
        assert sum(batches) == len([*model]) * placement.count("put")
        alone.append(max(batches))
        assert_close(found, fresh(model, x), rtol=1e-12, atol=1e-12)
        stepped(model, torch.optim.SGD)
        batches.clear()
    assert min(alone) >= 4


def phi_of_any(model: nn.Sequential) -> DoRA:
    return next(iter(layer(model).adapters["default"].values()))


@placements
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("recorded", [True, False], ids=["training", "generating"])
@pytest.mark.parametrize("inside", [True, False], ids=["cached", "plain"])
def test_nothing_is_stale(placement, change, recorded, inside):
    model, x = make(placement), torch.randn(3, C)
    with torch.set_grad_enabled(recorded):
        model(x)
        if inside:
            with cached(), torch.enable_grad():
                CHANGES[change](model)
        else:
            with torch.enable_grad():
                CHANGES[change](model)
        assert_close(model(x), fresh(model, x), rtol=1e-12, atol=1e-12)
        twin = copy.deepcopy(model)
        phi_of_any(twin).A.data.add_(1)
        assert_close(twin(x), fresh(twin, x), rtol=1e-12, atol=1e-12)


@placements
@pytest.mark.parametrize("base", [lambda: nn.Linear(C, D), lambda: nn.Conv2d(C, D, 3)], ids=["linear", "conv"])
def test_norms_are_computed_once_between_two_steps(placement, base, monkeypatch):
    model, counted = make(placement, base()), []
    x = torch.randn(3, C) if isinstance(layer(model).base_layer, nn.Linear) else torch.randn(2, C, 5, 5)
    plain = DoRA._norms
    monkeypatch.setattr(DoRA, "_norms", lambda self, *a: counted.append(1) or plain(self, *a))
    for _ in range(3):
        for _ in range(2):  # accumulation
            model(x).square().sum().backward()
        with torch.no_grad():
            model(x)
            with disable(model):
                model(x)
        with torch.inference_mode():
            model(x)
        with torch.no_grad():
            phi_of_any(model).A.add_(0.1)
    assert len(counted) == 3


def test_what_is_kept_is_small_and_does_not_hold_the_weight():
    model = make()
    model(torch.randn(2, C))
    kept = phi_of(model).derived._seen
    weight = layer(model).base_layer.weight
    numbers = sum(t.numel() for value, _, _, copies in kept.values() for t in (*copies, value))
    assert numbers <= 3 * (C + D) + 2 * D + 2 * derived.SAMPLE
    del weight
    layer(model).base_layer.weight = nn.Parameter(torch.zeros(D, C), requires_grad=False)
    gc.collect()
    assert all(held() is None for _, held, _, _ in kept.values())


def test_a_weight_that_is_trained_too_is_looked_at():
    model, x = make(), torch.randn(2, C)
    layer(model).base_layer.requires_grad_()
    for _ in range(3):
        stepped(model, torch.optim.AdamW, fused=True)
        assert_close(model(x), fresh(model, x), rtol=1e-12, atol=1e-12)
