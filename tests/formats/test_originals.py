"""FLUX and SD3 adapters with their authors' names load on diffusers' models as by diffusers' converters."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import FluxPipeline, FluxTransformer2DModel
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.testing import assert_close

from ioadapt_theory.adapters import Adapter, adapt
from ioadapt_theory.adapters.base_weights import TensorWeights
from ioadapt_theory.errors import IoAdaptError, UnsupportedError
from ioadapt_theory.formats import open_adapter, save
from ioadapt_theory.formats.build import cut
from ioadapt_theory.formats.match import match
from tests.adapters.cases import FAMILIES
from tests.adapters.foreign import in_authors_names, tiny_flux
from tests.formats.refusals import refused

pytestmark = pytest.mark.filterwarnings("ignore")


def lora(shapes: dict[str, tuple[int, ...]], key: Callable[[str], str], rank: int = 2, alpha: float = 3.0) -> Any:
    """Return a LoRA's tensors with keys made by ``key``; diffusers ignores the final layer's alpha, so it has none."""
    g, state = torch.Generator().manual_seed(5), {}
    for name, (d, c, *taps) in shapes.items():
        state[f"{key(name)}.lora_down.weight"] = torch.randn(rank, c, *taps, generator=g).float()
        state[f"{key(name)}.lora_up.weight"] = torch.randn(d, rank, *[1] * len(taps), generator=g).float()
        if "final_layer" not in name:
            state[f"{key(name)}.alpha"] = torch.tensor(alpha).float()
    return state


SPELLINGS: dict[str, Callable[[str], str]] = {
    "kohya": lambda name: f"lora_unet_{name.replace('.', '_')}",
    "ComfyUI": lambda name: f"diffusion_model.{name}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_layer_of_flux_is_what_diffusers_makes_of_it(spelling, tmp_path):
    """diffusers' converter requires FLUX's real layer sizes, so the model is on the meta device."""
    with torch.device("meta"):
        model = FluxTransformer2DModel(num_layers=1, num_single_layers=1, guidance_embeds=True)
    state = in_authors_names(model.state_dict())
    shapes = {n.removesuffix(".weight"): tuple(t.shape) for n, t in state.items() if n.endswith(".weight")}
    assert len(shapes) == 23
    if spelling == "kohya":  # diffusers supports only these layers
        shapes = {n: s for n, s in shapes.items() if n.startswith("double_blocks") or n.endswith("linear2")}
    state = lora(shapes, SPELLINGS[spelling])
    save_file(state, tmp_path / "lora.safetensors")
    theirs = FluxPipeline.lora_state_dict(dict(state))
    sizes = {n: tuple(p.shape) for n, p in model.named_parameters()}
    matched = match(open_adapter(tmp_path / "lora.safetensors"), TensorWeights(sizes, lambda _: Tensor()))
    assert not matched.lost
    expected = {k.removeprefix("transformer.").removesuffix(".lora_A.weight") for k in theirs if "lora_A" in k}
    assert set(matched.layers) == expected
    for layer, item in matched.layers.items():
        key = layer if f"{layer}.lora_A.weight" in theirs else f"transformer.{layer}"
        a, b = (theirs[f"{key}.lora_{part}.weight"].double() for part in "AB")
        phi = item.adapter()["weight"].double()
        x = torch.randn(2, a.shape[1])  # float64, since rounding of sums of 12288 terms in float32 would hide errors
        y, expected = phi.scaling * x @ phi.A @ phi.B, x @ a.mT @ b.mT
        assert (y - expected).norm() < 1e-6 * expected.norm()


def test_a_layer_that_a_file_has_by_both_names_is_not_adapted_by_whichever_comes_last(tmp_path):
    state = lora(
        {"transformer_blocks.0.attn.to_k": (16, 16), "double_blocks.0.img_attn.qkv": (48, 16)}, "unet.{}".format
    )
    save_file(state, tmp_path / "lora.safetensors")
    refused(tiny_flux(), tmp_path / "lora.safetensors", "to_k already gets the adapter of unet", IoAdaptError)


RANGES = [(8, 12), (0, 4)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("placement", ["weight", "input"])
def test_a_cut_adapter_does_what_the_whole_one_does_to_those_outputs(family, placement):
    model = nn.Sequential(nn.Linear(6, 12, bias=False))
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=2, alpha=3, init="random", factor=3)
    for p in model[0].adapters.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    whole: Adapter = model[0].adapters["default"]
    whole.shift = nn.Parameter(torch.randn(12))
    expected = torch.cat([model[0].function.dense()[:, start:stop] for start, stop in RANGES], dim=1)
    part = nn.Sequential(nn.Linear(6, 8, bias=False))
    part[0].weight.data = torch.cat([model[0].weight[start:stop] for start, stop in RANGES])
    adapt(part, target_modules=["0"], placement="input", family="full")
    for ranges in (RANGES, [(8, 11), (11, 12), (0, 4)]):  # whole LoKr blocks of 4 outputs, and parts
        part[0].adapters["default"] = cut(whole, ranges)
        part[0].activate("default")
        assert_close(part[0].function.dense(), expected)
        assert torch.equal(part[0].adapters["default"].shift, torch.cat([whole.shift[i:j] for i, j in ranges]))


def test_an_output_adapter_is_not_cut_and_the_layer_is_named(tmp_path):
    model = nn.Sequential(nn.Linear(16, 48))
    adapt(model, target_modules=["0"], placement="output", rank=2)
    with pytest.raises(UnsupportedError, match="mixes all outputs"):
        cut(model[0].adapters["default"], RANGES)
    original = nn.ModuleDict({"double_blocks": nn.ModuleList([nn.ModuleDict({"img_attn": nn.ModuleDict()})])})
    original["double_blocks"][0]["img_attn"]["qkv"] = nn.Linear(16, 48)
    adapt(original, target_modules=["qkv"], placement="output", rank=2)
    save(original, tmp_path)
    mixes = "double_blocks.0.img_attn.qkv: an output adapter mixes all outputs"
    refused(tiny_flux(), tmp_path, mixes, IoAdaptError)
