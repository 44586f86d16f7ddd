"""Any adapter as the nearest plain LoRA of a rank: what is lost is what is said, and no LoRA of the rank is nearer."""

import pytest
import torch
from torch.testing import assert_close

from ioadapt_theory.adapters import operator
from ioadapt_theory.adapters.base_weights import read_layer
from ioadapt_theory.adapters.moving.truncate import change, rounded, truncate
from ioadapt_theory.errors import InvalidValueError, ShapeError
from tests.adapters.cases import build, every, layer, sample


def baked(family, placement, kind, **options):
    """A model, and what is left of its adapter as a LoRA: A, B, Δb, lost."""
    model = build(family, placement, kind)
    base = read_layer(layer(model).base_layer)
    return model, truncate(layer(model).adapters["default"], base.matrix, base.bias, dtype=torch.float64, **options)


@every
def test_at_full_rank_it_is_the_adapter_itself_bias_included(family, placement, kind):
    model, (a, b, moved, lost) = baked(family, placement, kind, share=1.0)
    plain, x = layer(model).base_layer, sample(kind)
    expected = model(x)
    f = operator(plain)
    plain.weight = torch.nn.Parameter(f.stored(f.dense() + a @ b))
    if moved is not None:
        plain.bias = torch.nn.Parameter(plain.bias + moved)
    assert_close(plain(x), expected)
    assert lost < 1e-12
    assert ("output" in placement) == (moved is not None)


@pytest.mark.parametrize("family", ["dora", "loha", "full"])
def test_what_is_lost_is_the_tail_of_the_singular_values_and_falls_with_the_rank(family):
    model, _ = baked(family, "weight", "linear", rank=1)
    base = read_layer(layer(model).base_layer)
    adapter = layer(model).adapters["default"]
    d, _ = change(adapter, base.matrix, base.bias)
    s = torch.linalg.svdvals(d)
    losses = []
    for rank in range(1, len(s) + 1):
        a, b, _, lost = truncate(adapter, base.matrix, base.bias, rank=rank, dtype=torch.float64)
        assert a.shape[1] <= rank
        assert lost == pytest.approx(float((d - a @ b).norm() / d.norm()), abs=1e-12)
        assert lost == pytest.approx(float(s[rank:].norm() / s.norm()), abs=1e-12)
        losses.append(lost)
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 0.05


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_share_of_the_norm_takes_the_least_rank_that_keeps_it(share):
    model, (a, b, _, _) = baked("full", "weight", "linear", share=share)
    base = read_layer(layer(model).base_layer)
    d, _ = change(layer(model).adapters["default"], base.matrix)
    assert (a @ b).norm() >= share * d.norm() * (1 - 1e-12)
    r = a.shape[1] - 1
    assert torch.linalg.svdvals(d)[:r].norm() < share * d.norm()


def test_the_loss_is_that_of_the_numbers_as_stored():
    model = build("lora", "input", "linear")
    base = read_layer(layer(model).base_layer)
    adapter = layer(model).adapters["default"]
    for dtype, limit in ((torch.bfloat16, 1e-3), (torch.float32, 1e-9)):
        a, b, _, lost = rounded(adapter, base.matrix, base.bias, dtype)
        assert a.dtype is b.dtype is dtype
        d, _ = change(adapter, base.matrix, base.bias)
        assert lost == pytest.approx(float((d - a.double() @ b.double()).norm() / d.norm()), rel=1e-6)
        assert lost > limit
    assert rounded(adapter, base.matrix, base.bias, torch.float64)[3] < 1e-14


def test_a_change_that_is_none_loses_nothing():
    model = build("dora", "weight", "linear", init="default")
    base = read_layer(layer(model).base_layer)
    a, _, _, lost = truncate(layer(model).adapters["default"], base.matrix, rank=4)
    assert (a.shape[1], lost) == (1, 0.0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "one of the two"),
        ({"rank": 2, "share": 0.5}, "one of the two"),
        ({"rank": 0}, "rank is 0"),
        ({"rank": True}, "rank is True"),
        ({"share": 0.0}, "share is 0.0"),
        ({"share": 1.5}, "share is 1.5"),
        ({"share": float("nan")}, "share is nan"),
    ],
)
def test_a_wrong_bound_is_one_sentence(options, sentence):
    with pytest.raises(InvalidValueError, match=sentence):
        baked("lora", "input", "linear", **options)


@pytest.mark.parametrize("placement", ["input", "output", "weight"])
def test_another_base_is_one_sentence(placement):
    model = build("dora", placement, "linear")
    with pytest.raises(ShapeError, match="the base weight is 7 x 9"):
        truncate(layer(model).adapters["default"], torch.randn(7, 9), rank=1)
