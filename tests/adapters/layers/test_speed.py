"""The factored forms are the formulas under every tool of torch, keep little, and what they keep is never stale."""

import copy
import functools
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from benchmarks.measure import peak, saved
from ioadapt_theory.adapters import Placement, adapt, cached, disable, merge, scale, unmerge
from ioadapt_theory.adapters.families import dora
from ioadapt_theory.adapters.families.dora import DoRA
from ioadapt_theory.adapters.matrices import operator
from tests.adapters.cases import layer
from tests.adapters.layers.test_formulas import oracle

FAST = ["lora", "dora", "loha", "lokr"]
C, D, N = 12, 20, 7
every = pytest.mark.parametrize(
    ("family", "placement"), [pytest.param(f, p, id=f"{f}-{p}") for f in FAST for p in map(str, Placement)]
)
placements = pytest.mark.parametrize("placement", list(map(str, Placement)))


def make(family: str, placement: str, c: int = C, d: int = D, *, rank: int = 3, **options: object) -> nn.Sequential:
    model = nn.Sequential(nn.Linear(c, d))
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=rank, alpha=5, init="random", **options)
    for p in trained(model):
        p.data.add_(0.1 * torch.randn_like(p))
    return model


def trained(model: nn.Sequential) -> list[nn.Parameter]:
    return list(layer(model).adapters.parameters())


def close(got: tuple[Tensor, ...], expected: tuple[Tensor, ...], tolerance: float = 1e-11) -> None:
    for a, b in zip(got, expected, strict=True):
        assert_close(a, b, rtol=tolerance, atol=tolerance)


@every
@pytest.mark.parametrize("rank", [1, 20])
@pytest.mark.parametrize("shape", [(2, 3, C), (C,), (300, C)], ids=str)
def test_values_and_gradients_are_the_formulas_for_every_shape_and_rank(family, placement, rank, shape):
    model, x = make(family, placement, rank=rank, detach_norm=False), torch.randn(shape, requires_grad=True)
    base = layer(model).base_layer.requires_grad_()  # which may be trained too
    ours, theirs = model(x), oracle(model, x)
    assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    probe, wanted = torch.randn_like(ours), [x, *trained(model), base.weight, base.bias]
    close(torch.autograd.grad(ours, wanted, probe), torch.autograd.grad(theirs, wanted, probe))


def test_hooks_and_stand_ins_of_the_base_layer_and_of_a_family_are_called():
    calls: list[str] = []
    x = torch.randn(N, C, requires_grad=True)
    registers = (
        lambda m: m.register_forward_hook(lambda *_: calls.append("hook")),
        lambda m: m.register_forward_pre_hook(lambda *_: calls.append("hook")),
        lambda m: m.register_full_backward_hook(lambda *_: calls.append("hook")),
        lambda m: setattr(m, "forward", lambda *a, old=m.forward: calls.append("hook") or old(*a)),
    )
    for register in registers:
        for family in FAST:
            for inner in (False, True):
                model = make(family, "input")
                register(layer(model).adapters["default"]["input"] if inner else layer(model).base_layer)
                for given in (x,) if register is registers[2] else (x, x.detach()):
                    calls.clear()
                    model(given).sum().backward()
                    assert calls == ["hook"]


@pytest.mark.parametrize("family", ["lora", "dora"])
@placements
def test_lora_and_dora_keep_x_and_y_and_thin_matrices(family, placement):
    n, c, d, r = 64, 40, 48, 2
    model = make(family, placement, c, d, rank=r)
    kept = saved(model, torch.randn(n, c, requires_grad=True), list(model.parameters())) / 8
    long = {"weight": n * c, "input": n * c, "output": n * d}[placement]
    gained = {"weight": n * d, "input": n * c, "output": n * d}[placement] if family == "dora" else 0
    assert kept <= long + gained + n * r + 2 * (r + 1) * (c + d)


def test_an_input_adapter_on_text_asks_for_no_gradient_of_the_text():
    n, c, d = 77, 96, 64
    model = make("lora", "input", c, d, rank=2)
    texts = torch.randn(n, c), torch.randn(n, c).requires_grad_()
    without, with_gradient = (peak(lambda x=x: model(x).sum().backward()) for x in texts)
    assert without < with_gradient - 8 * n * c / 2


def test_doras_norm_is_right_where_ab_nearly_cancels_w():
    linear = nn.Linear(300, 40, bias=False).float()
    a, b = torch.randn(300, 4).float(), torch.randn(4, 40).float()
    for left in (1e-1, 1e-2, 1e-4):
        linear.weight.data.copy_((-(a @ b) + left * torch.randn(300, 40).float()).mT)
        model = nn.Sequential(copy.deepcopy(linear))
        phi = phi_of(adapt(model, target_modules=["0"], family="dora", placement="weight", rank=4))
        phi.A.data.copy_(a)
        phi.B.data.copy_(b)
        exact = (linear.weight.double().mT + a.double() @ b.double()).norm(dim=0)
        built = (linear.weight.mT + a @ b).norm(dim=0)
        error, floor = ((n.double() / exact - 1).abs().max() for n in (phi.norms(operator(linear)), built))
        assert error <= 2 * floor + 1e-6
        assert error < 1e-2


@every
def test_autocast_is_float32_up_to_bfloat16(family, placement):
    model, x = make(family, placement).float(), torch.randn(50, C).float()
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
    model, x = make(family, placement), torch.randn(C, N).mT.requires_grad_()
    wanted = [x, *trained(model)]
    expected = torch.autograd.grad(torch.relu(model(x)).sum(), wanted)
    close(torch.autograd.grad(torch.relu_(model(x)).sum(), wanted), expected)
    assert_close(torch.jit.trace(model, (x,))(x), model(x), rtol=1e-11, atol=1e-11)
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert model(torch.empty(N, C)).shape == (N, D)
    with torch.device("meta"):  # the default device is not where results are
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
    """Y is f of X, and of dropped X the change alone, which DoRA has before its gain."""
    model, x = make(family, placement, dropout=0.4), torch.randn(2, 9, C)
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
    merged = merge(copy.deepcopy(model))  # in training mode, and without dropout all the same
    assert_close(merged(x), oracle(model, x))
    assert_close(model.eval()(x), oracle(model, x))
    phi.dropout.train()  # Monte Carlo dropout: it counts as it is, not as it was asked for
    assert not torch.allclose(model(x), model(x))


# what DoRA keeps between the steps of an optimizer


def phi_of(model: nn.Sequential) -> DoRA:
    return next(iter(layer(model).adapters["default"].values()))


def fresh(model: nn.Module, x: Tensor) -> Tensor:
    """The output without anything kept, which no copy takes along."""
    return copy.deepcopy(model)(x)


def stepped(model: nn.Module, optimizer: type[torch.optim.Optimizer], **options: object) -> None:
    steps = optimizer([p for p in model.parameters() if p.requires_grad], lr=0.1, **options)
    model(torch.randn(4, C)).square().sum().backward()
    steps.step()


def trained_too(model: nn.Module) -> None:
    layer(model).base_layer.requires_grad_()
    stepped(model, torch.optim.AdamW, fused=True)


CHANGES = {
    "scale": lambda m: scale(m, 0.5),
    "fused adamw": lambda m: stepped(m, torch.optim.AdamW, fused=True),  # leaves the versions of tensors as they are
    "base trained too": trained_too,
    "load_state_dict": lambda m: m.load_state_dict({k: 1.3 * v for k, v in m.state_dict().items()}),
    "data": lambda m: [p.data.lerp_(torch.randn_like(p), 0.3) for p in m.parameters()],
    "one entry": lambda m: phi_of(m).A.data[2].mul_(2),
    "merge": lambda m: unmerge(merge(m)),
    "another weight": lambda m: setattr(layer(m).base_layer, "weight", nn.Parameter(torch.randn(D, C), False)),
    "weight.data": lambda m: layer(m).base_layer.weight.data.mul_(1.2),
    "weight in place": lambda m: torch.no_grad()(layer(m).base_layer.weight[1].mul_)(3.0),
}


@placements
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("recorded", [True, False], ids=["training", "generating"])
@pytest.mark.parametrize("inside", [True, False], ids=["cached", "plain"])
def test_nothing_kept_is_stale(placement, change, recorded, inside):
    model, x = make("dora", placement), torch.randn(3, C)
    with torch.set_grad_enabled(recorded):
        model(x)
        with cached() if inside else torch.enable_grad(), torch.enable_grad():
            CHANGES[change](model)
        assert_close(model(x), fresh(model, x), rtol=1e-12, atol=1e-12)
        twin = copy.deepcopy(model)
        phi_of(twin).A.data.add_(1)
        assert_close(twin(x), fresh(twin, x), rtol=1e-12, atol=1e-12)


@placements
@pytest.mark.parametrize("base", [lambda: nn.Linear(C, D), lambda: nn.Conv2d(C, D, 3)], ids=["linear", "conv"])
def test_norms_are_computed_once_between_two_steps(placement, base, monkeypatch):
    model, counted = nn.Sequential(base()), []
    adapt(model, target_modules=["0"], family="dora", placement=placement, rank=3, init="random")
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
            phi_of(model).A.add_(0.1)
    assert len(counted) == 3


@pytest.mark.parametrize("placement", ["input", "input+output"])
def test_a_model_in_cached_is_derived_in_one_batch_for_each_size_and_to_the_same(placement, monkeypatch):
    model = nn.Sequential(*(nn.Linear(C, C) for _ in range(4)), nn.Linear(C, D))
    adapt(model, target_modules="all-linear", family="dora", placement=placement, rank=3, init="random")
    x, batches, largest = torch.randn(3, C), [], []
    plain = dora.side_norms
    monkeypatch.setattr(dora, "side_norms", lambda a, b, s: batches.append(len(a)) or plain(a, b, s))
    for _ in range(2):
        with cached(model), torch.no_grad():
            y = model(x)
        assert sum(batches) == len([*model]) * placement.count("put")
        largest.append(max(batches))
        assert_close(y, fresh(model, x), rtol=1e-12, atol=1e-12)
        stepped(model, torch.optim.SGD)
        batches.clear()
    assert min(largest) >= 4


def test_threads_and_inference_mode_do_not_mix_up_what_is_kept():
    models = [make("dora", placement, 64, 48) for placement in ("weight", "input", "output")] * 4
    inputs = [torch.randn(50 + 10 * i, 64) for i in range(len(models))]

    def gradients(i: int) -> tuple[Tensor, ...]:
        with torch.inference_mode(), cached():
            models[i](inputs[i])
        grads: tuple[Tensor, ...] = ()
        for _ in range(10):
            grads = torch.autograd.grad(models[i](inputs[i]).square().sum(), trained(models[i]))
        return grads

    expected = [gradients(i) for i in range(len(models))]
    with ThreadPoolExecutor(6) as pool:
        for got, wanted in zip(pool.map(gradients, range(len(models))), expected, strict=True):
            close(got, wanted, 1e-12)
