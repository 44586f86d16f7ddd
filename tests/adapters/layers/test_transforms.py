"""Under transforms, copies and other tools, a layer computes its formula, or raises an error with the reason."""

import copy
import random

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vjp
from torch.nn.utils import parametrizations
from torch.optim.swa_utils import AveragedModel
from torch.testing import assert_close

from ioadapt_theory import adapt, count, disable, load, merge, parameters, remove, save, transfer, unmerge
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.errors import InvalidValueError
from tests.adapters.cases import C, D, build, every, families, sample, single
from tests.adapters.layers.test_formulas import WRITTEN, oracle

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by torch's forward mode
hooks = pytest.importorskip("accelerate.hooks")


def two(wrap=lambda module: module) -> nn.Sequential:
    return nn.Sequential(wrap(nn.Linear(C, C)), nn.ReLU(), nn.Linear(C, D))


def adapted(model: nn.Module, **options: object) -> nn.Module:
    return adapt(model, target_modules="[02]", **{"placement": "input", "rank": 2, "init": "random", **options})


# copies and averages


@pytest.mark.parametrize("wrap", [lambda m: m, parametrizations.weight_norm, parametrizations.orthogonal])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: AveragedModel(m)], ids=["deepcopy", "EMA"])
def test_copies_have_the_adapters_whatever_the_base_layer_brings_along(wrap, copied):
    model, x = adapted(two(wrap)), torch.randn(5, C)
    twin = copied(model)
    assert count(twin) == count(model)
    assert_close(twin(x), model(x), rtol=0, atol=0)
    for _, p in parameters(model):
        p.data.mul_(2)
    assert not torch.allclose(twin(x), model(x))


# hooks and dispatch of accelerate


@families
def test_accelerate_s_hooks_neither_bypass_the_adapter_nor_are_lost(family):
    accelerate = pytest.importorskip("accelerate")
    model, x, places = two(), torch.randn(5, C), {"0": "cpu", "1": "cpu", "2": "cpu"}
    for part in (model[0], model[2]):
        hooks.add_hook_to_module(part, hooks.ModelHook())
    y = adapted(model, family=family, placement="input")(x)
    hooks.add_hook_to_module(model[0], hooks.ModelHook())
    assert torch.equal(model(x), y)
    hooks.remove_hook_from_submodules(model)
    assert torch.equal(model(x), y)
    for _ in range(2):
        accelerate.dispatch_model(model, places, force_hooks=True)
        assert torch.equal(model(x), y)
    again = adapted(accelerate.dispatch_model(two(), places, force_hooks=True), family=family)
    y = again(x)
    assert torch.equal(accelerate.dispatch_model(again, places, force_hooks=True)(x), y)


# transforms of functions


@every
def test_forward_mode_is_reverse_mode(family, placement, kind):
    generator = random.Random(f"{family}{placement}{kind}")
    options = {"detach_norm": generator.random() < 0.5} if family == "dora" else {}
    model, x = build(family, placement, kind, **options), sample(kind)
    name, p = generator.choice([(n, p.detach()) for n, p in model.named_parameters() if p.requires_grad])

    def value(p: Tensor, x: Tensor) -> Tensor:
        return functional_call(model, {name: p}, (x,)).pow(3).sum()

    along = torch.randn_like(p), torch.randn_like(x)
    slope = jvp(value, (p, x), along)[1]
    gradient = grad(value, (0, 1))
    expected = sum((g * v).sum() for g, v in zip(gradient(p, x), along, strict=True))
    assert_close(slope, expected, rtol=1e-12, atol=1e-12 * (float(expected.detach().abs()) + 1))
    forward = jvp(gradient, (p, x), along)[1]
    reverse = vjp(gradient, p, x)[1](along)  # equal, since the Hessian is symmetric
    for ours, theirs in zip(forward, reverse, strict=True):
        assert (ours - theirs).norm() <= 1e-12 * theirs.norm() + 1e-12
    plain = [p.clone().requires_grad_(), x.clone().requires_grad_()]
    first = torch.autograd.grad(value(*plain), plain, create_graph=True)
    for ours, theirs in zip(gradient(p, x), first, strict=True):
        assert (ours - theirs).norm() <= 1e-12 * theirs.norm() + 1e-12


@pytest.mark.parametrize("family", WRITTEN)
@single
def test_parameters_given_for_a_call_are_those_that_count(family, placement):
    model, other, x = build(family, placement, "linear"), build(family, placement, "linear"), torch.randn(40, C)
    given = {name: p.detach().requires_grad_() for name, p in other.named_parameters()}
    y = functional_call(model, given, (x,))
    assert_close(y, oracle(other, x))
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    theirs = torch.autograd.grad(other(x).square().sum(), [dict(other.named_parameters())[n] for n in trained])
    ours = torch.autograd.grad(y.square().sum(), [given[n] for n in trained])
    assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@families
@pytest.mark.parametrize("placement", ["input", "output", "weight", "input+output+weight"])
def test_batches_without_samples_and_without_content(family, placement):
    model = build(family, placement, "linear")
    for leading in ((0,), (0, 4), (2, 0), (2, 3, 0)):
        y = model(torch.empty(*leading, C, requires_grad=True))
        assert y.shape == (*leading, D)
        y.sum().backward()
    assert model.to("meta")(torch.empty(2, 3, C, device="meta")).shape == (2, 3, D)


# during another training


def put_by_load(model: nn.Module, folder, **options: object) -> None:
    source = adapted(two(), name="style")
    save(source, folder, "style")
    load(model, folder, "style", **options)


PUT = {
    "load": put_by_load,
    "transfer": lambda model, folder, **options: transfer(adapted(two(), name="style"), model, name="style", **options),
    "adapt": lambda model, folder: adapted(model, name="style"),
}


@pytest.mark.parametrize("verb", PUT)
@pytest.mark.parametrize("targets", [["0"], ["0", "2"]], ids=["one layer", "both"])
def test_what_is_put_on_a_model_leaves_its_training_alone(verb, targets, tmp_path):
    model = adapt(two(), target_modules=targets, placement="input", rank=2, init="random", name="policy")
    policy = [p for _, p in parameters(model, "policy")]
    model[0].adapters["policy"]["input"].A.requires_grad_(requires_grad=False)  # set by the user
    PUT[verb](model, tmp_path)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any("base_layer" in name for name in trained)
    assert all(p.requires_grad for p in policy[1:])
    assert not policy[0].requires_grad
    assert all(p.requires_grad == (verb == "adapt") for _, p in parameters(model, "style"))
    before = [p.clone() for p in policy]
    model(torch.randn(5, C)).square().sum().backward()
    torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1).step()
    assert [torch.equal(p, q) for p, q in zip(policy, before, strict=True)] == [True] + [False] * (len(policy) - 1)


@pytest.mark.parametrize("verb", ["load", "transfer"])
def test_what_is_put_on_trains_if_it_is_asked_to_and_the_base_never(verb, tmp_path):
    for asked in (False, True):
        model = two()
        PUT[verb](model, tmp_path, trainable=asked)
        assert all(p.requires_grad == asked for _, p in parameters(model))
        assert not any(p.requires_grad for name, p in model.named_parameters() if ".adapters." not in name)


def test_what_is_trained_beside_adapters_goes_on_training():
    model = adapt(two(), target_modules=["0"], placement="input", rank=2).append(nn.LayerNorm(D))
    adapt(model, target_modules=["2"], placement="input", rank=2)
    assert all(p.requires_grad for _, p in [*parameters(model), *model[3].named_parameters()])


def test_a_lora_of_peft_goes_on_training_under_and_beside_ours():
    peft = pytest.importorskip("peft")
    model = peft.get_peft_model(two(), peft.LoraConfig(target_modules=["0"], r=2)).base_model.model
    theirs = {n for n, p in model.named_parameters() if p.requires_grad}
    adapt(model, target_modules=["0", "2"], placement="output", rank=2)
    trained = {n.replace("0.base_layer.lora", "0.lora") for n, p in model.named_parameters() if p.requires_grad}
    assert theirs <= trained
    assert not any(n.endswith(("weight", "bias")) and "lora" not in n for n in trained - theirs)


def test_a_head_that_is_trained_beside_the_adapters_is_named_when_they_are_saved(tmp_path):
    model = adapt(two(), target_modules=["0"], placement="input", rank=2)
    save(model, tmp_path)
    model[2].requires_grad_()
    with pytest.warns(UserWarning, match=r"changed tensors outside the adapters \(2.weight, 2.b"):
        save(model, tmp_path)


# inside disable, merged or not

VERBS = {
    "merge": merge,
    "merge for good": lambda m: merge(m, unload=True),
    "unmerge": unmerge,
    "adapt": lambda m: adapted(m, name="more"),
    "load": None,
    "transfer": lambda m: transfer(adapted(two(), name="more"), m, name="more"),
    "remove": remove,
    "state_dict": lambda m: m.load_state_dict(m.state_dict()),
    "save": None,
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("merged", [False, True])
def test_every_verb_inside_disable_does_what_it_says_or_refuses(verb, merged, tmp_path):
    base, x = two(), torch.randn(5, C)
    expected, weights = base(x), copy.deepcopy(base)
    model = adapted(copy.deepcopy(base))
    y = model(x)
    save(model, tmp_path / "own")
    if merged:
        merge(model)
    act = {"load": lambda m: load(m, tmp_path / "own", "more"), "save": lambda m: save(m, tmp_path / "in")}
    refused = ""
    with disable(model):
        for n, read in (("0", weights[0]), ("2", weights[2])):
            assert torch.equal(ModelWeights(model).layer(n).matrix, read.weight.mT)
        try:
            (VERBS[verb] or act[verb])(model)
        except InvalidValueError as error:
            refused = str(error)
        assert_close(model(x), expected, rtol=0, atol=0)
    assert not refused or "disable() block" in refused or "call unmerge(model) before" in refused
    assert not refused or verb not in ({"save"} if merged else {"save", "state_dict"})
    assert_close(unmerge(model)(x), y)
    if verb == "save":
        again = copy.deepcopy(base)
        load(again, tmp_path / "in")
        assert_close(again(x), y)
