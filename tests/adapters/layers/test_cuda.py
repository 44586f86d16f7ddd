"""Layers on a CUDA device give the same results as on a CPU, without synchronisation. Run with `pytest -m cuda`."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import merge
from tests.adapters.cases import KINDS, build, families, sample

DEVICE = "cuda"
pytestmark = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")]
single = pytest.mark.parametrize("placement", ["weight", "input", "output", "input+weight"])


def gradients(model: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    wanted = [x, *(p for p in model.parameters() if p.requires_grad)]
    first = torch.autograd.grad(model(x).pow(3).sum(), wanted, create_graph=True)
    second = torch.autograd.grad(sum(g.pow(2).sum() for g in first), wanted)
    plain = torch.autograd.grad(model(x).pow(3).sum(), wanted)
    return [t.detach().cpu() for t in (*first, *second, *plain)]


@families
@single
@pytest.mark.parametrize("kind", [kind for kind in KINDS if not KINDS[kind].grouped])
def test_values_and_two_derivatives_are_those_of_the_processor(family, placement, kind):
    model, x = build(family, placement, kind), sample(kind)
    expected = [model(x), *gradients(model, x.requires_grad_())]
    there = x.detach().to(DEVICE).requires_grad_()
    model.to(DEVICE)
    for ours, theirs in zip([model(there), *gradients(model, there)], expected, strict=True):
        assert_close(ours.cpu(), theirs, rtol=1e-9, atol=1e-9)
    merged = merge(model)(there)
    assert_close(merged.cpu(), expected[0], rtol=1e-9, atol=1e-9)


@families
@single
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nothing_waits_for_the_device(family, placement, dtype):
    model = build(family, placement, "linear").to(DEVICE, dtype)
    x = sample("linear").to(DEVICE, dtype).requires_grad_()
    model(x).sum().backward()  # fills caches
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        model(x).sum().backward()
        with torch.no_grad():
            model(x)
    finally:
        torch.cuda.set_sync_debug_mode(before)
