"""Copying, combining and hot-swapping adapters either succeeds completely or changes nothing."""

import copy

import pytest
from torch import nn

from ioadapt_theory import adapt, layers, load, save, transfer
from ioadapt_theory.errors import InvalidValueError, UnknownNameError
from ioadapt_theory.moving import TransferError


def net(*sizes: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(c, d) for c, d in sizes))


@pytest.mark.parametrize(
    ("placement", "fitting", "unfitting"),
    [("input", (6, 9), (5, 4)), ("output", (7, 4), (6, 5)), ("weight", (6, 4), (6, 5))],
)
def test_the_side_that_matters(placement, fitting, unfitting):
    source = adapt(net((6, 4)), target_modules=["0"], placement=placement)
    assert transfer(source, net(fitting)).matched == ("0",)
    for strict in (True, False):
        with pytest.raises(TransferError, match=f"0: the {placement} adapter has size"):
            transfer(source, net(unfitting), strict=strict)


def test_a_report_says_what_matched_how_and_why_the_rest_did_not(tmp_path):
    source = adapt(net((6, 4), (4, 3), (3, 2)), target_modules=["0", "1", "2"], placement="input")
    target = net((6, 9), (9, 3))
    with pytest.raises(
        TransferError, match=r"fits 1 of 3 layers \(1: the input adapter has size 4 -> 4, but the layer needs 9 -> 9"
    ):
        transfer(source, target)
    assert not layers(target)
    report = transfer(source, target, strict=False)
    assert report.unmatched["2"] == "the model has no layer of this name"
    assert str(report).splitlines()[0] == "1 of 3 layers matched: 1 by name without evidence."
    for options, sentence in (
        ({"name": "style"}, "Unknown adapter 'style'"),
        ({"match": "origin"}, "auto, depth, effect, name, proven"),
        ({"match": "effect"}, "match='effect' works only in transfer with inputs="),
    ):
        with pytest.raises((UnknownNameError, InvalidValueError), match=sentence):
            transfer(source, target, **options)
    base = net((40, 32), (32, 24), (24, 20))
    source, half = copy.deepcopy(base), copy.deepcopy(base)
    half[1] = nn.Linear(32, 24)
    adapt(source, target_modules=["0", "1", "2"], placement="input", init="random")
    save(source, tmp_path)
    for way in (lambda m: transfer(source, m), lambda m: load(m, tmp_path, source=source)):
        assert str(way(copy.deepcopy(base))) == "3 of 3 layers matched."
        told = "3 of 3 layers matched: 2 by name and evidence; 1 by name without evidence.\n  by name without evidence"
        assert str(way(copy.deepcopy(half))) == f"{told}: 1"


def test_layers_that_are_called_otherwise_are_renamed():
    source = adapt(net((6, 4)), target_modules=["0"], placement="input", init="random")
    target = nn.ModuleDict({"proj": nn.Linear(6, 8)})
    for wrong, sentence in (({"7": "proj"}, "'7', but the source"), ({"0": "no"}, "'no', but the target"), ("0", "")):
        with pytest.raises(InvalidValueError, match=f"rename (contains {sentence}|must be a mapping)"):
            transfer(source, target, rename=wrong)
    report = transfer(source, target, rename={"0": "proj"})
    assert (report.matched, report.unproven, dict(report.sources)) == (("proj",), (), {"proj": "0"})
