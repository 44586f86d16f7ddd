"""Layers compute the formulas of the paper, in which W is c x d and samples are rows."""

import copy
from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.testing import assert_close

from ioadapt_theory.adapters import FAMILIES, activate, adapt, merge, remove, scale, unmerge
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from tests.adapters.cases import C, D, build, layer, sample

I_C, I_D = torch.eye(C, dtype=torch.float64), torch.eye(D, dtype=torch.float64)


def parts(model: nn.Sequential, name: str = "default") -> dict:
    return dict(layer(model).adapters[name].items())


def delta(phi: nn.Module) -> Tensor:
    p, s = dict(phi.named_parameters()), phi.scaling
    match type(phi).__name__:
        case "LoRA":
            return s * p["A"] @ p["B"]
        case "LoHa":
            return s * (p["A1"] @ p["B1"]) * (p["A2"] @ p["B2"])
        case "LoKr":
            return s * torch.kron(p["C"], p["A"] @ p["B"] if "A" in p else p["D"])
        case "Full":
            return s * p["Delta"]
        case other:
            raise AssertionError(other)


WRITTEN = [family for family in FAMILIES if family in {"lora", "dora", "loha", "lokr", "full"}]
"""Families whose Φ is reimplemented here from the parameters: all except those of recipes."""


def phi_of(phi: nn.Module, matrix: Tensor) -> Tensor:
    if type(phi).__name__ != "DoRA":
        return matrix + delta(phi)
    v = matrix + phi.scaling * phi.A @ phi.B
    return v / v.square().sum(0).sqrt() * phi.m


def oracle(model: nn.Sequential, x: Tensor) -> Tensor:
    found = layer(model)
    return formula(found.adapters, found.active, x, found.base_layer.weight.T, found.base_layer.bias)


def formula(adapters: nn.ModuleDict, names: Iterable[str], x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Apply the adapters to weight and bias by Eqs. 4a-4c, one after the other, and return the output for x."""
    for name in names:
        for key, phi in adapters[name].items():
            if key == "weight":  # Eq. 4a
                w = phi_of(phi, w)
            elif key == "input":  # Eq. 4b
                w = phi_of(phi, torch.eye(len(w))) @ w
            else:  # Eq. 4c
                side = phi_of(phi, torch.eye(w.shape[1]))
                w, b = w @ side, b @ side
    return x @ w + b


@pytest.mark.parametrize("order", ["input+weight", "weight+input", "output+weight"])
def test_the_sums_are_equation_6(order):
    model, x = build("lora", order, "linear"), sample("linear")
    base, p = layer(model).base_layer, {side: delta(phi) for side, phi in parts(model).items()}
    w = base.weight.T
    if "input" in p:
        expected = x @ ((I_C + p["input"]) @ w + p["weight"]) + base.bias
    else:
        expected = x @ (w @ (I_D + p["output"]) + p["weight"]) + base.bias @ (I_D + p["output"])
    assert_close(model(x), expected)


def test_each_part_of_a_sum_has_its_own_rank_and_alpha():
    model = nn.Sequential(nn.Linear(C, D))
    adapt(model, target_modules=["0"], placement="output+input", rank=(4, 2), alpha=(8, 1))
    output, inputs = parts(model)["output"], parts(model)["input"]
    assert (output.A.shape, output.scaling) == ((D, 4), 2.0)
    assert (inputs.A.shape, inputs.scaling) == ((C, 2), 0.5)


@pytest.mark.parametrize("family", WRITTEN)
def test_several_adapters_are_applied_in_the_order_in_which_they_are_active(family):
    model, x = nn.Sequential(nn.Linear(C, D)), torch.randn(5, C)
    w, b = (p.detach().clone() for p in (model[0].weight.mT, model[0].bias))
    options = {"target_modules": ["0"], "family": family, "rank": 2, "alpha": 3, "init": "random"}
    for name, placement in (("one", "input"), ("two", "output+weight"), ("three", "input")):
        adapt(model, name=name, placement=placement, **options)
    for p in layer(model).adapters.parameters():
        p.data += 0.1 * torch.randn_like(p)
    assert layer(model).active == ("one", "two", "three")
    with pytest.raises(InvalidValueError, match="There is already an adapter 'one'"):
        adapt(model, name="one", placement="input", **options)
    for names in (("one", "two", "three"), ("three", "one"), ("two",), ()):
        activate(model, *names)
        expected = formula(layer(model).adapters, names, x, w, b)
        assert_close(model(x), expected)
        assert_close(merge(copy.deepcopy(model))(x), expected)
    phi = parts(model, "one")["input"]
    for factor in (0.5, -3):
        before = phi.scaling
        scale(model, factor, "one")
        assert phi.scaling == pytest.approx(factor * before)
    activate(model, "three", "one")
    assert_close(model(x), formula(layer(model).adapters, ("three", "one"), x, w, b))
    merge(model)
    for change in (
        lambda: scale(model, 2.0, "one"),
        lambda: activate(model),
        lambda: remove(model, "one"),
        lambda: adapt(model, name="four", placement="input", **options),
    ):
        with pytest.raises(InvalidValueError, match="merged"):
            change()
    remove(unmerge(model), "one")
    assert_close(model(x), formula(layer(model).adapters, ["three"], x, w, b))
    with pytest.raises(UnknownNameError):
        remove(model, "one")
    activate(model)
    remove(model, "two")
    assert [*layer(model).adapters] == ["three"]
    remove(model, "three")
    assert type(model[0]) is nn.Linear
    assert torch.equal(model[0].weight.mT, w)


def test_a_zero_column_of_the_weight_gives_dora_no_nan():
    model = nn.Sequential(nn.Linear(C, D))
    model[0].weight.data[3] = 0
    adapt(model, target_modules=["0"], family="dora", placement="weight", rank=2)
    out = model(sample("linear"))
    out.sum().backward()
    assert out.isfinite().all()
    assert all(p.grad.isfinite().all() for p in layer(model).adapters.parameters())


def second(y: Tensor, wanted: list[Tensor]) -> list[Tensor]:
    """Return the gradient of Σ y³, and the product of its Hessian with a fixed vector."""
    first = grad(y.pow(3).sum(), wanted, create_graph=True)
    generator = torch.Generator().manual_seed(1)
    probes = [torch.randn(g.shape, generator=generator, dtype=g.dtype) for g in first]
    return [*first, *grad(sum((g * v).sum() for g, v in zip(first, probes, strict=True)), wanted)]


@pytest.mark.parametrize("family", WRITTEN)
@pytest.mark.parametrize("placement", ["weight", "input", "output"])
@pytest.mark.parametrize("rows", [(), (2, 3), (60,)])
@pytest.mark.parametrize("rank", [1, 12])
def test_two_derivatives_are_those_of_the_paper_s_matrix(family, placement, rows, rank):
    model = build(family, placement, "linear", rank=rank, detach_norm=False)
    layer(model).base_layer.requires_grad_()  # the base may be trained too
    wanted = [x := torch.randn(*rows, C, requires_grad=True), *model.parameters()]
    assert_close(model(x), oracle(model, x), rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(second(model(x), wanted), second(oracle(model, x), wanted), strict=True):
        assert (ours - theirs).norm() <= 1e-12 * theirs.norm() + 1e-300
