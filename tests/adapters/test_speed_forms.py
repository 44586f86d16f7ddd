"""The fast forms are the plain ones: same values, same gradients, less kept; and they step aside where they must."""

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
from ioadapt_theory.adapters import Family, Placement, adapt, cached, merge, scale, unfused
from ioadapt_theory.adapters.families.dora import DoRA
from ioadapt_theory.adapters.families.lora import LoRA
from ioadapt_theory.adapters.matrices import operator
from tests.adapters.cases import layer


@pytest.fixture(autouse=True)
def _fused_however_small(monkeypatch):
    monkeypatch.setattr(LoRA, "pays", lambda self, x, base: True)


FAST = ["lora", "dora", "loha", "lokr"]
C, D, N = 12, 20, 7
every = pytest.mark.parametrize(
    ("family", "placement"), [pytest.param(f, p, id=f"{f}-{p}") for f in FAST for p in map(str, Placement)]
)


def make(
    family: str, placement: str, c: int = C, d: int = D, *, bias: bool = True, rank: int = 3, **options
) -> nn.Module:
    model = nn.Sequential(nn.Linear(c, d, bias=bias))
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=rank, alpha=5, init="random", **options)
    for p in layer(model).adapters.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    return model


def trained(model: nn.Module) -> list[nn.Parameter]:
    return list(layer(model).adapters.parameters())


def is_fused(out: Tensor) -> bool:
    """Whether a custom function is anywhere in the graph."""
    todo, seen = [out.grad_fn], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        if type(node).__name__ in {"FusedBackward", "BuiltBackward"}:
            return True
        seen.add(node)
        todo += [following for following, _ in node.next_functions]
    return False


@every
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rank", [1, 20])
@pytest.mark.parametrize("shape", [(N, C), (2, 3, C), (C,), (0, C), (300, C)], ids=str)
def test_fused_is_unfused_in_values_and_gradients(family, placement, bias, rank, shape):
    model = make(family, placement, bias=bias, rank=rank)
    x = torch.randn(shape, requires_grad=True)
    wanted = [x, *trained(model)]
    fast = model(x)
    with unfused():
        slow = model(x)
    assert is_fused(fast) or is_merged(model, x)
    assert not is_fused(slow)
    assert_close(fast, slow, rtol=1e-12, atol=1e-12)
    probe = torch.randn_like(fast)
    for a, b in zip(torch.autograd.grad(fast, wanted, probe), torch.autograd.grad(slow, wanted, probe), strict=True):
        assert_close(a, b, rtol=1e-11, atol=1e-11)


@every
def test_without_a_gradient_of_x_the_parameters_still_get_theirs(family, placement):
    model, x = make(family, placement), torch.randn(N, C)
    got = torch.autograd.grad(model(x).square().sum(), trained(model))
    with unfused():
        expected = torch.autograd.grad(model(x).square().sum(), trained(model))
    for a, b in zip(got, expected, strict=True):
        assert_close(a, b, rtol=1e-11, atol=1e-11)


@every
def test_a_transposed_input_and_an_expanded_gradient_are_understood(family, placement):
    model, x = make(family, placement), torch.randn(C, N).mT.requires_grad_()
    got = torch.autograd.grad(model(x).sum(), [x, *trained(model)])
    with unfused():
        expected = torch.autograd.grad(model(x).sum(), [x, *trained(model)])
    for a, b in zip(got, expected, strict=True):
        assert_close(a, b, rtol=1e-11, atol=1e-11)


@every
def test_what_follows_may_work_in_place(family, placement):
    model, x = make(family, placement), torch.randn(N, C, requires_grad=True)
    wanted = [x, *trained(model)]
    expected = torch.autograd.grad(torch.relu(model(x)).sum(), wanted)
    for a, b in zip(torch.autograd.grad(torch.relu_(model(x)).sum(), wanted), expected, strict=True):
        assert torch.equal(a, b)
    batched = model(x[None])
    torch.autograd.grad(batched.mul_(2).sum(), wanted)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@every
def test_forward_mode_takes_the_plain_form(family, placement):
    model, x, v = make(family, placement), torch.randn(2, C), torch.randn(2, C)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, v)
        tangent = torch.autograd.forward_ad.unpack_dual(model(dual)).tangent
    assert_close(tangent, model(x + v) - model(x))


@every
def test_function_transforms_take_the_plain_form(family, placement):
    model, x = make(family, placement), torch.randn(4, C)
    assert_close(torch.func.vmap(model)(x), model(x))
    expected = torch.autograd.grad(model(x).square().sum(), trained(model)[0])[0]
    name = next(n for n, p in model.named_parameters() if p is trained(model)[0])
    grads = torch.func.grad(lambda p: torch.func.functional_call(model, {name: p}, (x,)).square().sum())
    assert_close(grads(trained(model)[0]), expected)


def test_hooks_and_stand_ins_of_the_base_layer_are_called():
    calls: list[str] = []
    x = torch.randn(N, C, requires_grad=True)

    def expect(model: nn.Module, name: str) -> None:
        calls.clear()
        model(x).sum().backward()
        assert calls == [name]

    for register, name in (
        (lambda m: m.register_forward_hook(lambda *_: calls.append("forward")), "forward"),
        (lambda m: m.register_forward_pre_hook(lambda *_: calls.append("before")), "before"),
        (lambda m: m.register_full_backward_hook(lambda *_: calls.append("backward")), "backward"),
        (lambda m: m.register_full_backward_pre_hook(lambda *_: calls.append("backwards")), "backwards"),
    ):
        model = make("lora", "weight")
        register(layer(model).base_layer)
        expect(model, name)
    model = make("lora", "weight")
    base = layer(model).base_layer
    plain = base.forward
    base.forward = lambda x: calls.append("patched") or plain(x)
    expect(model, "patched")


def test_a_global_hook_sees_the_base_layer():
    model, seen = make("lora", "weight"), []
    base = layer(model).base_layer
    handle = nn.modules.module.register_module_forward_hook(lambda m, *_: seen.append(m is base))
    try:
        model(torch.randn(N, C))
    finally:
        handle.remove()
    assert any(seen)


@pytest.mark.parametrize("family", FAST)
def test_a_base_layer_that_trains_too_gets_its_gradient(family):
    model, x = make(family, "weight", detach_norm=False), torch.randn(N, C)
    base = layer(model).base_layer.requires_grad_()
    model(x).square().sum().backward()
    with unfused():
        expected = torch.autograd.grad(model(x).square().sum(), [base.weight, base.bias])
    assert_close(base.weight.grad, expected[0])
    assert_close(base.bias.grad, expected[1])


@pytest.mark.parametrize("family", ["lora", "dora"])
@pytest.mark.parametrize("placement", list(map(str, Placement)))
def test_lora_and_dora_keep_x_or_y_and_thin_matrices(family, placement):
    n, c, d, r = 64, 40, 48, 2
    model = make(family, placement, c, d, rank=r)
    kept = saved(model, torch.randn(n, c, requires_grad=True), list(model.parameters())) / 8
    long = n * (c + d if (family, placement) == ("dora", "weight") else max(c, d))
    assert kept <= long + n * r + 2 * (r + 1) * (c + d)


@every
@pytest.mark.parametrize("size", [(96, 160), (160, 96)])
def test_merging_needs_little_beside_the_result(family, placement, size):
    model = make(family, placement, *size, bias=False)
    weights = peak(layer(model).merged_tensors) / (8 * size[0] * size[1])
    assert (
        1 <= weights <= (2.1 if (family, placement) == ("dora", "weight") else 1.2)
    )  # DoRA's norm is that of one block


def test_doras_norm_is_right_where_ab_nearly_cancels_w():
    linear = nn.Linear(300, 40, bias=False).float()
    a, b = torch.randn(300, 4).float(), torch.randn(4, 40).float()
    for left in (1e-1, 1e-2, 1e-4):
        linear.weight.data.copy_((-(a @ b) + left * torch.randn(300, 40).float()).mT)
        phi = layer(adapt(nn.Sequential(copy.deepcopy(linear)), target_modules=["0"], family="dora",
                          placement="weight", rank=4)).adapters["default"]["weight"]  # fmt: skip
        assert isinstance(phi, DoRA)
        phi.A.data.copy_(a)
        phi.B.data.copy_(b)
        exact = (linear.weight.double().mT + a.double() @ b.double()).norm(dim=0)
        built = (linear.weight.mT + a @ b).norm(dim=0)
        error, floor = ((n.double() / exact - 1).abs().max() for n in (phi.norms(operator(linear)), built))
        assert error <= 2 * floor + 1e-6
        assert error < 1e-2


def test_doras_norm_on_an_identity_is_right_where_i_plus_ab_is_nearly_singular():
    model = make("dora", "input", rank=1).float()
    phi = layer(model).adapters["default"]["input"]
    v = nn.functional.normalize(torch.randn(C).float(), dim=0)
    for p, value in ((phi.A, v[:, None]), (phi.B, -v[None] / phi.scaling * (1 - 1e-4))):
        p.data.copy_(value)
    exact = (torch.eye(C) + phi.scaling * phi.A.double() @ phi.B.double()).norm(dim=0)
    assert_close(phi.norms(layer(model).function.f.near).double(), exact, rtol=1e-6, atol=0)


def test_gradients_of_a_norm_reach_the_adapter_that_acts_before():
    model, x = make("dora", "input+weight", detach_norm=False), torch.randn(N, C)
    first, second = (layer(model).adapters["default"][key] for key in ("input", "weight"))
    got = torch.autograd.grad(model(x).square().sum(), trained(model))
    base = layer(model).base_layer

    def columns(v: Tensor, m: Tensor) -> Tensor:
        return v / v.square().sum(0).sqrt() * m

    inner = columns(torch.eye(C) + first.scaling * first.A @ first.B, first.m) @ base.weight.mT
    whole = columns(inner + second.scaling * second.A @ second.B, second.m)
    expected = torch.autograd.grad((x @ whole + base.bias).square().sum(), trained(model))
    for a, b in zip(got, expected, strict=True):
        assert_close(a, b)


@every
def test_cached_changes_nothing_but_time_and_ends_with_its_block(family, placement):
    model, x = make(family, placement), torch.randn(1, C)
    with torch.no_grad(), cached():
        assert torch.equal(model(x), model(x))
        assert torch.equal(model(x), copy.deepcopy(model)(x))
    for p in trained(model):
        p.data.mul_(1.5)
    with torch.no_grad(), cached():
        inside = model(x)
    assert torch.equal(inside, model(x).detach())


def test_cached_keeps_nothing_while_training():
    model, x = make("dora", "weight"), torch.randn(N, C)
    with cached():
        before = model(x)
        for p in trained(model):
            p.data.mul_(1.5)
        assert not torch.equal(model(x), before)
        model(x).sum().backward()


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


def test_a_gain_is_not_rounded_to_bfloat16_under_autocast():
    model = make("dora", "output").to(torch.bfloat16)
    phi = layer(model).adapters["default"]["output"].float()
    phi.B.data.zero_()
    phi.m.data.fill_(1.006)  # 1.0078 in bfloat16
    x = torch.randn(4000, C, dtype=torch.bfloat16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        y, base = model(x).double(), layer(model).base_layer(x).double()
    assert (y * base).sum() / base.square().sum() - 1 == pytest.approx(0.006, rel=0.1)


@every
def test_a_wide_layer_with_many_tokens_is_the_merged_layer(family, placement):
    model = make(family, placement, 96, 160, rank=8)
    x = torch.randn(700, 96)
    out = model(x)
    assert_close(merge(model)(x), out, rtol=1e-10, atol=1e-10)


MANY = 4 * D + 1


def is_merged(model: nn.Module, x: Tensor) -> bool:
    placed = layer(model).function
    return Family.at_once(placed.phi, x, placed) is not None


@pytest.mark.parametrize("family", ["lora", "dora", "loha", "full"])
@pytest.mark.parametrize("placement", ["weight", "input", "output", "input+weight+output"])
def test_many_rows_take_one_product(family, placement):
    model = make(family, placement, detach_norm=False)
    x = torch.randn(2, MANY, C, requires_grad=True)
    trained(model)[0].requires_grad_(requires_grad=False)
    wanted = [x, *trained(model)[1:]]
    assert is_merged(model, x) == ((family, placement) != ("loha", "weight") and "+" not in placement)
    out, probe = model(x), torch.randn(2, MANY, D)
    with unfused():
        assert not is_merged(model, x)
        slow = model(x)
    assert_close(out, slow, rtol=1e-12, atol=1e-12)
    for a, b in zip(torch.autograd.grad(out, wanted, probe), torch.autograd.grad(slow, wanted, probe), strict=True):
        assert_close(a, b, rtol=1e-11, atol=1e-11)


def test_few_rows_thin_adapters_and_half_precision_are_not_merged():
    x = torch.randn(MANY, C)
    assert is_merged(make("dora", "output"), x)
    assert not is_merged(make("dora", "output"), x[:-2])
    assert not is_merged(make("dora", "output", rank=1, c=13), torch.randn(MANY, 13))
    assert not is_merged(make("lokr", "output"), x)
    assert not is_merged(make("dora", "output").bfloat16(), x.bfloat16())


@every
@pytest.mark.parametrize("rows", [N, MANY])
def test_parameters_given_for_a_call_are_those_that_get_the_gradient(family, placement, rows):
    model, x = make(family, placement), torch.randn(rows, C)
    given = {name: p.detach().clone().mul_(1.5).requires_grad_() for name, p in model.named_parameters()}
    with unfused():
        slow = torch.func.functional_call(model, given, (x,))
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    expected = torch.autograd.grad(slow.square().sum(), [given[name] for name in names])
    fast = torch.func.functional_call(model, given, (x,))
    for a, b in zip(torch.autograd.grad(fast.square().sum(), [given[n] for n in names]), expected, strict=True):
        assert_close(a, b, rtol=1e-11, atol=1e-11)


@every
@pytest.mark.parametrize("rows", [N, MANY])
def test_what_happens_before_the_backward_pass_does_not_change_it(family, placement, rows):
    model, x = make(family, placement), torch.randn(rows, C, requires_grad=True)
    expected = torch.autograd.grad(model(x).square().sum(), [x, *trained(model)])
    out = model(x).square().sum()
    scale(model, 2.0)
    with torch.autocast("cpu", torch.bfloat16):
        for a, b in zip(torch.autograd.grad(out, [x, *trained(model)]), expected, strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("placement", list(map(str, Placement)))
@pytest.mark.parametrize("rows", [N, MANY])
def test_hooks_of_a_family_are_called(placement, rows):
    model, x, calls = make("dora", placement), torch.randn(rows, C), []
    layer(model).adapters["default"][placement].register_forward_pre_hook(lambda *_: calls.append(1))
    expected = make("dora", placement)
    expected.load_state_dict(model.state_dict())
    assert_close(model(x), expected(x))
    assert calls == [1]


def test_the_default_device_is_not_where_results_are():
    model, x = make("dora", "input"), torch.randn(N, C, requires_grad=True)
    with torch.device("meta"):
        model(x).sum().backward()
    model(x).sum().backward()


@every
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rows", [N, MANY])
def test_a_traced_model_does_what_the_model_does(family, placement, rows):
    model, x = make(family, placement), torch.randn(rows, C)
    assert_close(torch.jit.trace(model, (x,))(x), model(x), rtol=1e-11, atol=1e-11)


def test_threads_and_inference_mode_do_not_mix_up_what_is_kept():
    models = [make("dora", placement, 64, 48) for placement in ("weight", "input", "output")] * 4
    inputs = [torch.randn(50 + 10 * i, 64) for i in range(len(models))]

    def gradients(i: int) -> list[Tensor]:
        with torch.inference_mode():
            models[i](inputs[i])
        grads: tuple[Tensor, ...] = ()
        for _ in range(20):
            grads = torch.autograd.grad(models[i](inputs[i]).square().sum(), trained(models[i]))
        return list(grads)

    expected = [gradients(i) for i in range(len(models))]
    with ThreadPoolExecutor(6) as pool:
        for got, wanted in zip(pool.map(gradients, range(len(models))), expected, strict=True):
            assert all(map(torch.equal, got, wanted))


@pytest.mark.parametrize("family", FAST)
@pytest.mark.parametrize("placement", list(map(str, Placement)))
@pytest.mark.parametrize("rows", [N, MANY])
def test_dropout_counts_as_it_is_and_not_as_it_was_asked_for(family, placement, rows):
    model, x = make(family, placement, dropout=0.5).eval(), torch.ones(rows, C)
    phi = layer(model).adapters["default"][placement]
    still = model(x)
    assert torch.equal(model(x), still)
    phi.dropout.train()  # Monte Carlo dropout
    assert not torch.equal(model(x), still)
    phi.dropout = nn.Flatten(0)
    with pytest.raises(RuntimeError):
        model(x)


@every
@pytest.mark.parametrize("rows", [(N, C), (2, 9, C)], ids=str)
def test_dropout_keeps_the_fast_form_and_its_draws(family, placement, rows):
    model, x = make(family, placement, dropout=0.4), torch.randn(rows, requires_grad=True)

    def run() -> list[Tensor]:
        torch.manual_seed(1)
        y = model(x)
        return [y, *torch.autograd.grad(y.pow(3).sum(), [x, *trained(model)])]

    fast = run()
    assert is_fused(fast[0]) == (family != "loha")
    with unfused():
        for a, b in zip(fast, run(), strict=True):
            assert_close(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("family", "times"), [("lora", 3), ("dora", 3), ("loha", 1), ("lokr", 1), ("full", 1)])
def test_a_convolution_under_a_built_change_is_one_convolution(family, times):
    model, calls = nn.Sequential(nn.Conv2d(C, D, 3, padding=1)), []
    adapt(model, target_modules=["0"], family=family, placement="weight", rank=2, init="random")
    base, plain = layer(model).base_layer, torch.nn.functional.conv2d
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "conv2d", lambda *a, **k: calls.append(1) or plain(*a, **k))
        model(torch.randn(2, C, 5, 5))
    assert len(calls) <= times
    base.register_forward_hook(lambda *_: calls.append("hook"))
    model(torch.randn(2, C, 5, 5))
    assert calls[-1] == "hook"


def test_an_input_adapter_on_text_asks_for_no_gradient_of_the_text():
    n, c, d = 77, 96, 64
    model = make("lora", "input", c, d, rank=2)
    needs = [
        peak(lambda x=x: model(x).sum().backward()) for x in (torch.randn(n, c), torch.randn(n, c).requires_grad_())
    ]
    assert needs[0] < needs[1] - 8 * n * c / 2


@every
@pytest.mark.parametrize("rows", [N, MANY])
def test_fake_tensors_and_selective_checkpoints_see_plain_products(family, placement, rows):
    model, x = make(family, placement), torch.randn(rows, C, requires_grad=True)
    expected = torch.autograd.grad(model(x).square().sum(), [x, *trained(model)])
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert model(torch.empty(rows, C)).shape == (rows, D)
    keep = functools.partial(
        create_selective_checkpoint_contexts, [torch.ops.aten.mm.default, torch.ops.aten.addmm.default]
    )
    y = checkpoint(model, x, use_reentrant=False, context_fn=keep)
    for a, b in zip(torch.autograd.grad(y.square().sum(), [x, *trained(model)]), expected, strict=True):
        assert_close(a, b, rtol=1e-11, atol=1e-11)


@every
def test_factors_of_several_dtypes_are_one_under_autocast(family, placement):
    model, x = make(family, placement).float(), torch.randn(N, C).bfloat16()
    trained(model)[0].data = trained(model)[0].data.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        out = model(x)
        with unfused():
            assert_close(out, model(x), rtol=0.05, atol=0.05 * out.abs().max().item())
    out.float().sum().backward()


@pytest.mark.parametrize("placement", list(map(str, Placement)))
@pytest.mark.parametrize("piece", [30, 130, 1 << 20])
def test_loha_built_in_pieces_is_loha_in_first_and_second_derivatives(placement, piece, monkeypatch):
    from ioadapt_theory.adapters.families import loha

    monkeypatch.setattr(loha, "PIECE", piece)
    model, x = make("loha", placement), torch.randn(N, C, requires_grad=True)
    wanted = [x, *trained(model)]

    def run() -> list[Tensor]:
        y = model(x)
        first = torch.autograd.grad(y.pow(3).sum(), wanted, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), wanted)
        return [y, *torch.autograd.grad(model(x).pow(3).sum(), wanted), *first, *second]

    fast = run()
    assert is_fused(fast[0])
    with unfused():
        for a, b in zip(fast, run(), strict=True):
            assert_close(a, b, rtol=1e-10, atol=1e-9)


def test_loha_keeps_and_builds_less_than_three_matrices(monkeypatch):
    from ioadapt_theory.adapters.families import loha

    c, d, n = 96, 160, 8
    monkeypatch.setattr(loha, "PIECE", c * d // 8)
    model, x = make("loha", "weight", c, d), torch.randn(n, c, requires_grad=True)
    assert saved(model, x, list(model.parameters())) == 8 * n * c
    assert peak(lambda: model(x).sum().backward()) < 2 * 8 * c * d


def test_gains_follow_a_magnitude_that_alone_is_changed():
    for placement in map(str, Placement):
        model, x = make("dora", placement), torch.randn(N, C)
        model(x)
        layer(model).adapters["default"][placement].m.data.mul_(1.5)
        with unfused():
            expected = model(x)
        assert_close(model(x), expected, rtol=1e-12, atol=1e-12)
