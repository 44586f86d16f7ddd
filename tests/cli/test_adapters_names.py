"""`ioadapt adapters` with bases and adapters that have different names for the same layers."""

import copy
from typing import Any

import pytest
import torch
import transformers as hf
from diffusers import StableDiffusionXLPipeline
from diffusers.loaders import StableDiffusionLoraLoaderMixin
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import adapt, layers
from ioadapt_theory.cli import FINDING, MISUSE
from ioadapt_theory.formats import load, save
from tests.adapters.foreign import filled, in_authors_names, run_llama, tiny_flux, tiny_llama
from tests.cli.pipelines import models

pytestmark = pytest.mark.filterwarnings("ignore")

SIZES: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}


def test_a_head_that_is_stored_as_the_embedding_is_baked_as_it_is_loaded(here, ioadapt):
    base = tiny_llama(tie_word_embeddings=True)
    base.save_pretrained("base")
    model, live = copy.deepcopy(base), copy.deepcopy(base)
    adapt(model, target_modules=["lm_head", "q_proj"], placement="input", rank=2, init="random")
    save(model, "a")
    load(live, "a")
    ioadapt("adapters bake a --out baked --base base")
    theirs = PeftModel.from_pretrained(copy.deepcopy(base), "baked")
    assert_close(run_llama(theirs), run_llama(live), rtol=1e-5, atol=1e-5)
    assert (run_llama(live) - run_llama(base)).abs().max() > 1e-2
    ioadapt("adapters inspect a --base base")
    (here / "base/config.json").write_text('{"tie_word_embeddings": false}')
    ioadapt("adapters inspect a --base base", FINDING)


def test_a_head_that_peft_saved_too_is_kept_or_named_and_left_out_when_told_to(here, ioadapt):
    base = tiny_llama(tie_word_embeddings=True)
    base.save_pretrained("base")
    config = LoraConfig(r=2, target_modules=["q_proj"])
    model = filled(get_peft_model(copy.deepcopy(base), config), "lora")
    model.save_pretrained("a", save_embedding_layers=True)
    ioadapt("adapters bake a --base base --out baked")
    assert any("lm_head" in key for key in load_file("baked/adapter_model.safetensors"))
    line = "adapters bake a --base base --out k.safetensors --style kohya"
    assert "a new value for a tensor of the base" in ioadapt(line, MISUSE).err
    ioadapt(f"{line} --partial")


def test_a_base_in_the_names_of_flux_s_authors_takes_an_adapter_in_diffusers_names(here, ioadapt):
    flux = tiny_flux()
    whole = in_authors_names(flux.state_dict())
    save_file({f"model.diffusion_model.{name}": t for name, t in whole.items()}, "authors.safetensors")
    model = copy.deepcopy(flux)
    adapt(model, target_modules=["attn.to_q", "proj_mlp"], placement="output", rank=2, init="random")
    save(model, "a")
    ioadapt("adapters bake a --out b.safetensors --base authors.safetensors --style diffusers")
    assert all(key.startswith("transformer.") for key in load_file("b.safetensors"))
    baked = copy.deepcopy(flux)
    report = load(baked, "b.safetensors")
    assert set(report.matched) == set(layers(model))
    for name, layer in layers(model).items():
        ours = layers(baked)[name]
        x = torch.randn(3, ours.base_layer.in_features).float()
        assert_close(ours(x), layer(x), rtol=1e-4, atol=1e-5)


def test_kohya_s_file_for_sd_xl_loses_no_layer_in_diffusers(here, ioadapt):
    """Under its own names, diffusers loses both layers of add_embedding."""
    torch.manual_seed(0)
    base = models("sdxl")["unet"].float()
    base.save_pretrained("base")
    targets = [n for n, m in base.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    trained = copy.deepcopy(base)
    trained.add_adapter(LoraConfig(r=3, lora_alpha=3, target_modules=targets))
    filled(trained, "lora")
    trained.save_lora_adapter("a")
    ioadapt("adapters bake a --out k.safetensors --base base --style kohya")
    state, alphas = StableDiffusionXLPipeline.lora_state_dict("k.safetensors", unet_config=base.config)[:2]
    theirs, ours = copy.deepcopy(base), copy.deepcopy(base)
    StableDiffusionXLPipeline.load_lora_into_unet(state, alphas, theirs)
    loaded = {n: m for n, m in theirs.named_modules() if isinstance(m, LoraLayer) and m.lora_A}
    assert set(loaded) == set(targets)
    for name, layer in loaded.items():
        (key,), original = layer.lora_A, trained.get_submodule(name)
        assert_close(layer.get_delta_weight(key), original.get_delta_weight("default"), rtol=1e-4, atol=1e-6)
    assert set(load(ours, "k.safetensors").matched) == set(targets)


def test_the_first_of_two_text_encoders_is_counted_in_kohya_s_style_only(here, ioadapt):
    encoder = hf.CLIPTextModel(hf.CLIPTextConfig(vocab_size=50, **SIZES)).float()
    encoder.save_pretrained("base")
    state = {}
    for component in ("text_encoder", "text_encoder_2"):
        key = f"{component}.text_model.encoder.layers.0.self_attn.q_proj"
        state |= {f"{key}.lora_A.weight": torch.ones(2, 16), f"{key}.lora_B.weight": torch.ones(16, 2)}
        key = f"{component}.text_model.encoder.layers.1.mlp.fc1"
        state |= {f"{key}.lora_A.weight": torch.ones(3, 16), f"{key}.lora_B.weight": torch.ones(24, 3)}
    save_file(state, "both.safetensors")
    for style, start in (("kohya", "lora_te1_text_model_"), ("diffusers", "text_encoder.")):
        line = f"adapters bake both.safetensors --out {style}.safetensors --base base --style {style}"
        ioadapt(f"{line} --component text_encoder")
        assert all(key.startswith(start) for key in load_file(f"{style}.safetensors"))
    old = {f"text_model.{n.removeprefix('text_model.')}": t for n, t in encoder.state_dict().items()}
    save_file(old, "old.safetensors")  # as transformers 4 named it, and single files do
    line = "adapters bake kohya.safetensors --out diffusers.safetensors --base old.safetensors"
    ioadapt(f"{line} --style diffusers --force")
    file = str(here / "diffusers.safetensors")
    state, alphas, told = StableDiffusionLoraLoaderMixin.lora_state_dict(file, return_lora_metadata=True)
    StableDiffusionLoraLoaderMixin.load_lora_into_text_encoder(state, alphas, encoder, metadata=told)
    ranks = {name: layer.r["default_0"] for name, layer in encoder.named_modules() if isinstance(layer, LoraLayer)}
    assert sorted(ranks.values()) == [2, 3]
