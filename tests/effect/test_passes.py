import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ioadapt_theory.effect import Compared, Goal, record, undisturbed, whole
from ioadapt_theory.effect.passes import cotangents
from ioadapt_theory.errors import InvalidValueError, UnsupportedError
from tests.effect.nets import Tokens, effects, mlp

X = torch.randn(5, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def linears(model: nn.Module) -> dict[str, nn.Module]:
    return {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear)}


def by_autograd(model: nn.Module, x: torch.Tensor, direction: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the gradients with respect to the outputs of the layers, from hooks that add a zero to each output."""
    shifts, handles = {}, []
    for name, module in linears(model).items():
        shifts[name] = torch.zeros(len(x), module.out_features, requires_grad=True)
        handles.append(module.register_forward_hook(lambda _m, _a, y, s=shifts[name]: y + s))
    (model(x) * direction).sum().backward()
    for handle in handles:
        handle.remove()
    return {name: shift.grad for name, shift in shifts.items()}


@pytest.mark.parametrize("trainable", ["all", "none", "one"])
def test_every_layer_has_its_reader_and_writer_whatever_is_frozen_and_changed_in_place(trainable):
    model = mlp(0)
    for name, p in model.named_parameters():
        p.requires_grad_(trainable == "all" or (trainable == "one" and name == "2.weight"))
    recorded = record(model, linears(model), X, directions=cotangents(2, 7))
    second = cotangents(2, 7)(recorded.output)[1]
    for name, g in by_autograd(copy.deepcopy(model), X, second).items():
        rows, module = recorded.rows[name], model[int(name)]
        torch.testing.assert_close(rows.writer("weight")[1, :, 0], g)
        torch.testing.assert_close(rows.writer("output")[1, :, 0], g)
        torch.testing.assert_close(rows.writer("input")[1, :, 0], g @ module.weight)
        z = rows.reader("input")[:, 0]
        torch.testing.assert_close(rows.reader("output")[:, 0], z @ module.weight.mT + module.bias)  # before the ReLU


def test_models_that_draw_or_drop_are_seen_alike():
    class Noisy(nn.Linear):
        def forward(self, x):
            return super().forward(nn.functional.dropout(x, 0.5, self.training) + torch.randn_like(x))

    model = nn.Sequential(Noisy(6, 4)).train()
    one, two = (record(model, {"0": model[0]}, X, seed=3) for _ in range(2))
    assert torch.equal(one.output, two.output)


class Checkpointed(nn.Module):
    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.first, self.second, self.reentrant = nn.Linear(6, 9), nn.Linear(9, 4), reentrant

    def inner(self, x):
        return self.second(self.first(x).relu())

    def forward(self, x):
        return checkpoint(self.inner, x, use_reentrant=self.reentrant)


def test_a_recomputation_in_the_backward_pass_is_not_another_call():
    model = Checkpointed(reentrant=False)
    rows = record(model, linears(model), X).rows
    assert rows["first"].reader("weight").shape == (5, 1, 6)
    assert rows["first"].writer("weight").shape == (1, 5, 1, 9)
    direction = cotangents(1, 0)(model(X))[0]
    torch.testing.assert_close(rows["first"].writer("weight")[0, :, 0], by_autograd(model, X, direction)["first"])


@pytest.mark.filterwarnings("ignore")
def test_layers_without_gradients_are_refused():
    with pytest.raises(UnsupportedError, match="Layer first runs without gradients"):
        record(model := Checkpointed(reentrant=True), linears(model), X)


def test_calls_of_one_module_follow_one_another_with_their_own_gradients():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, x):
            return self.layer(self.layer(x).tanh())

    model = Twice()
    rows = record(model, {"layer": model.layer}, X, seed=1).rows["layer"]
    direction = cotangents(1, 1)(model(X))[0]
    torch.testing.assert_close(rows.writer("weight")[0, :, 1], direction)
    slope = 1 - model.layer(X).tanh() ** 2
    torch.testing.assert_close(rows.writer("weight")[0, :, 0], direction @ model.layer.weight * slope)
    assert torch.equal(rows.reader("weight")[:, 0], X)


def test_layers_without_calls_or_gradients_write_nothing():
    model = nn.ModuleDict({"used": nn.Linear(6, 4), "beside": nn.Linear(6, 2), "never": nn.Linear(6, 2)})
    model.forward = lambda x: (model["used"](x), model["beside"](x))
    recorded = record(model, dict(model.named_children()), X, call=lambda model, x: model(x)[0])
    assert "never" not in recorded.rows
    assert not recorded.rows["beside"].writer("weight").any()


def test_padding_reaches_no_output_and_no_gradient():
    model, x, mask = Tokens(nn.Linear(6, 9), nn.Linear(9, 4)).double(), X[:4, None].repeat(1, 3, 1), torch.ones(4, 3)
    mask[1:, 2] = 0
    recorded = record(model, linears(model), {"x": x, "attention_mask": mask})
    assert torch.equal(recorded.output.any(-1), mask.bool())
    assert torch.equal(recorded.rows["0"].writer("weight")[0].any(-1), mask.bool())
    assert not Goal(recorded.output, recorded.output, -recorded.output, "change").sums(-recorded.output).agreeing.any()


@pytest.mark.parametrize(
    ("dims", "mode", "groups"), [(1, "zeros", 1), (2, "circular", 1), (3, "zeros", 1), (2, "zeros", 2)]
)
def test_what_a_convolution_reads_times_its_kernel_is_the_convolution(dims, mode, groups):
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
    conv = kind(2, 6, 3, stride=2, padding=1, dilation=1 + (dims > 1), padding_mode=mode, groups=groups, bias=False)
    x = torch.randn(3, 2, *[7, 6, 8][:dims])
    rows = record(conv, {"": conv}, x).rows[""]
    kernel, g = conv.weight.flatten(1).mT.detach(), cotangents(1, 0)(conv(x))[0]
    along = effects(*rows.both("weight"), kernel, torch.eye(6))[0]
    torch.testing.assert_close(along, (g * conv(x)).flatten(1).sum(1).detach())


@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_compared_is_one_sentence():
    quantised = nn.Sequential(nn.Linear(6, 8), torch.ao.nn.quantized.dynamic.Linear(8, 4)).float()
    with pytest.raises(UnsupportedError, match="int8"):
        record(quantised, {"0": quantised[0]}, X.float())
    with pytest.raises(
        InvalidValueError, match=r"Sequential fails on the inputs .*function that runs the model on them"
    ):
        record(mlp(0), {}, torch.randn(5, 3))
    with pytest.raises(InvalidValueError, match=r"missing the required .forward. function"):  # not "int8"
        record(nn.ModuleList([mlp(0)]), {}, X)
    with pytest.raises(InvalidValueError, match="QuantizedCache"):  # a name, not a backend
        record(mlp(0), {}, X, call=lambda model, batch: model.QuantizedCache)
    broken = mlp(0)
    broken[4].bias.data[0] = float("nan")
    with pytest.raises(InvalidValueError, match="NaN or infinity"):
        record(broken, linears(broken), X)
    with pytest.raises(InvalidValueError, match="different shapes"):
        Compared.of(mlp(0), nn.Sequential(nn.Linear(6, 3)), whole(X)[0])


class Counting(nn.Linear):
    def __init__(self) -> None:
        super().__init__(6, 4)
        self.register_buffer("seen", torch.zeros(1))
        self.register_buffer("last", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += 1
        self.last = x.mean()[None]
        return super().forward(x)


def test_buffers_that_a_forward_pass_changes_are_restored():
    model = Counting()
    seen, last = model.seen, model.last
    record(model, {"": model}, X)
    assert model.seen is seen
    assert model.last is last
    assert not seen.any()
    assert not last.any()


def test_half_precision_models_run_in_float32_only_if_asked_and_come_back_bit_by_bit():
    model = mlp(0).bfloat16()
    before, tied = copy.deepcopy(model.state_dict()), nn.Parameter(model[0].weight.data)
    model.register_parameter("tied", tied)
    assert record(model, linears(model), X).output.dtype == torch.bfloat16
    with undisturbed(model, precise=True):
        assert record(model, linears(model), X).output.dtype == torch.float32
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in before.items())
    assert model.tied.data_ptr() == model[0].weight.data_ptr()


def test_layers_that_read_the_same_tensor_share_one_copy():
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.after = nn.Linear(6, 4), nn.Linear(6, 4), nn.Linear(6, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x.clone()
            y = self.q(x) + self.k(x)
            x += 1  # in place: another tensor for the third layer
            return y + self.after(x)

    model = Attention()
    rows = record(model, linears(model), X).rows
    q, k, after = (rows[name].calls[0][0] for name in ("q", "k", "after"))
    assert q is k
    torch.testing.assert_close(after, q + 1)


class Blocks(nn.Module):
    """Layers behind normalisations without an offset: a zero stays zero, and its gradient grows in each block."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(6, 6, bias=False) for _ in range(60))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = x + layer(nn.functional.rms_norm(x, (6,), eps=1e-6))
        return x


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_position_that_reads_nothing_has_no_gradient_however_large(dtype):
    model, x = Blocks().to(dtype), torch.randn(4, 3, 6)
    x[1, 0] = 0  # a pad token, whose embedding is 0, at the start of a row
    rows = record(model, {"first": model.layers[0]}, x).rows["first"]
    assert not bool(torch.stack(rows.calls[0][2]).isfinite().all())  # 10^3 in each of 60 blocks
    for side in ("weight", "input", "output"):
        g = rows.writer(side)
        assert g.isfinite().all()
        assert not g[0, 1, 0].any()
        assert g[0, 1, 1].any()
    with pytest.raises(InvalidValueError, match="gradients of a layer contain NaN or infinity"):
        rows.writer("bias")


def test_the_mask_of_the_decoder_is_that_of_its_outputs():
    mask = torch.ones(5, 3)
    mask[:, 2] = 0
    batch = {"x": X[:5, None].repeat(1, 3, 1), "attention_mask": mask}
    call = lambda model, batch: model[0](batch["x"])  # noqa: E731
    model = nn.Sequential(nn.Linear(6, 4))
    labels = {"labels": torch.ones(5, 3)}
    for decodes, more, padded in (
        (None, {}, True),
        (None, {"decoder_input_ids": torch.ones(5, 3)}, False),
        (True, labels, False),
        (False, labels, True),
    ):
        if decodes is not None:
            model.config = SimpleNamespace(is_encoder_decoder=decodes)
        output = record(model, {}, batch | more, call=call).output
        assert output[:, 2].any() != padded


def test_a_half_precision_model_whose_weights_are_loaded_for_each_call_is_recorded():
    accelerate = pytest.importorskip("accelerate")
    model = mlp(0).bfloat16()
    plain = record(model, linears(model), X)
    accelerate.cpu_offload(model, execution_device="cpu")
    assert model[0].weight.is_meta
    for precise in (False, True):
        with undisturbed(model, precise=precise):
            offloaded = record(model, linears(model), X)
        torch.testing.assert_close(offloaded.output, plain.output)
        for side in ("weight", "input", "output"):
            torch.testing.assert_close(offloaded.rows["2"].writer(side), plain.rows["2"].writer(side))


def test_cotangents_have_the_fisher_metric_and_are_the_same_for_both_models():
    p = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    draw = cotangents(1, 3, lambda _: p.expand(40_000, 3))
    (g,), (again,) = draw(torch.zeros(40_000, 3, dtype=torch.float64)), draw(torch.ones(40_000, 3))
    torch.testing.assert_close(g.mT @ g / len(g), p.diag() - torch.outer(p, p), atol=0.01, rtol=0)
    assert torch.equal(again, g)
