"""Layers that share compute what they compute apart, in fewer passes; what is in doubt is computed apart."""

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from ioadapt_theory.adapters import adapt, disable, layers, merge, scale, share, unfused, unmerge
from ioadapt_theory.adapters.fast import sharing
from ioadapt_theory.adapters.fast.together import Together
from tests.adapters.foreign import run_llama, run_unet, tiny_llama, tiny_unet

C, N = 24, 7


@pytest.fixture(autouse=True)
def _however_small(monkeypatch):
    monkeypatch.setattr(sharing, "LEAST", 0)


class Attention(nn.Module):
    """q, k and v of one input, o of another, and a second k of a third one."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(C, 20), nn.Linear(C, 12, bias=False), nn.Linear(C, 30)
        self.o = nn.Linear(30, C)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.q(x), self.k(x), self.v(x)
        return self.o(v * torch.sigmoid(q.sum(-1, keepdim=True) * k.sum(-1, keepdim=True)))


def make(family: str = "lora", placement: str = "weight", rank: int = 3, **options) -> nn.Sequential:
    model = nn.Sequential(nn.LayerNorm(C), Attention(), nn.LayerNorm(C), Attention())
    adapt(model, target_modules=["q", "k", "v", "o"], family=family, placement=placement, rank=rank, alpha=5,
          init="random", rank_pattern={"k": rank + 1}, **options)  # fmt: skip
    return model


def trained(model: nn.Module) -> list[nn.Parameter]:
    return [p for p in model.parameters() if p.requires_grad]


def gradients(model: nn.Module, x: Tensor) -> list[Tensor]:
    y = model(x)
    return [y, *torch.autograd.grad(y.square().sum(), [x, *trained(model)])]


def shared_in(y: Tensor) -> int:
    """How many times layers were computed together."""
    todo, seen = [y.grad_fn], set()
    while todo:
        node = todo.pop()
        if node is not None and node not in seen:
            seen.add(node)
            todo += [following for following, _ in node.next_functions]
    return sum(type(node).__name__ == f"{Together.__name__}Backward" for node in seen)


@pytest.mark.parametrize("placement", ["weight", "input", "output"])
@pytest.mark.parametrize("family", ["lora", "dora"])
@pytest.mark.parametrize("rank", [1, 20])
@pytest.mark.parametrize("shape", [(N, C), (2, 3, C), (200, C)], ids=str)
def test_from_the_second_pass_on_the_same_values_and_gradients(family, placement, rank, shape):
    model = make(family, placement, rank)
    x = torch.randn(shape, requires_grad=True)
    expected = gradients(model, x)
    share(model)
    assert shared_in(model(x)) == 0
    for _ in range(3):
        x = x.detach().clone().requires_grad_()
        assert shared_in(model(x)) == 2
        for a, b in zip(gradients(model, x), expected, strict=True):
            assert (a - b).norm() <= 1e-12 * b.norm()


def test_sides_and_families_may_be_mixed_and_one_may_be_frozen():
    model = nn.Sequential(nn.LayerNorm(C), Attention())
    for target, family, placement in (("q", "dora", "input"), ("k", "lora", "weight"), ("v", "dora", "output")):
        adapt(model, target_modules=[target], family=family, placement=placement, rank=2, init="random")
    for p in model[1].k.adapters.parameters():
        p.requires_grad_(requires_grad=False)
    x = torch.randn(N, C, requires_grad=True)
    wanted = [x, *(p for p in model.parameters() if p.requires_grad)]
    expected = torch.autograd.grad(model(x).sum(), wanted)
    share(model)
    model(x)
    y = model(x)
    assert shared_in(y) == 1
    for a, b in zip(torch.autograd.grad(y.sum(), wanted), expected, strict=True):
        assert_close(a, b, rtol=1e-11, atol=1e-11)


def test_without_a_gradient_of_x_and_with_only_some_outputs_used():
    model = share(make())[1]
    x = torch.randn(N, C)
    model(x)
    q, k = model.q(x), model.k(x)
    wanted = [*model.q.adapters.parameters(), *model.k.adapters.parameters()]
    with unfused():
        expected = torch.autograd.grad(model.q(x).sum(), wanted[:2])
    got = torch.autograd.grad(q.sum() + 0 * k.sum(), wanted, allow_unused=True)
    for a, b in zip(got, [*expected, *(torch.zeros_like(p) for p in wanted[2:])], strict=True):
        assert_close(a, b)


def test_no_layer_is_computed_in_vain_twice():
    model = share(make())
    block, x = model[1], torch.randn(N, C)
    block(x)
    for _ in range(2):
        x = torch.randn(N, C)
        block.q(x)
        block.k(x)  # never v
        assert len(block.q.party.run.outputs) <= 1
    assert (block.q, block.v) in block.q.party.barred
    x = torch.randn(N, C)
    assert_close(block(x), unshared(block)(x))
    assert shared_in(block(torch.randn(N, C))) == 1


def unshared(module: nn.Module) -> nn.Module:
    other = copy.deepcopy(module)
    for part in other.modules():
        if hasattr(part, "party"):
            part.party = None
    return other


def change_x(block: Attention, x: Tensor) -> None:
    x.mul_(2)


def change_parameter(block: Attention, x: Tensor) -> None:
    block.k.adapters["default"]["weight"].B.data.mul_(2)
    block.k.adapters["default"]["weight"].A.mul_(2)


def change_base(block: Attention, x: Tensor) -> None:
    block.k.base_layer.weight.mul_(2)


def change_scale(block: Attention, x: Tensor) -> None:
    scale(block.k, 3.0)


def change_active(block: Attention, x: Tensor) -> None:
    block.k.activate()


def change_merged(block: Attention, x: Tensor) -> None:
    merge(block.k)


@pytest.mark.parametrize(
    "change", [change_x, change_parameter, change_base, change_scale, change_active, change_merged]
)
def test_what_changes_after_the_first_call_counts(change):
    block, x = share(make())[1], torch.randn(N, C)
    with torch.no_grad():
        block(x)
        x = torch.randn(N, C)
        block.q(x)
        assert block.k in block.q.party.run.outputs
        change(block, x)
        assert_close(block.k(x), unshared(block).k(x), rtol=1e-12, atol=1e-12)


def freeze(block: Attention) -> None:
    block.k.adapters.requires_grad_(requires_grad=False)


def exchange(block: Attention) -> None:
    for p in block.k.adapters.parameters():
        p.data = p.data * 2


@pytest.mark.parametrize("change", [freeze, exchange])
def test_what_changes_in_the_parameters_counts_with_gradients_too(change):
    block = share(make())[1]
    block(torch.randn(N, C))
    x = torch.randn(N, C)
    block.q(x)
    change(block)
    y, expected = block.k(x), unshared(block).k(x)
    assert_close(y, expected)
    assert y.requires_grad == expected.requires_grad
    assert (block.q, block.k) in block.q.party.barred


def test_gradient_mode_unfused_and_autocast_count():
    block, x = share(make())[1], torch.randn(N, C)
    block(x)
    x = torch.randn(N, C)
    with torch.no_grad():
        block.q(x)
    assert block.k(x).requires_grad
    block.q.party.barred.clear()
    x = torch.randn(N, C)
    block.q(x)
    with unfused():
        assert shared_in(block.k(x)) == 0
    x = torch.randn(N, C).float()
    block.float()
    block.q(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert block.k(x).dtype == torch.bfloat16


def test_autocast_is_the_same_as_apart():
    model = make("dora", "weight").float()
    x = torch.randn(50, C).float()
    apart = unshared(model)
    share(model)(x)
    with torch.autocast("cpu", torch.bfloat16):
        got, expected = model(x), apart(x)
    assert shared_in(got) == 2
    assert_close(got, expected, rtol=2e-2, atol=2e-2)


def test_an_output_whose_graph_is_spent_is_made_anew():
    block, x = share(make())[1], torch.randn(N, C)
    block(x)
    x = torch.randn(N, C, requires_grad=True)
    block.q(x).sum().backward()
    block.k(x).sum().backward()


def test_hooks_are_called_and_hooked_layers_computed_apart():
    block, x = share(make())[1], torch.randn(N, C)
    seen: list[int] = []
    block.k.register_forward_pre_hook(lambda *_: seen.append(1))
    block.v.base_layer.register_forward_hook(lambda *_: seen.append(2))
    for _ in range(2):
        x = torch.randn(N, C)
        assert_close(block(x), unshared(block)(x))
    assert seen == [1, 2] * 4


def test_copies_and_pickles_learn_for_themselves_who_shares():
    model, x = share(make()), torch.randn(N, C)
    model(x)
    model[1].q(model[0](x))  # something is left to be called
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other[1].k.party is other[1].q.party is not model[1].q.party
        assert shared_in(other(x)) == 0
        assert shared_in(other(x)) == 2
        assert_close(other(x), model(x))
    assert len(pickle.dumps(model[1].q)) < len(pickle.dumps(model[1])) / 2


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoints_are_recomputed_as_they_were_computed(reentrant):
    model, x = make("dora", "input"), torch.randn(N, C, requires_grad=True)
    expected = gradients(model, x)[1:]
    share(model)
    for step in range(3):
        x.grad = None
        model.zero_grad()
        if step == 1:
            model(x)  # an evaluation in between learns, too
        y = torch.utils.checkpoint.checkpoint(model[1], model[0](x), use_reentrant=reentrant)
        model[3](model[2](y)).square().sum().backward()
        for a, b in zip([x.grad, *(p.grad for p in trained(model))], expected, strict=True):
            assert_close(a, b, rtol=1e-11, atol=1e-11)


def test_disabling_and_merging_go_on_working():
    model, x = make("dora", "input"), torch.randn(N, C)
    expected = model(x)
    share(model)(x)
    with disable(model):
        bare = model(x)
    merge(model)
    assert_close(model(x), expected)
    assert_close(unmerge(model)(x), expected)
    assert not torch.allclose(bare, expected)


def test_what_is_left_over_does_not_outlive_the_model():
    block = share(make())[1]
    block(torch.randn(N, C))
    x = torch.randn(N, C, requires_grad=True)
    y = block.q(x)
    seen = [weakref.ref(t) for t in (x, block.k.base_layer.weight)]
    assert block.k in block.q.party.run.outputs
    del x, y, block
    gc.collect()
    assert [ref() for ref in seen] == [None, None]


def test_only_layers_that_read_x_keep_it():
    block, x = share(make("lora", "output"))[1], torch.randn(N, C)
    block(x)
    x = torch.randn(N, C)
    y = block(x)
    x.add_(1)
    y.sum().backward()


def test_replicas_are_computed_apart_and_forgotten():
    block, x = share(make())[1], torch.randn(N, C)
    block(x)
    replica = block.q._replicate_for_data_parallel()
    replica._former_parameters = dict(block.q._parameters)
    assert block.q.party(replica, x.clone()) is None
    assert replica not in block.q.party.partners


def test_parameters_made_in_inference_mode_are_no_obstacle():
    with torch.inference_mode():
        block = share(make())[1]
    with torch.no_grad():
        for _ in range(2):
            block(torch.randn(N, C))


def test_threads_may_share_a_model():
    model = share(make())
    inputs = [torch.randn(N, C) for _ in range(40)]
    expected = [unshared(model)(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for got, wanted in zip(pool.map(model, inputs), expected, strict=True):
            assert_close(got, wanted)


def test_compiled_and_transformed_calls_are_apart():
    model, x = share(make()), torch.randn(N, C)
    model(x)
    assert_close(torch.compile(model, fullgraph=True, backend="eager")(x), model(x))
    assert_close(torch.func.vmap(model)(x[:, None])[:, 0], model(x))


@pytest.mark.parametrize(
    ("make_model", "run", "targets", "expected"),
    [
        (tiny_llama, run_llama, ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
         {"q_proj": ["k_proj", "v_proj"], "gate_proj": ["up_proj"]}),
        (tiny_unet, run_unet, ["to_q", "to_k", "to_v", "to_out.0"], {"to_q": ["to_k", "to_v"], "to_k": ["to_v"]}),
    ],
    ids=["llama", "unet"],
)  # fmt: skip
def test_real_models_show_which_of_their_layers_share(make_model, run, targets, expected):
    model = adapt(make_model(), target_modules=targets, family="dora", placement="input", rank=2, init="random")
    apart = run(model)
    share(model)
    for _ in range(3):
        assert_close(run(model), apart, rtol=1e-4, atol=1e-5)
    found = {}
    for name, layer in layers(model).items():
        if layer.party is not None and (others := layer.party.partners.get(layer)):
            ends = {id(other): where.rpartition(".")[2] for where, other in layers(model).items()}
            found.setdefault(name.rpartition(".")[2], []).append([ends[id(other)] for other in others])
            assert not layer.party.barred
    assert {first: others[0] for first, others in found.items()} == expected
    assert all(len(set(map(tuple, others))) == 1 for others in found.values())
