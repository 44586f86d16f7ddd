import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.testing import assert_close
from transformers.pytorch_utils import Conv1D

from ioadapt_theory.adapters import FAMILIES, AdaptedLayer, Placement, adapt, merge, parameters, remove
from ioadapt_theory.errors import InvalidValueError, UnsupportedError
from ioadapt_theory.moving import transfer
from tests.adapters.cases import C, D, build, every_single, families, layer, sample, single

HALVES = [torch.float16, torch.bfloat16]
DORA = ("dora", "weight")


def two() -> nn.Sequential:
    return nn.Sequential(nn.Linear(C, D), nn.Linear(D, C))


def on(base: nn.Module, **options: object) -> nn.Sequential:
    return adapt(
        nn.Sequential(base), target_modules="0", **{"placement": "input", "rank": 2, "init": "random", **options}
    )


# dtypes and layouts


@families
@single
@pytest.mark.parametrize("half", HALVES)
def test_under_a_half_precision_base_the_adapter_is_float32_unless_asked_and_within_rounding(family, placement, half):
    for asked, expected in ((half, half), (None, torch.float32)):
        model = on(nn.Linear(C, D, dtype=half), family=family, placement=placement, dtype=asked)
        assert {p.dtype for _, p in parameters(model)} == {expected}
        x = torch.randn(50, C, dtype=half)
        y = model(x)
        assert y.dtype == half
        y.sum().backward()
        assert all(p.grad is not None and p.grad.dtype == expected for _, p in parameters(model))
    exact = model.double()(x.double())
    assert (y.double() - exact).abs().max() <= 4 * torch.finfo(half).eps * exact.abs().max()


@families
@single
def test_a_merged_convolution_keeps_its_memory_format(family, placement):
    model = on(nn.Conv2d(C, D, 3).to(memory_format=torch.channels_last), family=family, placement=placement)
    x = torch.randn(2, C, 5, 5)
    expected = model(x)
    merge(model)
    assert layer(model).base_layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert_close(model(x), expected)


# foreign base layers


class Quantised(nn.Module):
    """A layer like those of quantisation libraries, whose weight is int8 with a scale per output."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.step = nn.Buffer(linear.weight.detach().abs().amax(1, keepdim=True) / 127)
        self.weight = nn.Parameter((linear.weight.detach() / self.step).round().to(torch.int8), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ (self.weight * self.step).T


@pytest.mark.parametrize(("family", "placement"), [(f, p) for f in FAMILIES for p in Placement if (f, p) != DORA])
def test_a_quantised_layer_is_adapted_but_by_dora_on_its_weight_and_merging_it_is_a_clear_error(family, placement):
    base, x = Quantised(nn.Linear(C, D)), torch.randn(3, C)
    before = base(x)
    model = on(base, family=family, placement=placement, init="default")
    assert torch.equal(model(x), before)
    for _, p in parameters(model):
        p.data.add_(0.1)
    y = model(x)
    assert not torch.allclose(y, before)
    y.sum().backward()
    with pytest.raises(UnsupportedError, match="0: The weight of this Quantised is not a plain matrix"):
        merge(model)
    assert torch.equal(model(x), y)


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_a_parametrised_layer_is_called_and_not_overwritten(wrap):
    base, x = wrap(nn.Linear(C, D)).eval(), torch.randn(3, C)
    before = base(x)
    model = on(base, placement="output", init="default")
    assert_close(model(x), before)
    with pytest.raises(UnsupportedError, match="is not a plain matrix"):
        merge(model)


@families
@single
def test_gpt2s_conv1d_stores_w_as_the_paper_writes_it(family, placement):
    base, x = Conv1D(D, C), torch.randn(3, C)
    nn.init.normal_(base.bias)
    model = on(base, family=family, placement=placement)
    adapted = model(x)
    merge(model)
    assert model[0].weight.shape == (C, D)
    assert_close(model(x), adapted)


def test_a_layer_and_what_is_inside_it_are_not_both_adapted():
    model = nn.Sequential(nn.Linear(C, D))
    model[0].inner = nn.Linear(C, D)
    with pytest.raises(
        InvalidValueError, match="0: This Linear contains layers that also have or would get adapters; leave out"
    ):
        adapt(model, target_modules="all-linear", placement="input")
    adapt(model, target_modules=["inner"], placement="input")
    with pytest.raises(InvalidValueError, match="0: This Linear contains layers that also have"):
        adapt(model, target_modules=["0"], placement="input", name="outer")
    remove(model)
    adapt(model, target_modules=["0"], placement="input")
    assert isinstance(model[0], AdaptedLayer)


class Deaf(nn.Linear):
    """A layer that passes no gradient to its input, like dynamic int8 layers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.detach())


@families
def test_a_layer_that_gives_no_gradient_says_so(family):
    model = on(Deaf(C, D), family=family, placement="input")
    with pytest.warns(UserWarning, match=r"This Deaf passes no gradient to its input.*use placement='output'"):
        model(torch.randn(3, C))
    with torch.no_grad():
        model(torch.randn(3, C))


@pytest.mark.parametrize(
    ("module", "sentence", "options"),
    [
        (nn.Conv2d(4, 8, 3, groups=2), "A convolution with groups=2 .*input adapter.*weight placement", {}),
        (nn.Conv2d(4, 8, 3, groups=2), "A convolution with groups=2 cannot have an output", {"placement": "output"}),
        (nn.ConvTranspose2d(4, 8, 3), "A transposed convolution", {}),
        (nn.Embedding(5, 4), "Embedding cannot be adapted", {}),
        (nn.LazyLinear(4), "A LazyLinear has no sizes before its first call", {}),
        (nn.Linear(C, D, dtype=torch.complex64), "The weight of this Linear is complex, but .* real weights", {}),
    ],
)
def test_layers_that_cannot_be_adapted_are_one_sentence(module, sentence, options):
    with pytest.raises(UnsupportedError, match=f"^0: {sentence}"):
        on(module, **options)


# tools


@families
@single
def test_compile_takes_the_whole_layer_as_one_graph(family, placement):
    torch.compiler.reset()
    model, x = build(family, placement, "linear"), sample("linear")
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert_close(compiled(x), model(x))
    ours = torch.autograd.grad(model(x).square().sum(), [p for _, p in parameters(model)])
    theirs = torch.autograd.grad(compiled(x).square().sum(), [p for _, p in parameters(model)])
    assert_close(theirs, ours)


@families
@single
@pytest.mark.parametrize("shape", [(7, C), (3, 5, C)], ids=str)
def test_export_takes_batches_of_any_size(family, placement, shape):
    torch.compiler.reset()
    model = build(family, placement, "linear").eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(model, (torch.randn(shape),), dynamic_shapes=({0: batch},)).module()
    for rows in (2, 300):
        x = torch.randn(rows, *shape[1:])
        assert_close(exported(x), model(x))


def replica(model: nn.Module) -> nn.Module:
    """Return a replica as torch.nn.parallel.replicate makes it: its weights are attributes, not parameters."""
    copies = {module: module._replicate_for_data_parallel() for module in model.modules()}
    for module, copy in copies.items():
        copy._former_parameters = {}
        for key, child in module._modules.items():
            setattr(copy, key, copies[child])
        for key, p in module._parameters.items():
            value = p * 1
            setattr(copy, key, value)
            copy._former_parameters[key] = value
    return copies[model]


@every_single
def test_a_replica_of_dataparallel_computes_the_same_and_trains_the_original(family, placement, kind):
    model, x = build(family, placement, kind), sample(kind)
    trained = [p for _, p in parameters(model)]
    ours, theirs = replica(model)(x), model(x)
    assert_close(ours, theirs)
    assert_close(*(torch.autograd.grad(y.square().sum(), trained) for y in (ours, theirs)))


def test_an_offloaded_layer_is_adapted_on_its_execution_device_and_not_merged():
    accelerate = pytest.importorskip("accelerate")
    model, whole, x = two(), two(), torch.randn(3, C)
    whole.load_state_dict(model.state_dict())
    accelerate.cpu_offload(model, execution_device="cpu")
    adapt(model, target_modules=["0", "1"], placement="output", init="random")
    transfer(model, whole)
    assert_close(model(x), whole(x))
    for attempt in (
        lambda: merge(model),
        lambda: adapt(model, name="b", target_modules=["0"], family="dora", placement="weight"),
    ):
        with pytest.raises(UnsupportedError, match="0: The weight of this Linear is not a plain matrix"):
            attempt()


def test_nothing_is_merged_into_weights_that_are_not_loaded():
    source, x = build("lora", "input", "linear"), sample("linear")
    model = on(nn.Linear(C, D, device="meta"), alpha=3)
    with pytest.raises(InvalidValueError, match=r"^0: The layer's weight is on the meta device"):
        merge(model)
    model.load_state_dict(source.state_dict(), assign=True)
    assert_close(merge(model)(x), source(x))


def test_the_state_of_a_merged_model_would_hold_the_adapter_twice_and_is_refused():
    model = build("lora", "input", "linear")
    state = model.state_dict()
    merge(model)
    with pytest.raises(InvalidValueError, match=r"call unmerge\(model\) before calling state_dict"):
        model.state_dict()
    with pytest.raises(InvalidValueError, match=r"call unmerge\(model\) before loading a state_dict"):
        model.load_state_dict(state)
    assert merge(model, unload=True).state_dict().keys() == {"0.weight", "0.bias"}


@single
def test_the_fast_paths_of_torchs_encoder_do_not_bypass_the_adapter_and_come_back_without_it(placement):
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0), 2).eval()
    x, linear = torch.randn(2, 5, 8), encoder.layers[0].linear1
    adapt(encoder, target_modules=["layers.0.linear1"], placement=placement, init="random")
    with torch.no_grad():
        fast = encoder(x)
    assert_close(fast, encoder(x))
    assert not encoder.use_nested_tensor
    assert [part.activation_relu_or_gelu for part in encoder.layers] == [0, 1]
    remove(encoder)
    assert encoder.use_nested_tensor
    assert [part.activation_relu_or_gelu for part in encoder.layers] == [1, 1]
    assert encoder.layers[0].linear1 is linear
