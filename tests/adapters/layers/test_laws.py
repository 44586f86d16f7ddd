import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import FAMILIES, Spec, adapt, count, disable, merge, operator, parameters, unmerge
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.moving import transfer
from tests.adapters.cases import KINDS, build, every, every_single, layer, sample


@every
def test_a_fresh_adapter_changes_nothing_to_the_last_bit(family, placement, kind):
    model, x = nn.Sequential(KINDS[kind].make()), sample(kind)
    before = model(x)
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=2, alpha=3)
    assert torch.equal(model(x), before)


@every
def test_merged_is_unmerged_and_the_base_comes_back_bit_for_bit(family, placement, kind):
    model, x = build(family, placement, kind), sample(kind)
    stored = {k: v.clone() for k, v in layer(model).base_layer.state_dict().items()}
    adapted = model(x)
    assert_close(merge(copy.deepcopy(model), unload=True)(x), adapted)
    merge(model)
    assert_close(model(x), adapted)
    with disable(model):
        assert torch.equal(model(x), operator(layer(model).base_layer)(x))
        assert all(torch.equal(v, stored[k]) for k, v in layer(model).base_layer.state_dict().items())
    assert_close(model(x), adapted)
    unmerge(model)
    assert torch.equal(model(x), adapted)
    assert all(torch.equal(v, stored[k]) for k, v in layer(model).base_layer.state_dict().items())


@every
def test_transfer_to_other_weights_is_the_formula_on_those_weights(family, placement, kind):
    model, x = build(family, placement, kind), sample(kind)
    target = nn.Sequential(KINDS[kind].make())
    transfer(model, target)
    expected = layer(model)
    expected.base_layer.load_state_dict(layer(target).base_layer.state_dict())
    y = expected(x)
    assert count(target) == count(model)
    for _, p in parameters(model):
        p.data.zero_()
    assert_close(target(x), y, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("detach_norm", [True, False])
@every_single
def test_the_fast_form_is_the_definition_in_values_and_gradients(family, placement, kind, detach_norm):
    placement = Placement(placement)
    base = placement.base(operator(KINDS[kind].make().requires_grad_(False)))
    phi = FAMILIES[family](base, Spec(rank=2, scaling=1.5, init="random", detach_norm=detach_norm))
    for p in phi.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    x = sample(kind) if placement is not Placement.OUTPUT else operator(KINDS[kind].make())(sample(kind))
    x = x.detach().requires_grad_()
    wanted = [x, *phi.parameters()]
    fast = phi(x, base)
    probe = torch.randn_like(fast)
    slow = base.product(x, phi.weight(base))
    if base.bias is not None:
        slow = slow + base.columnwise(base.bias)
    assert_close(fast, slow, rtol=1e-12, atol=1e-12)
    assert_close(*(torch.autograd.grad(y, wanted, probe) for y in (fast, slow)), rtol=1e-11, atol=1e-11)
