"""Eq. 5 on both sides: where it is exact, what it loses elsewhere and costs in norm; baking, exact or to a rank."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import adapt, operator
from ioadapt_theory.adapters.base_weights import read_layer
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.moving.bake import bake, change, rounded, truncate
from ioadapt_theory.adapters.moving.convert import Inverse, convert, convert_model, converted_factors
from ioadapt_theory.adapters.moving.transfer import put
from ioadapt_theory.errors import InvalidValueError, ShapeError, UnsupportedError
from tests.adapters.cases import EVERY, KINDS, build, layer, sample


def factors(c: int, d: int, r: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(c, r), torch.randn(r, d)


def test_the_exact_counterexample_to_eq_5_loses_what_it_has_to():
    """c = 3 > d = 2: the residual² is 5/3 of ‖AB‖² = 5."""
    w = torch.tensor([[1.0, 0], [0, 1], [1, 1]])
    a, b = torch.tensor([[0.0], [0], [1]]), torch.tensor([[1.0, 2]])
    _, _, fidelity = converted_factors(a, b, w, "output")
    assert fidelity.lost**2 == pytest.approx(1 / 3, rel=1e-12)
    assert not fidelity.full_rank
    assert converted_factors(a, b, w, "input")[2].lost < 1e-15


@pytest.mark.parametrize(("c", "d"), [(24, 40), (40, 24)])
def test_the_loss_is_that_of_the_built_matrices(c, d, generator):
    u, v = (nn.init.orthogonal_(torch.empty(n, n), generator=generator) for n in (c, d))
    k = min(c, d)
    w = u[:, :k] * torch.logspace(0, -3, k) @ v[:k]
    a, b = factors(c, d, 3)
    pinv = torch.linalg.pinv(w)
    for side, built in (("output", w @ pinv @ a @ b), ("input", a @ b @ pinv @ w)):
        a2, b2, fidelity = converted_factors(a, b, w, side)
        assert_close(w @ (a2 @ b2) if side == "output" else (a2 @ b2) @ w, built, rtol=1e-8, atol=1e-8)
        assert fidelity.full_rank == (side == ("output" if c < d else "input"))
        assert fidelity.lost < 1e-9 or not fidelity.full_rank
        assert fidelity.lost == pytest.approx(float((a @ b - built).norm() / (a @ b).norm()), abs=1e-10)
        assert fidelity.growth == pytest.approx(float((a2 @ b2).norm() / (a @ b).norm()), rel=1e-10)
        assert fidelity.condition == pytest.approx(1000)


def test_the_norm_can_grow_by_one_over_the_smallest_singular_value_and_ridge_and_cutoff_bound_it():
    w = torch.diag(torch.tensor([1.0, 1e-3]))
    a, b = torch.tensor([[0.0], [1]]), torch.tensor([[0.0, 1]])
    assert converted_factors(a, b, w, "output")[2].growth == pytest.approx(1000)
    ridge = converted_factors(a, b, w, "output", Inverse.of(w, ridge=0.1))[2]
    assert ridge.growth == pytest.approx(1e-3 / (1e-6 + 1e-2))
    assert ridge.growth <= 1 / (2 * 0.1)
    cut = converted_factors(a, b, w, "output", Inverse.of(w, cutoff=0.1))[2]
    assert (cut.growth, cut.lost) == (0, 1)
    w, level = torch.randn(5, 9), 0.2
    lam = level * torch.linalg.matrix_norm(w, 2)
    normal = w.T @ torch.linalg.inv(w @ w.T + lam**2 * torch.eye(5))
    assert_close(Inverse.of(w, ridge=level).before(torch.eye(5)), normal)
    assert_close(Inverse.of(w, ridge=level).after(torch.eye(9)), normal)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("placement", ["input", "output"])
def test_a_converted_model_does_the_same_where_the_weight_is_square(placement, biased):
    model, x = nn.Sequential(nn.Linear(6, 6)), torch.randn(4, 6)
    adapt(model, target_modules=["0"], placement="weight", rank=2, alpha=6, init="random")
    if biased:
        model[0].adapters["default"].shift = nn.Parameter(torch.randn(6))
        model[0].activate("default")
    adapters, fidelity = convert_model(model, placement)
    assert fidelity["0"].lost < 1e-10
    other = nn.Sequential(nn.Linear(6, 6))
    other.load_state_dict({f"0.{k}": v for k, v in model[0].base_layer.state_dict().items()})
    put(other, adapters, "default")
    assert_close(other(x), model(x))
    a, b, moved = bake(other[0].adapters["default"], other[0].weight.mT, other[0].bias)  # and back: the same LoRA
    phi = model[0].adapters["default"]["weight"]
    assert_close(a @ b, phi.scaling * phi.A @ phi.B)
    assert_close(moved if biased or placement == "output" else torch.zeros(6), shift_of(model), rtol=1e-9, atol=1e-9)


def shift_of(model: nn.Sequential) -> torch.Tensor:
    shift = model[0].adapters["default"].shift
    return torch.zeros(6) if shift is None else model[0].adapters["default"]["weight"].scaling * shift


@pytest.mark.parametrize("kind", ["linear", "conv1d", "conv2d", "conv3d"])
@pytest.mark.parametrize("placement", ["input", "output", "weight", "input+weight", "output+weight", "input+output"])
def test_baked_into_a_plain_lora_it_does_the_same_on_that_base(placement, kind):
    model, x = build("lora", placement, kind), sample(kind)
    w, bias = operator(layer(model).base_layer).dense(), layer(model).base_layer.bias
    a, b, moved = bake(layer(model).adapters["default"], w, bias)
    plain = KINDS[kind].make()
    plain.load_state_dict(layer(model).base_layer.state_dict())
    plain.weight.data = operator(plain).stored(w + a @ b)
    if moved is not None:
        plain.bias.data += moved
    assert_close(plain(x), model(x))
    parts = len(placement.split("+"))
    taps = w.shape[0] // 6
    rank = 2 * parts if taps == 1 or "input" not in placement else 2 * (parts - 1) + 2 * taps
    assert a.shape[1] == min(rank, *w.shape)  # 36 on a kernel of nine taps to ten outputs were no use


def built(family: str, placement: str, kind: str = "linear") -> Adapter:
    return layer(build(family, placement, kind)).adapters["default"]


W = torch.zeros(6, 10, dtype=torch.float64)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: bake(built("loha", "input"), W), UnsupportedError, "has no exact plain LoRA"),
        (lambda: bake(built("lora", "output"), W[:, :9]), ShapeError, "base weight is 6 x 9"),
        (lambda: bake(built("lora", "weight"), W[:5]), ShapeError, "base weight is 5 x 10"),
        (lambda: change(built("dora", "input"), W[:5]), ShapeError, "base weight is 5 x 10"),
        (lambda: convert(built("dora", "weight"), W, "output"), UnsupportedError, "dora in"),
        (lambda: convert(built("lora", "input+weight"), W, "output"), UnsupportedError, "lora in"),
        (lambda: convert(built("lora", "weight"), W, "weight"), UnsupportedError, "bake"),
        (lambda: convert(built("lora", "weight"), W[:5], "output"), ShapeError, "base weight is 5 x 10"),
        (lambda: convert(built("lora", "weight", "conv2d"), W, "input"), UnsupportedError, "9 taps"),
        (lambda: Inverse.of(W, ridge=1.0), InvalidValueError, "fraction of the largest singular value"),
        (lambda: Inverse.of(W, cutoff=float("nan")), InvalidValueError, "fraction of the largest singular value"),
        (lambda: Inverse.of(W / 0), InvalidValueError, "NaN or infinite"),
    ],
)
def test_what_cannot_be_baked_or_converted_is_refused(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def baked(family, placement, kind, **options):
    """A model, and what is left of its adapter as a LoRA: A, B, Δb, lost."""
    model = build(family, placement, kind)
    base = read_layer(layer(model).base_layer)
    return model, truncate(layer(model).adapters["default"], base.matrix, base.bias, dtype=torch.float64, **options)


@pytest.mark.parametrize(("family", "placement", "kind"), EVERY[::3])
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


def test_a_wrong_bound_is_one_sentence():
    for options, sentence in (
        ({}, "either a rank or a share"),
        ({"rank": 2, "share": 0.5}, "either a rank or a share"),
        ({"rank": 0}, "rank is 0"),
        ({"rank": True}, "rank is True"),
        ({"share": 1.5}, "share is 1.5"),
        ({"share": float("nan")}, "share is nan"),
    ):
        with pytest.raises(InvalidValueError, match=sentence):
            baked("lora", "input", "linear", **options)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)
