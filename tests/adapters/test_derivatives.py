"""Derivatives of derivatives are right however they are asked for: forces, Hessians, penalties, learning to learn."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.func import functional_call
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint

from ioadapt_theory.adapters import FAMILIES, adapt, parameters
from tests.adapters.cases import C, D, build
from tests.adapters.test_formulas import WRITTEN, oracle, parts

SINGLE = ["weight", "input", "output"]
families = pytest.mark.parametrize("family", FAMILIES)
single = pytest.mark.parametrize("placement", SINGLE)


def trained(model: nn.Module) -> list[Tensor]:
    return [p for p in model.parameters() if p.requires_grad]


def second(y: Tensor, wanted: list[Tensor]) -> list[Tensor]:
    """The product of the Hessian of Σ y³ with a fixed vector, and the gradient."""
    first = grad(y.pow(3).sum(), wanted, create_graph=True)
    generator = torch.Generator().manual_seed(1)
    probes = [torch.randn(g.shape, generator=generator, dtype=g.dtype) for g in first]
    return [*first, *grad(sum((g * v).sum() for g, v in zip(first, probes, strict=True)), wanted)]


def close(got: list[Tensor], expected: list[Tensor], tolerance: float = 1e-12) -> None:
    for ours, theirs in zip(got, expected, strict=True):
        assert (ours - theirs).norm() <= tolerance * theirs.norm() + 1e-300


@pytest.mark.parametrize("family", WRITTEN)
@single
@pytest.mark.parametrize("rows", [(5,), (2, 3), (60,)])
@pytest.mark.parametrize("given", [True, False], ids=["x with a gradient", "x without"])
def test_second_derivatives_are_those_of_the_paper_s_matrix(family, placement, rows, given):
    model = build(family, placement, "linear", detach_norm=False)
    x = torch.randn(*rows, C, requires_grad=given)  # without one, LoRA on the input goes through the weight
    wanted = [x, *trained(model)] if given else trained(model)
    close(second(model(x), wanted), second(oracle(model, x), wanted))


@families
@single
def test_gradgradcheck(family, placement):
    model = build(family, placement, "linear", detach_norm=False)
    names = [name for name, p in model.named_parameters() if p.requires_grad]

    def run(x: Tensor, *values: Tensor) -> Tensor:
        for name, value in zip(names, values, strict=True):
            *path, last = name.split(".")
            owner = model.get_submodule(".".join(path))
            owner._parameters[last] = value  # not by a transform, which would take the plain form
        return model(x).pow(2)

    values = [p.detach().clone().requires_grad_() for p in trained(model)]
    assert torch.autograd.gradgradcheck(run, (torch.randn(2, C, requires_grad=True), *values), fast_mode=True)


@families
@single
@pytest.mark.parametrize("reentrant", [True, False], ids=["reentrant", "not reentrant"])
def test_a_gradient_penalty_under_a_checkpoint(family, placement, reentrant):
    model = nn.Sequential(nn.Linear(C, C), nn.Tanh(), build(family, placement, "linear"), nn.Tanh())
    model[0].requires_grad_(requires_grad=False)
    x = torch.randn(7, C, requires_grad=True)

    def penalty(run) -> list[Tensor]:
        model.zero_grad()
        if reentrant:  # which gives gradients by ``backward`` only, and those of no gradients
            run(x).pow(2).sum().backward()
        else:
            (slope,) = grad(run(x).pow(2).sum(), x, create_graph=True)
            slope.norm().pow(2).backward()
        return [p.grad.clone() for p in trained(model)]

    close(penalty(lambda x: checkpoint(model, x, use_reentrant=reentrant)), penalty(model))


@families
@single
def test_learning_to_learn_has_the_slope_of_finite_differences(family, placement):
    model, x, target = build(family, placement, "linear"), torch.randn(8, C), torch.randn(8, D)
    start = {name: p for name, p in model.named_parameters() if p.requires_grad}

    def after_one_step(shift: float, along: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        own = list(start.values())
        with torch.no_grad():
            for p, v in zip(own, along or [torch.zeros_like(p) for p in own], strict=True):
                p.add_(v, alpha=shift)
        inner = grad((model(x) - target).square().mean(), own, create_graph=True)
        learned = {name: p - 0.5 * g for (name, p), g in zip(start.items(), inner, strict=True)}
        outer = (functional_call(model, learned, (x,)) - target).square().sum()
        result = outer.detach(), list(grad(outer, own))
        with torch.no_grad():
            for p, v in zip(own, along or [torch.zeros_like(p) for p in own], strict=True):
                p.sub_(v, alpha=shift)
        return result

    if family == "dora":
        parts(model)[placement].detach_norm = False  # else its gradient is not that of the function
    along = [torch.randn_like(p) for p in start.values()]
    h = 1e-5
    numeric = (after_one_step(h, along)[0] - after_one_step(-h, along)[0]) / (2 * h)
    slope = sum((g * v).sum() for g, v in zip(after_one_step(0)[1], along, strict=True))
    assert_close(slope, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["lora", "dora", "lokr", "loha"])
@pytest.mark.parametrize("placement", ["weight", "input+output"])
def test_training_on_energies_and_forces_of_water_is_what_finite_differences_say(family, placement):
    pytest.importorskip("torchani")
    from toys.ani import networks

    constants = next((networks._resources() / networks.RELEASES["1x"]).glob("*.params"))
    with networks._plain_float32():
        torchani = networks._torchani()
        features = torchani.AEVComputer(**torchani.neurochem.Constants(str(constants))).double()
    model = networks.potential("1x", 0).double()
    targets = [f"{e}.{n}" for e in "HO" for n, m in model[e].named_modules() if isinstance(m, nn.Linear)]
    adapt(model, target_modules=targets, family=family, placement=placement, rank=2, init="random", detach_norm=False)
    with torch.no_grad():
        for _, p in parameters(model):
            p.mul_(0.3)
    species, elements = torch.tensor([[3, 0, 0]]), ["O", "H", "H"]
    places = torch.tensor([[[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]]], requires_grad=True)

    def loss() -> Tensor:
        atoms = features((species, places))[1][0]
        energy = sum(model[e](atom[None]).sum() for e, atom in zip(elements, atoms, strict=True))
        (force,) = grad(energy, places, create_graph=True)
        return energy.square() + force.square().sum()

    own = [p for _, p in parameters(model) if p.requires_grad]
    got = grad(loss(), own, allow_unused=True)
    generator = torch.Generator().manual_seed(2)
    along = [torch.randn(p.shape, generator=generator) * p.abs().mean() for p in own]
    h, values = 1e-6, []
    for shift in (h, -h):
        with torch.no_grad():
            for p, v in zip(own, along, strict=True):
                p.add_(v, alpha=shift)
        values.append(loss().detach())
        with torch.no_grad():
            for p, v in zip(own, along, strict=True):
                p.sub_(v, alpha=shift)
    slope = sum((g * v).sum() for g, v in zip(got, along, strict=True) if g is not None)
    assert_close(slope, (values[0] - values[1]) / (2 * h), rtol=2e-6, atol=0)
    steps = torch.optim.Adam(own, lr=1e-4)
    before = loss().item()
    for _ in range(5):
        steps.zero_grad()
        loss().backward()
        steps.step()
    assert loss().item() < before
