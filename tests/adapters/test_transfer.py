"""The same adapter on another model: what has to be equal, what is reported, nothing done halfway."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory import load, save
from ioadapt_theory.adapters import TransferError, adapt, layers, merge, parameters, remove, transfer
from ioadapt_theory.errors import UnknownNameError


def net(*sizes: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(c, d) for c, d in sizes))


def test_an_input_adapter_needs_an_equal_near_side_only():
    source, wider = net((6, 4)), net((6, 9))
    adapt(source, target_modules=["0"], placement="input", init="random", rank=2)
    transfer(source, wider)
    phi = layers(source)["0"].adapters["default"]["input"]
    x = torch.randn(3, 6)
    assert_close(wider(x), wider[0].base_layer(x + phi.scaling * x @ phi.A @ phi.B))


def test_two_models_can_share_one_adapter_and_train_it_together():
    small, large = net((6, 4)), net((6, 9))
    adapt(small, target_modules=["0"], placement="input", init="random")
    transfer(small, large, share=True)
    assert all(p is q for (_, p), (_, q) in zip(parameters(small), parameters(large), strict=True))
    (small(torch.randn(3, 6)).sum() + large(torch.randn(3, 6)).sum()).backward()
    assert all(p.requires_grad and p.grad is not None for _, p in parameters(small))


@pytest.mark.parametrize(
    ("placement", "fitting", "unfitting"),
    [("input", (6, 9), (5, 4)), ("output", (7, 4), (6, 5)), ("weight", (6, 4), (6, 5))],
)
def test_the_side_that_matters(placement, fitting, unfitting):
    source = adapt(net((6, 4)), target_modules=["0"], placement=placement)
    assert transfer(source, net(fitting)).matched == ("0",)
    with pytest.raises(TransferError, match=f"0: its {placement} side has"):
        transfer(source, net(unfitting))


def test_a_report_says_what_matched_and_why_the_rest_did_not():
    source = adapt(net((6, 4), (4, 3), (3, 2)), target_modules=["0", "1", "2"], placement="input")
    target = net((6, 9), (9, 3))
    with pytest.raises(TransferError, match=r"fits 1 of 3 layers \(1: its input side has 9 -> 9, the adapter 4 -> 4"):
        transfer(source, target)
    assert not layers(target)
    report = transfer(source, target, strict=False)
    assert report.matched == ("0",)
    assert report.unmatched["2"] == "the model has no such layer"
    assert "1 of 3 layers matched" in str(report)


def test_what_is_printed_says_whether_it_can_move(tmp_path):
    source, stranger = net((40, 32), (32, 24)), net((40, 32), (32, 24))
    twin, again = copy.deepcopy(source), copy.deepcopy(stranger)
    adapt(source, target_modules=["0", "1"], placement="input", init="random")
    told = str(transfer(source, stranger)).splitlines()
    assert told[0] == "2 of 2 layers matched."
    assert told[1].startswith("Stranger. Advice: train it anew on the target (2 of 2 nothing shared;")
    assert str(transfer(source, twin)).endswith("the same function by construction).")
    folder = save(source, tmp_path)
    remove(stranger)
    assert str(load(stranger, folder, source=source)).splitlines()[1] == told[1]
    assert "the weights are not those it was trained on, nor made from them: foreign" in str(load(again, folder))
    remove(twin)
    assert str(load(twin, folder)) == "2 of 2 layers matched."


def test_printing_a_move_keeps_no_model_alive_and_takes_no_while():
    source = adapt(net((4, 4)), target_modules=["0"])
    report = transfer(source, net((4, 4)))
    assert str(report) == "1 of 1 layers matched."  # the target is gone
    large = adapt(net((2000, 1500)), target_modules=["0"])
    assert "takes a while" in str(transfer(large, other := net((2000, 1500))))
    assert layers(other)


def test_nothing_that_fits_is_an_error_even_when_not_strict():
    source = adapt(net((6, 4)), target_modules=["0"])
    with pytest.raises(TransferError):
        transfer(source, net((5, 4)), strict=False)


def test_layers_that_are_called_otherwise_are_renamed():
    source = adapt(net((6, 4)), target_modules=["0"], init="random")
    target = nn.ModuleDict({"proj": nn.Linear(6, 8)})
    assert transfer(source, target, rename={"0": "proj"}).matched == ("proj",)


def test_a_1x1_convolution_and_a_linear_layer_can_exchange_adapters():
    linear, conv = net((6, 4)), nn.Sequential(nn.Conv2d(6, 5, 1))
    adapt(linear, target_modules=["0"], placement="input", init="random")
    transfer(linear, conv)
    x = torch.randn(2, 6, 3, 3)
    phi = layers(conv)["0"].adapters["default"]["input"]
    mixed = x + phi.scaling * torch.einsum("nchw,cr,rk->nkhw", x, phi.A, phi.B)
    assert_close(conv(x), conv[0].base_layer(mixed))


def test_copies_do_not_follow_the_source():
    source, target = net((6, 4)), net((6, 4))
    adapt(source, target_modules=["0"], init="random")
    transfer(source, target)
    x = torch.randn(3, 6)
    before = target(x)
    for _, p in parameters(source):
        p.data.zero_()
    assert torch.equal(target(x), before)


def test_an_unknown_adapter_name():
    with pytest.raises(UnknownNameError, match="No adapter 'style'"):
        transfer(adapt(net((6, 4)), target_modules=["0"]), net((6, 4)), name="style")


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
    assert gaps["input"] < 1e-10
    assert gaps["output"] < 1e-10
    assert gaps["weight"] > 0.1


def test_what_is_said_of_a_move_does_not_depend_on_what_else_was_imported():
    script = (
        "from torch import nn\n"
        "from ioadapt_theory.adapters import adapt, transfer\n"
        "one, two = (nn.Sequential(nn.Linear(64, 48)) for _ in range(2))\n"
        "adapt(one, target_modules=['0'], placement='input')\n"
        "print(transfer(one, two))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1].startswith("Stranger. Advice: ")
