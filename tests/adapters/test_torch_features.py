"""What users of torch expect to work: dtypes, autocast, compile, checkpointing, hooks, foreign base layers."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.testing import assert_close

from ioadapt_theory.adapters import FAMILIES, Placement, adapt, merge, operator, parameters, unload
from ioadapt_theory.errors import UnsupportedError
from tests.adapters.cases import build, every_single, layer, sample

HALVES = [torch.float16, torch.bfloat16]
SIDES = ["input", "output"]
single = pytest.mark.parametrize("placement", list(Placement))
families = pytest.mark.parametrize("family", FAMILIES)


@families
@single
@pytest.mark.parametrize("half", HALVES)
def test_the_adapter_is_float32_under_a_half_precision_base_unless_asked(family, placement, half):
    for asked, expected in ((None, torch.float32), (half, half)):
        model = nn.Sequential(nn.Linear(6, 10, dtype=half))
        adapt(model, target_modules=["0"], family=family, placement=placement, rank=2, dtype=asked, init="random")
        assert {p.dtype for _, p in parameters(model)} == {expected}
        out = model(torch.randn(4, 6, dtype=half))
        assert out.dtype == half
        out.sum().backward()
        assert all(p.grad is not None and p.grad.dtype == expected for _, p in parameters(model))


@families
@single
@pytest.mark.parametrize("half", HALVES)
def test_half_precision_is_within_its_rounding_of_float64(family, placement, half):
    model = nn.Sequential(nn.Linear(6, 10, dtype=half))
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=2, init="random")
    x = torch.randn(50, 6, dtype=half)
    out = model(x)
    exact = model.double()(x.double())
    eps = torch.finfo(half).eps
    assert (out.double() - exact).abs().max() <= 4 * eps * exact.abs().max()


@families
@single
def test_ten_merge_cycles_in_bfloat16_do_not_drift(family, placement):
    model = nn.Sequential(nn.Linear(6, 10, dtype=torch.bfloat16))
    before = {k: v.clone() for k, v in model[0].state_dict().items()}
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=2, init="random")
    for _ in range(10):
        merge(model)
        layer(model).unmerge()
    assert all(torch.equal(v, before[k]) for k, v in layer(model).base_layer.state_dict().items())


@every_single
def test_dropout_acts_in_training_only_and_never_in_a_merge(family, placement, kind):
    model, x = build(family, placement, kind, dropout=0.5), sample(kind)
    assert not torch.equal(model(x), model(x))
    merge(model)
    merged = model(x)
    assert layer(model).adapters.training
    layer(model).unmerge()
    assert_close(model.eval()(x), merged)


def test_what_the_wrapper_lacks_is_the_base_layers():
    model = nn.Sequential(nn.Linear(6, 10))
    adapt(model, target_modules=["0"])
    assert (model[0].in_features, model[0].out_features) == (6, 10)
    assert model[0].weight is model[0].base_layer.weight
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = model[0].nonsense


class Quantised(nn.Module):
    """A linear layer as quantisation libraries have them: int8 weight, a scale, sizes; nothing else in common."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.step = nn.Buffer(linear.weight.detach().abs().amax(1, keepdim=True) / 127)
        self.weight = nn.Parameter((linear.weight.detach() / self.step).round().to(torch.int8), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ (self.weight * self.step).T


@families
@pytest.mark.parametrize("placement", SIDES)
def test_input_and_output_work_on_a_quantised_layer_and_merging_it_is_a_clear_error(family, placement):
    model = nn.Sequential(Quantised(nn.Linear(6, 10)))
    x = torch.randn(3, 6)
    before = model(x)
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=2)
    assert torch.equal(model(x), before)
    for _, p in parameters(model):
        p.data.add_(0.1)
    out = model(x)
    assert not torch.allclose(out, before)
    out.sum().backward()
    with pytest.raises(UnsupportedError, match="0: A Quantised does not store a plain weight matrix"):
        merge(model)
    assert torch.equal(model(x), out)


@pytest.mark.parametrize("family", ["lora", "loha", "lokr", "full"])
def test_an_additive_family_beside_a_quantised_weight_works_too(family):
    base = Quantised(nn.Linear(6, 10))
    model = nn.Sequential(base)
    adapt(model, target_modules=["0"], family=family, placement="weight", rank=2, init="random")
    phi = layer(model).adapters["default"]["weight"]
    x = torch.randn(3, 6)
    assert_close(model(x), base(x) + phi.scaling * x @ phi.delta(operator(nn.Linear(6, 10))))


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_a_parametrised_layer_is_called_and_not_overwritten(wrap):
    model = nn.Sequential(wrap(nn.Linear(6, 10)).eval())
    x = torch.randn(3, 6)
    before = model(x)
    adapt(model, target_modules="0", placement="output")
    assert_close(model(x), before)
    with pytest.raises(UnsupportedError, match="does not store a plain weight"):
        merge(model)


@single
def test_the_fast_path_of_torchs_encoder_layer_does_not_bypass_the_adapter(placement):
    model = nn.ModuleDict({"layer": nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)}).eval()
    x = torch.randn(2, 5, 8)
    adapt(model, target_modules=["linear1", "linear2"], placement=placement, init="random")
    with torch.no_grad():
        fast = model["layer"](x)
    assert_close(fast, model["layer"](x))
    unload(merge(model))
    assert_close(model["layer"](x), fast)


def test_grouped_convolutions_refuse_input_and_output_and_say_what_to_do():
    model = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2))
    for placement in SIDES:
        with pytest.raises(
            UnsupportedError, match=rf"0: .*groups=2 takes no {placement} adapter.*Use weight placement"
        ):
            adapt(model, target_modules=["0"], placement=placement)


def test_transposed_convolutions_and_embeddings_are_refused():
    model = nn.ModuleDict({"up": nn.ConvTranspose2d(4, 8, 3), "emb": nn.Embedding(5, 4)})
    with pytest.raises(UnsupportedError, match="up: A transposed convolution"):
        adapt(model, target_modules=["up"])
    with pytest.raises(UnsupportedError, match="emb: Embedding cannot be adapted"):
        adapt(model, target_modules=["emb"])


class Conv1D(nn.Module):
    """As in transformers' GPT-2: y = xW + b with W stored c x d."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf = nf
        self.weight, self.bias = nn.Parameter(torch.randn(nx, nf)), nn.Parameter(torch.randn(nf))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight + self.bias


@families
@single
def test_gpt2s_conv1d_stores_w_as_the_paper_writes_it(family, placement):
    model, x = nn.Sequential(Conv1D(10, 6)), torch.randn(3, 6)
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=2, init="random")
    adapted = model(x)
    merge(model)
    assert model[0].weight.shape == (6, 10)
    assert_close(model(x), adapted)


@families
@single
def test_compile_takes_the_whole_layer_as_one_graph(family, placement):
    torch.compiler.reset()
    model, x = build(family, placement, "linear"), sample("linear")
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    assert_close(compiled(x), model(x))
    ours = torch.autograd.grad(model(x).square().sum(), [p for _, p in parameters(model)])
    theirs = torch.autograd.grad(compiled(x).square().sum(), [p for _, p in parameters(model)])
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b)


@families
@single
@pytest.mark.parametrize("shape", [(7, 6), (3, 5, 6)], ids=str)
def test_export_takes_batches_of_any_size(family, placement, shape):
    model = build(family, placement, "linear").eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(model, (torch.randn(shape),), dynamic_shapes=({0: batch},)).module()
    for rows in (2, 300):
        x = torch.randn(rows, *shape[1:])
        assert_close(exported(x), model(x))


class Deaf(nn.Linear):
    """A layer that passes no gradient to its input, as dynamic int8 ones."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.detach())


@families
def test_a_layer_that_gives_no_gradient_says_so(family):
    model = nn.Sequential(Deaf(6, 10))
    adapt(model, target_modules=["0"], family=family, placement="input", rank=2, init="random")
    with pytest.warns(UserWarning, match=r"A Deaf passes no gradient back to its input.*use placement='output'"):
        model(torch.randn(3, 6))
    with torch.no_grad():
        model(torch.randn(3, 6))
