"""Eq. 5 for input and output adapters, exact or with an error estimate; baking, exact or at a given rank."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import adapt, operator
from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import read_layer
from ioadapt_theory.errors import InvalidValueError, ShapeError, UnknownNameError, UnsupportedError
from ioadapt_theory.moving.bake import bake, change, truncate
from ioadapt_theory.moving.convert import convert, converted_factors, inverse
from ioadapt_theory.moving.put import put
from tests.adapters.cases import KINDS, build, every, layer, sample


@pytest.mark.parametrize(("c", "d"), [(24, 40), (40, 24)])
def test_the_loss_is_that_of_the_built_matrices(c, d):
    u, v = (nn.init.orthogonal_(torch.empty(n, n)) for n in (c, d))
    k = min(c, d)
    w = u[:, :k] * torch.logspace(0, -3, k) @ v[:k]
    a, b = torch.randn(c, 3), torch.randn(3, d)
    pinv = torch.linalg.pinv(w)
    for side, built in (("output", w @ pinv @ a @ b), ("input", a @ b @ pinv @ w)):
        a2, b2, fidelity = converted_factors(a, b, w, side)
        assert_close(w @ (a2 @ b2) if side == "output" else (a2 @ b2) @ w, built, rtol=1e-8, atol=1e-8)
        assert (fidelity.lost < 1e-9) == (side == ("output" if c < d else "input"))
        assert fidelity.lost == pytest.approx(float((a @ b - built).norm() / (a @ b).norm()), abs=1e-10)
        assert fidelity.growth == pytest.approx(float((a2 @ b2).norm() / (a @ b).norm()), rel=1e-10)
        assert fidelity.condition == pytest.approx(1000)


def test_the_norm_can_grow_by_one_over_the_smallest_singular_value_and_ridge_bounds_it():
    w = torch.diag(torch.tensor([1.0, 1e-3]))
    a, b = torch.tensor([[0.0], [1]]), torch.tensor([[0.0, 1]])
    assert converted_factors(a, b, w, "output")[2].growth == pytest.approx(1000)
    ridge = converted_factors(a, b, w, "output", 0.1)[2]
    assert ridge.growth == pytest.approx(1e-3 / (1e-6 + 1e-2))
    assert ridge.growth <= 1 / (2 * 0.1)
    w, level = torch.randn(5, 9), 0.2
    lam = level * torch.linalg.matrix_norm(w, 2)
    assert_close(inverse(w, level)[0], w.T @ torch.linalg.inv(w @ w.T + lam**2 * torch.eye(5)))


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("placement", ["input", "output"])
def test_a_converted_model_does_the_same_where_the_weight_is_square(placement, biased):
    model, x = nn.Sequential(nn.Linear(6, 6)), torch.randn(4, 6)
    adapt(model, target_modules=["0"], placement="weight", rank=2, alpha=6, init="random")
    if biased:
        model[0].adapters["default"].shift = nn.Parameter(torch.randn(6))
        model[0].activate("default")
    base = model[0].base_layer
    converted, fidelity = convert(model[0].adapters["default"], base.weight.mT, placement, base.bias)
    assert fidelity.lost < 1e-10
    other = nn.Sequential(nn.Linear(6, 6))
    other.load_state_dict({f"0.{k}": v for k, v in base.state_dict().items()})
    put(other, {"0": converted}, "default")
    assert_close(other(x), model(x))
    a, b, moved = bake(other[0].adapters["default"], other[0].weight.mT, other[0].bias)  # converted back: the same LoRA
    phi = model[0].adapters["default"]["weight"]
    assert_close(a @ b, phi.scaling * phi.A @ phi.B)
    shift = phi.scaling * model[0].adapters["default"].shift if biased else torch.zeros(6)
    assert_close(moved if biased or placement == "output" else torch.zeros(6), shift, rtol=1e-9, atol=1e-9)


@every
def test_baked_into_a_plain_lora_it_does_the_same_on_that_base(family, placement, kind):
    model, x = build(family, placement, kind), sample(kind)
    expected, plain, adapter = model(x), layer(model).base_layer, layer(model).adapters["default"]
    f = operator(plain)
    a, b, moved, lost = truncate(adapter, f.dense(), plain.bias, share=1.0, dtype=torch.float64)
    if family == "lora":
        parts, taps = len(placement.split("+")), f.rows // 6
        a, b, moved = bake(adapter, f.dense(), plain.bias)
        rank = 2 * parts if taps == 1 or "input" not in placement else 2 * (parts - 1) + 2 * taps
        assert a.shape[1] == min(rank, f.rows, f.columns) or KINDS[kind].grouped
    plain.weight = nn.Parameter(f.stored(f.dense() + a @ b))
    if moved is not None:
        plain.bias = nn.Parameter(plain.bias + moved)
    assert_close(plain(x), expected)
    assert lost < 1e-12
    assert ("output" in placement) == (moved is not None)


def built(family: str, placement: str, kind: str = "linear") -> Adapter:
    return layer(build(family, placement, kind)).adapters["default"]


W = torch.zeros(6, 10, dtype=torch.float64)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: bake(built("loha", "input"), W), UnsupportedError, "cannot be written exactly as a plain LoRA"),
        (lambda: bake(built("lora", "output"), W[:, :9]), ShapeError, r"base weight has shape \[6, 9\]"),
        (lambda: bake(built("lora", "weight"), W[:5]), ShapeError, r"base weight has shape \[5, 10\]"),
        (lambda: change(built("dora", "input"), W[:5]), ShapeError, r"base weight has shape \[5, 10\]"),
        (lambda: convert(built("dora", "weight"), W, "output"), UnsupportedError, "dora adapter in"),
        (lambda: convert(built("lora", "input+weight"), W, "output"), UnsupportedError, "lora adapter in"),
        (lambda: convert(built("lora", "weight"), W, "weight"), UnsupportedError, "bake"),
        (lambda: convert(built("lora", "weight"), W, "inpt"), UnknownNameError, "Did you mean 'input'"),
        (lambda: convert(built("lora", "weight"), W[:5], "output"), ShapeError, r"base weight has shape \[5, 10\]"),
        (lambda: convert(built("lora", "weight", "conv2d"), W, "input"), UnsupportedError, "9 taps"),
        (lambda: inverse(W, 1.0), InvalidValueError, "fraction of the largest singular value"),
        (lambda: inverse(W / 0), InvalidValueError, "NaN or infinity"),
        (lambda: truncate(built("lora", "input"), W, rank=2, share=0.5), InvalidValueError, "either a rank or a share"),
        (lambda: truncate(built("lora", "input"), W, rank=0), InvalidValueError, "rank must be"),
        (lambda: truncate(built("lora", "input"), W, share=float("nan")), InvalidValueError, "share must be"),
    ],
)
def test_what_cannot_be_baked_or_converted_is_refused(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


@pytest.mark.parametrize("family", ["dora", "loha", "full"])
def test_what_is_lost_is_the_tail_of_the_singular_values_and_a_share_takes_the_least_rank_that_keeps_it(family):
    model = build(family, "weight", "linear")
    base, adapter = read_layer(layer(model).base_layer), layer(model).adapters["default"]
    d, _ = change(adapter, base.matrix, base.bias)
    s = torch.linalg.svdvals(d)
    for rank in range(1, len(s) + 1):
        a, b, _, lost = truncate(adapter, base.matrix, base.bias, rank=rank, dtype=torch.float64)
        assert lost == pytest.approx(float((d - a @ b).norm() / d.norm()), abs=1e-12)
        assert lost == pytest.approx(float(s[rank:].norm() / s.norm()), abs=1e-12)
    for share in (0.5, 0.9, 0.99):
        r = truncate(adapter, base.matrix, base.bias, share=share)[0].shape[1]
        assert s[:r].norm() >= share * s.norm() > s[: r - 1].norm()


def test_the_loss_is_that_of_the_numbers_as_stored():
    model = build("lora", "input", "linear")
    base = read_layer(layer(model).base_layer)
    adapter = layer(model).adapters["default"]
    for dtype, limit in ((torch.bfloat16, 1e-3), (torch.float32, 1e-9)):
        a, b, _, lost = truncate(adapter, base.matrix, base.bias, dtype=dtype)
        assert a.dtype is b.dtype is dtype
        d, _ = change(adapter, base.matrix, base.bias)
        assert lost == pytest.approx(float((d - a.double() @ b.double()).norm() / d.norm()), rel=1e-6)
        assert lost > limit
    assert truncate(adapter, base.matrix, base.bias, dtype=torch.float64)[3] < 1e-14
