import copy
import json

import pytest
import torch
from torch import Tensor, nn

from ioadapt_theory import activate, adapt, layers, transfer
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.reporting import report, to_text
from ioadapt_theory.reporting.result import to_html, to_json
from tests.report.models import changed, network, tuned


def adapted(model: nn.Sequential, placement: str = "weight", targets=("0", "2", "4", "6")) -> nn.Module:
    return adapt(copy.deepcopy(model), target_modules=targets, placement=placement, rank=3, init="random")


def inputs(rows: int = 40) -> Tensor:
    return torch.randn(rows, 20)


def test_what_is_kept_on_inputs_is_measured_on_the_models_that_a_copy_makes():
    source, target, x = adapted(network(0), "output", ("2", "4")), tuned(network(0), 0.3, 1), inputs()
    moved = copy.deepcopy(target)
    transfer(source, moved)
    plain = network(0)
    d, d2 = (source(x) - plain(x)).detach(), (moved(x) - target(x)).detach()
    told = report(source, target, inputs=x, need="change").predictions.copied
    assert told.cosine == pytest.approx(float((d * d2).sum() / d.norm() / d2.norm()), rel=1e-6)
    assert told.ratio == pytest.approx(float(d2.norm() / d.norm()), rel=1e-6)
    assert told.R == pytest.approx(float(1 - (d - d2).square().sum() / d.square().sum()), rel=1e-5)


def test_only_the_named_adapter_is_compared_whatever_others_are_active():
    x, base, named = inputs(), network(0), {"target_modules": ("2", "4"), "init": "random"}
    source = adapt(adapt(copy.deepcopy(base), **named, placement="weight"), **named, placement="weight", name="other")
    with_another = adapt(copy.deepcopy(base), **named, placement="output", name="third")
    for active in (("default", "other"), ("other",)):
        activate(source, *active)
        for target in (base, with_another):
            assert report(source, target, "default", x, need="change").predictions.copied.kept == pytest.approx(1)


def test_the_advice_is_the_largest_number():
    x = inputs(100)
    source = adapted(network(0), "weight", ("2",))
    near = report(source, tuned(network(0), 0.05, 1), inputs=x, need="change")
    assert str(near).startswith("Copy the adapter unchanged: a copy is predicted to keep 0.9")
    halved = report(source, changed(network(0), lambda k, w: w / 3 if k == 4 else w), inputs=x, need="change")
    assert str(halved).startswith("Copy the adapter at strength ")
    assert halved.advice[0].kept == pytest.approx(halved.predictions.copied.at_best_strength)
    assert halved.advice[0].kept > halved.predictions.copied.kept
    stranger = report(source, network(3), inputs=x, need="change")
    assert str(stranger).startswith("Retrain the adapter on the target: a copy is predicted to keep -")
    assert any("ioadapt transfer" in advice.how for advice in stranger.advice)


def test_what_a_copy_cannot_follow_is_carried_over():
    source, order = adapted(network(0)), torch.randperm(len(network(0)[0].bias))
    target = network(0)
    with torch.no_grad():
        for part in (target[0].weight, target[0].bias):
            part.copy_(part[order].clone())
        target[2].weight.copy_(target[2].weight[:, order].clone())
    told = report(source, target, inputs=inputs(100), need="change")
    assert told.predictions.copied.kept < 0.9
    assert str(told).startswith("Carry the adapter over with `ioadapt transfer")
    assert "the same function with different weights, and a copy is predicted to keep only" in str(told)
    # a copy does not fit a layer of another width
    narrow = adapt(nn.Sequential(nn.Linear(6, 9), nn.Linear(9, 5)), target_modules=["0"], placement="weight", rank=2)
    told = report(narrow, nn.Sequential(nn.Linear(6, 7), nn.Linear(7, 5)), inputs=torch.randn(50, 6), need="change")
    assert told.predictions.copied is None
    assert str(told).startswith("Carry the adapter over")
    assert "--match effect" in to_text(told)


def test_convolutions_of_a_model_in_memory_are_compared():
    source = nn.Sequential(nn.Conv2d(12, 20, 3), nn.ReLU(), nn.Conv2d(20, 16, 1))
    target = copy.deepcopy(source)
    target[0].weight.data += 0.1 * target[0].weight.std() * torch.randn_like(target[0].weight)
    told = report(source, target, inputs=torch.randn(2, 12, 7, 7), need="change")
    assert [pair.name for pair in told.layers] == ["0", "2"]
    w, w2 = (model[0].weight.detach().flatten() for model in (source, target))
    assert told.layers[0].cosine == pytest.approx(float(w @ w2 / w.norm() / w2.norm()), abs=1e-6)
    assert told.layers[0].ratio == pytest.approx(float(w2.norm() / w.norm()), rel=1e-6)
    assert told.layers[1].cosine == pytest.approx(1)


def test_without_an_adapter_it_is_told_how_far_apart_the_outputs_are():
    x, near = inputs(100), tuned(network(0), 0.05, 1)
    told = report(network(0), near, inputs=x, names=("a", "b", None))
    with torch.no_grad():
        apart = float((near(x) - network(0)(x)).norm() / network(0)(x).norm())
    assert told.predictions.difference == pytest.approx(apart, rel=1e-5)
    assert told.predictions.copied is None
    assert told.advice == ()
    differ = f"differ by {100 * apart:.2g} % of their size."
    assert str(told) == f"a -> b: on these inputs, the outputs of the plain models {differ}"
    assert to_text(told, 1000).startswith(f"{told}\n4 layers in both models.\n")
    assert json.loads(json.dumps(to_json(told)))["answer"] == str(told)
    assert "Advice" not in to_html(told)
    assert to_html(told).count("the outputs of the plain models") == 1


def test_outputs_that_agree_on_the_inputs_are_the_same_function_whatever_the_weights():
    plain = nn.Sequential(nn.Linear(20, 30, bias=False), nn.ReLU(), nn.Linear(30, 8, bias=False))
    told = report(plain, changed(plain, lambda k, w: w * 3 ** (1 - k)), inputs=inputs(), need="change")
    assert told.predictions.same
    assert {pair.name: pair.ratio for pair in told.layers} == pytest.approx({"0": 3, "2": 1 / 3})
    louder = changed(plain, lambda k, w: w * 1.001 if k == 0 else w)
    assert not report(plain, louder, inputs=inputs(), need="change").predictions.same


@pytest.mark.parametrize("call_fails", [False, True])
def test_the_models_are_left_as_they_were(call_fails: bool):
    source, target = adapted(network(0), "input"), tuned(network(0), 0.1, 1).train()
    before = {k: v.clone() for k, v in target.state_dict().items()}
    calls = []

    def call(model: nn.Module, x: Tensor) -> Tensor:
        calls.append(1)
        if call_fails and len(calls) > 20:
            raise RuntimeError
        return model(x)

    if call_fails:
        with pytest.raises(InvalidValueError, match="The Sequential fails on the inputs"):
            report(source, target, inputs=[inputs(30) for _ in range(10)], need="change", call=call)
    else:
        report(source, target, inputs=inputs(), need="change", call=call)
    assert before.keys() == target.state_dict().keys()
    assert all(torch.equal(before[k], v) for k, v in target.state_dict().items())
    assert all(p.requires_grad for p in target.parameters())
    assert target.training
    assert not layers(target)
    assert all(layer.active == ("default",) for layer in layers(source).values())


def test_a_weight_that_became_zero_has_changed_by_its_own_size():
    target = changed(network(0), lambda k, w: 0 * w if k == 2 else w)
    told = report(network(0), target, inputs=inputs(), need="change")
    assert [pair.change for pair in told.layers] == pytest.approx([0, 1, 0, 0], abs=1e-3)


def test_what_is_no_move_is_refused_in_a_sentence():
    with pytest.raises(InvalidValueError, match=r"Layers of the source: 4, such as 0; of the target: 1, such as other"):
        report(network(0), nn.ModuleDict({"other": nn.Linear(3, 4)}), inputs=inputs())
    with pytest.raises(InvalidValueError, match=r"Give unlabelled inputs=, .*compare\(source, target\)"):
        report(adapted(network(0), "input"), network(1))
    for options, sentence in (
        ({"explained": 1.5}, r"explained must be a share above 0 and at most 1, not 1\.5\."),
        ({"explained": "a"}, r"explained must be a share above 0 and at most 1, not 'a'\."),
        ({"batch": 0}, r"batch must be a whole number, at least 1, not 0\."),
    ):
        with pytest.raises(InvalidValueError, match=sentence):
            report(network(0), network(1), inputs=inputs(), need="change", **options)


def test_layers_of_the_adapter_that_do_not_fit_are_named():
    source, target = network(0), network(0)
    target[2], target[4] = nn.Linear(source[2].in_features, 99), nn.Linear(99, source[4].out_features)
    told = report(adapted(source, "output"), target, inputs=inputs(), need="change")
    assert "output adapter" in told.lost["2"]
    assert "adapted layers that fit: 3 of 4." in to_text(told)


def test_the_json_and_the_page_hold_every_layer_and_the_answer():
    names, both = ("<b>a</b>", "b", "c"), (adapted(network(0)), tuned(network(0), 0.2, 3))
    told = report(*both, names=names, inputs=inputs(), need="change")
    data = json.loads(json.dumps(to_json(told), allow_nan=False))
    assert [layer["name"] for layer in data["layers"]] == ["0", "2", "4", "6"]
    assert data["layers"][0]["adapter"] == ["weight"]
    assert data["copied"]["R"] == told.predictions.copied.R
    assert data["answer"] == str(told)
    assert to_text(told, 1000).splitlines()[0] == str(told)
    page = to_html(told)
    assert "<b>a</b>" not in page
    assert "&lt;b&gt;a&lt;/b&gt;" in page
    assert page.count("<tr>") >= 4
    assert all(part not in page for part in ("http:", "https:", "src=", "<script "))
