"""Empty batches, inference mode, meta tensors, transforms of functions, nested tensors: the formulas hold there too."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.testing import assert_close

from ioadapt_theory.adapters import FAMILIES, adapt, disable, merge, transfer
from ioadapt_theory.adapters.bases import Identity
from ioadapt_theory.adapters.families import Spec
from ioadapt_theory.errors import UnsupportedError
from tests.adapters.cases import C, D, build, every, layer, sample

families = pytest.mark.parametrize("family", FAMILIES)


@families
@pytest.mark.parametrize("placement", ["input", "output", "weight", "input+output+weight"])
def test_batches_without_samples_and_without_content(family, placement):
    model = build(family, placement, "linear")
    for leading in ((0,), (0, 4), (2, 0), (2, 3, 0)):
        y = model(torch.empty(*leading, C, requires_grad=True))
        assert y.shape == (*leading, D)
        y.sum().backward()
    assert model.to("meta")(torch.empty(2, 3, C, device="meta")).shape == (2, 3, D)


@every
def test_inference_mode_changes_nothing(family, placement, kind):
    model, x = build(family, placement, kind), sample(kind)
    expected = model(x)
    with torch.inference_mode():
        assert_close(model(x), expected)
        assert_close(merge(model)(x), expected)
    x.requires_grad_()
    model(x).sum().backward()  # the merged weights are no inference tensors


@families
@pytest.mark.parametrize("placement", ["input+weight", "output+weight", "input+output+weight"])
def test_gradients_of_each_sample_by_transforms(family, placement):
    model, x = build(family, placement, "linear"), torch.randn(3, C)
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    each = vmap(grad(lambda p, row: functional_call(model, p, (row,)).square().sum()), in_dims=(None, 0))(trained, x)
    model(x).square().sum().backward()
    for name, p in trained.items():
        assert_close(each[name].sum(0), p.grad)


@families
def test_a_change_from_the_left_is_the_product_with_the_matrix(family):
    base = Identity(C)
    phi = FAMILIES[family](base, Spec(rank=2, scaling=-1.5, init="random"))
    w = torch.randn(D, C).mT
    assert_close(phi.left(w, base), phi.weight(base) @ w)
    assert_close(phi.right(w.mT, base), w.mT @ phi.weight(base))


def test_padded_sentences_in_torch_s_own_encoder():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 24, batch_first=True), 2).eval()
    x, padding = torch.randn(2, 5, 16), torch.tensor([[0, 0, 0, 0, 0], [0, 0, 0, 1, 1]]).bool()
    expected = encoder(x, src_key_padding_mask=padding)
    with torch.no_grad():
        adapt(encoder, target_modules=["linear1"], rank=2, init="random")
        changed = encoder(x, src_key_padding_mask=padding)
        with disable(encoder):
            assert_close(encoder(x, src_key_padding_mask=padding)[~padding], expected[~padding])
    assert not torch.allclose(changed[~padding], expected[~padding])


@pytest.mark.parametrize("placement", ["input", "output"])
def test_what_a_grouped_convolution_refuses_it_refuses_under_an_adapter_too(placement):
    model = nn.Sequential(nn.Conv2d(C, D, 3, groups=2))
    adapt(model, target_modules=["0"], placement="weight", init="random")
    with pytest.raises(UnsupportedError, match=rf"^0: A convolution with groups=2 takes no {placement} adapter"):
        adapt(model, target_modules=["0"], name="second", placement=placement)
    source = nn.Sequential(nn.Conv2d(C, D, 3))
    adapt(source, target_modules=["0"], name="third", placement=placement)
    with pytest.raises(ValueError, match="groups=2"):
        transfer(source, model, name="third")
    assert list(layer(model).adapters) == ["default"]


def test_a_convolution_without_plain_weight_is_refused_when_it_is_adapted_not_when_it_is_called():
    peft = pytest.importorskip("peft")
    inner = peft.get_peft_model(nn.Sequential(nn.Conv2d(C, D, 3)), peft.LoraConfig(target_modules=["0"])).base_model
    with pytest.raises(UnsupportedError, match="does not store a plain weight"):
        adapt(inner, target_modules=["0"], placement="weight")
    adapt(inner, target_modules=["0"], placement="input")
