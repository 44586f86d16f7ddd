"""The factored forward pass with hooks, autocast, tracing and dropout, and the memory that it saves for backward."""

import copy
import functools

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from benchmarks.measure import saved
from ioadapt_theory.adapters import Placement, adapt, merge, scale
from tests.adapters.cases import C, D, build, layer
from tests.adapters.layers.test_formulas import oracle

FAST = ["lora", "dora", "loha", "lokr"]
every = pytest.mark.parametrize(
    ("family", "placement"), [pytest.param(f, p, id=f"{f}-{p}") for f in FAST for p in map(str, Placement)]
)


def trained(model: nn.Sequential) -> list[nn.Parameter]:
    return list(layer(model).adapters.parameters())


close = functools.partial(assert_close, rtol=1e-11, atol=1e-11)
REGISTERS = (
    lambda m, called: m.register_forward_hook(called),
    lambda m, called: m.register_forward_pre_hook(called),
    lambda m, called: m.register_full_backward_hook(called),
    lambda m, called: setattr(m, "forward", lambda *a, old=m.forward: called() or old(*a)),
)


@pytest.mark.parametrize("register", REGISTERS, ids=["hook", "pre-hook", "backward hook", "forward"])
@pytest.mark.parametrize("family", FAST)
def test_hooks_and_stand_ins_of_the_base_layer_and_of_a_family_are_called(register, family):
    calls: list[str] = []
    for inner in (False, True):
        model = build(family, "input", "linear")
        module = layer(model).adapters["default"]["input"] if inner else layer(model).base_layer
        register(module, lambda *_: calls.append("called"))
        calls.clear()
        model(torch.randn(7, C, requires_grad=True)).sum().backward()
        assert calls == ["called"]


@pytest.mark.parametrize("family", ["lora", "dora"])
@pytest.mark.parametrize("placement", list(map(str, Placement)))
def test_lora_and_dora_keep_x_and_y_and_thin_matrices(family, placement):
    n, c, d, r = 64, 40, 48, 2
    model = nn.Sequential(nn.Linear(c, d))
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=r)
    kept = saved(model, torch.randn(n, c, requires_grad=True), list(model.parameters())) / 8
    long = {"weight": n * c, "input": n * c, "output": n * d}[placement]
    gained = {"weight": n * d, "input": n * c, "output": n * d}[placement] if family == "dora" else 0
    assert kept <= long + gained + n * r + 2 * (r + 1) * (c + d)


@every
def test_autocast_is_float32_up_to_bfloat16(family, placement):
    model, x = build(family, placement, "linear").float(), torch.randn(50, C).float()
    exact = model(x)
    wanted = torch.autograd.grad(exact.square().sum(), trained(model))
    for base_dtype in (torch.float32, torch.bfloat16):
        layer(model).base_layer.to(base_dtype)
        with torch.autocast("cpu", torch.bfloat16):
            out = model(x.to(base_dtype))
        got = torch.autograd.grad(out.float().square().sum(), trained(model))
        assert out.dtype == torch.bfloat16
        assert_close(out.float(), exact, rtol=0, atol=0.03 * exact.abs().max().item())
        for a, b in zip(got, wanted, strict=True):
            assert a.dtype == torch.float32
            assert (a - b).norm() <= 0.05 * b.norm()


@every
@pytest.mark.filterwarnings("ignore")
def test_traced_faked_checkpointed_and_changed_before_the_backward_pass_it_does_what_it_does(family, placement):
    model, x = build(family, placement, "linear"), torch.randn(C, 7).mT.requires_grad_()
    wanted = [x, *trained(model)]
    expected = torch.autograd.grad(torch.relu(model(x)).sum(), wanted)
    close(torch.autograd.grad(torch.relu_(model(x)).sum(), wanted), expected)
    close(torch.jit.trace(model, (x,))(x), model(x))
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert model(torch.empty(7, C)).shape == (7, D)
    with torch.device("meta"):  # the default device differs from that of the results
        model(x).sum().backward()
    keep = functools.partial(
        create_selective_checkpoint_contexts, [torch.ops.aten.mm.default, torch.ops.aten.addmm.default]
    )
    y = checkpoint(model, x, use_reentrant=False, context_fn=keep)
    close(torch.autograd.grad(torch.relu(y).sum(), wanted), expected)
    y = torch.relu(model(x)).sum()
    scale(model, 2.0)
    with torch.autocast("cpu", torch.bfloat16):
        close(torch.autograd.grad(y, wanted), expected)


@every
def test_dropout_drops_what_the_change_is_made_of(family, placement):
    """Dropout applies to the input of the change, not to that of f; DoRA's gain scales the sum of both."""
    model, x = build(family, placement, "linear", dropout=0.4), torch.randn(2, 9, C)
    adapted = layer(model)
    phi, base = adapted.adapters["default"][placement], Placement(placement).base(adapted._base)
    side = x if placement != "output" else adapted.base_layer(x)
    torch.manual_seed(1)
    ours = phi(side, base)
    torch.manual_seed(1)
    dropped = phi.dropout(side)
    p = dict(phi.named_parameters())
    ab = phi.scaling * (p["A"] @ p["B"]) if family in {"lora", "dora"} else phi.scaling * phi.delta(base)
    bias = 0 if base.bias is None else base.bias
    gain = phi.gain(base) if family == "dora" else 1
    assert_close(ours, (base(side) - bias + dropped @ ab) * gain + bias, rtol=1e-12, atol=1e-12)
    merged = merge(copy.deepcopy(model))  # training mode, with dropout disabled
    assert_close(merged(x), oracle(model, x))
    assert_close(model.eval()(x), oracle(model, x))
    phi.dropout.train()  # dropout follows its own module's mode, as in Monte Carlo dropout
    assert not torch.allclose(model(x), model(x))
