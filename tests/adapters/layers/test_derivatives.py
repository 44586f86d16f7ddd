"""Derivatives of derivatives are right however they are asked for: forces, Hessians, penalties, learning to learn."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.utils.checkpoint import checkpoint

from ioadapt_theory.adapters import FAMILIES
from tests.adapters.cases import C, build
from tests.adapters.layers.test_formulas import WRITTEN, oracle

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
