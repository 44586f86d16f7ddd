"""The same adapter on another model: what has to be equal, what is reported, nothing done halfway."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory import load, save
from ioadapt_theory.adapters import TransferError, adapt, layers, merge, parameters, transfer
from ioadapt_theory.errors import UnknownNameError


def net(*sizes: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(c, d) for c, d in sizes))


@pytest.mark.parametrize("make", [lambda: nn.Linear(6, 9), lambda: nn.Conv2d(6, 9, 1)])
def test_an_input_adapter_needs_an_equal_near_side_only_and_is_a_copy(make):
    source, wider = net((6, 4)), nn.Sequential(make())
    adapt(source, target_modules=["0"], placement="input", init="random", rank=2)
    assert transfer(source, wider).matched == ("0",)
    phi = copy.deepcopy(layers(source)["0"].adapters["default"]["input"])
    for _, p in parameters(source):
        p.data.zero_()
    x = torch.randn(3, 6) if isinstance(wider[0].base_layer, nn.Linear) else torch.randn(3, 6, 4, 4)
    features = x if x.ndim == 2 else x.movedim(1, -1)
    mixed = features + phi.scaling * features @ phi.A @ phi.B
    assert_close(wider(x), wider[0].base_layer(mixed if x.ndim == 2 else mixed.movedim(-1, 1)))


def test_two_models_can_share_one_adapter():
    small, large = net((6, 4)), net((6, 9))
    adapt(small, target_modules=["0"], placement="input", init="random")
    transfer(small, large, share=True)
    assert all(p is q for (_, p), (_, q) in zip(parameters(small), parameters(large), strict=True))


@pytest.mark.parametrize(
    ("placement", "fitting", "unfitting"),
    [("input", (6, 9), (5, 4)), ("output", (7, 4), (6, 5)), ("weight", (6, 4), (6, 5))],
)
def test_the_side_that_matters(placement, fitting, unfitting):
    source = adapt(net((6, 4)), target_modules=["0"], placement=placement)
    assert transfer(source, net(fitting)).matched == ("0",)
    for strict in (True, False):
        with pytest.raises(TransferError, match=f"0: its {placement} side has"):
            transfer(source, net(unfitting), strict=strict)


def test_a_report_says_what_matched_how_and_why_the_rest_did_not(tmp_path):
    source = adapt(net((6, 4), (4, 3), (3, 2)), target_modules=["0", "1", "2"], placement="input")
    target = net((6, 9), (9, 3))
    with pytest.raises(TransferError, match=r"fits 1 of 3 layers \(1: its input side has 9 -> 9, the adapter 4 -> 4"):
        transfer(source, target)
    assert not layers(target)
    report = transfer(source, target, strict=False)
    assert report.unmatched["2"] == "the model has no such layer"
    assert str(report).splitlines()[0] == "1 of 3 layers matched: 1 by name, no evidence."
    with pytest.raises(UnknownNameError, match="No adapter 'style'"):
        transfer(source, target, name="style")
    base = net((40, 32), (32, 24), (24, 20))
    source, half = copy.deepcopy(base), copy.deepcopy(base)
    half[1] = nn.Linear(32, 24)
    adapt(source, target_modules=["0", "1", "2"], placement="input", init="random")
    save(source, tmp_path)
    for way in (lambda m: transfer(source, m), lambda m: load(m, tmp_path)):
        assert str(way(copy.deepcopy(base))) == "3 of 3 layers matched."
        told = "3 of 3 layers matched: 2 by name and evidence; 1 by name, no evidence.\n  by name, no evidence: 1"
        assert str(way(copy.deepcopy(half))) == told


def test_layers_that_are_called_otherwise_are_renamed():
    source = adapt(net((6, 4)), target_modules=["0"], init="random")
    target = nn.ModuleDict({"proj": nn.Linear(6, 8)})
    report = transfer(source, target, rename={"0": "proj"})
    assert (report.matched, report.unproven, dict(report.sources)) == (("proj",), (), {"proj": "0"})


def test_gauge_pairs_keep_end_adapters_and_break_lora():
    """Fig. 8: equal overall functions with other parameters; input on the first layer, output on the last survive."""
    w1, w2, r = torch.randn(6, 5), torch.randn(5, 4), torch.randn(5, 5) + 3 * torch.eye(5)

    def stack(first: torch.Tensor, second: torch.Tensor) -> nn.Sequential:
        model = nn.Sequential(nn.Linear(6, 5, bias=False), nn.Linear(5, 4, bias=False))
        model[0].weight.data, model[1].weight.data = first.T.clone(), second.T.clone()
        return model

    x = torch.randn(3, 6)
    gaps = {}
    for placement, end in (("weight", "0"), ("input", "0"), ("output", "1")):
        source, target = stack(w1, w2), stack(w1 @ r, torch.linalg.solve(r, w2))
        adapt(source, target_modules=[end], placement=placement, init="random")
        transfer(source, target)
        gaps[placement] = (merge(source)(x) - merge(target)(x)).norm().item()
    assert max(gaps["input"], gaps["output"]) < 1e-10
    assert gaps["weight"] > 0.1
