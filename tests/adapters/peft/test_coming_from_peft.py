"""docs/coming_from_peft.md is right about which features are supported."""

from pathlib import Path

import pytest
import torch
from peft.utils import get_peft_model_state_dict

from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.peft import IOLoraConfig, IOLoraLayer
from tests.adapters.foreign import quiet, run_unet, tiny_unet

pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = (Path(__file__).parents[3] / "docs" / "coming_from_peft.md").read_text(encoding="utf-8")


def test_words_of_lora_config_mean_what_they_mean_there():
    ours = IOLoraConfig(
        target_modules=["to_k"], r=4, lora_alpha=8, lora_dropout=0.1, init_lora_weights="gaussian", use_dora=True
    )
    options = ours.options()
    assert (ours.init_weights, ours.family, options.alpha, options.dropout) == ("gaussian", "dora", 8, 0.1)
    assert [IOLoraConfig(init_lora_weights=value).init_weights for value in (True, False)] == ["default", "random"]
    assert "init_lora_weights" not in ours.to_dict()
    with pytest.raises(InvalidValueError, match="init_lora_weights must be True, False or 'gaussian', not 'pissa'"):
        IOLoraConfig(init_lora_weights="pissa")


def test_what_scripts_say_of_biases_by_habit_is_taken_and_training_them_is_refused():
    config = IOLoraConfig(target_modules=["to_k"], bias="none", lora_bias=False, fan_in_fan_out=True)
    assert not {"bias", "lora_bias", "fan_in_fan_out"} & config.to_dict().keys()
    for option in ({"bias": "all"}, {"bias": "lora_only"}, {"lora_bias": True}):
        with pytest.raises(InvalidValueError, match="biases stay frozen"):
            IOLoraConfig(target_modules=["to_k"], **option)
    for name in ("trainable_token_indices", "target_parameters", "layer_replication", "loftq_config"):
        assert f"`{name}`" in PAGE
        with pytest.raises(TypeError, match=name):
            IOLoraConfig(target_modules=["to_k"], **{name: None})


def text_encoder() -> torch.nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    return CLIPTextModel(CLIPTextConfig(vocab_size=50, max_position_embeddings=8, eos_token_id=49, **sizes)).eval()


def test_a_text_encoder_of_a_pipeline_is_adapted_saved_and_loaded(tmp_path):
    from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline
    from diffusers.utils import convert_state_dict_to_diffusers

    def pipeline():
        parts: dict = dict.fromkeys(("tokenizer", "safety_checker", "feature_extractor"))
        parts |= {"scheduler": DDPMScheduler(steps_offset=1, clip_sample=False), "unet": tiny_unet()}
        parts |= {"vae": AutoencoderKL(block_out_channels=(4,), norm_num_groups=2), "text_encoder": text_encoder()}
        return quiet(lambda: StableDiffusionPipeline(**parts, requires_safety_checker=False))

    def run(encoder):
        with torch.no_grad():
            return encoder(torch.arange(8)[None]).last_hidden_state

    pipe, layers = pipeline(), {}
    for name, targets in (("unet", ["to_q"]), ("text_encoder", ["q_proj", "out_proj"])):
        part = getattr(pipe, name)
        part.add_adapter(IOLoraConfig(target_modules=targets, r=2, init_weights="random"))
        layers[f"{name}_lora_layers"] = convert_state_dict_to_diffusers(get_peft_model_state_dict(part))
    quiet(lambda: pipe.save_lora_weights(str(tmp_path), **layers))
    loaded = pipeline()
    quiet(lambda: loaded.load_lora_weights(str(tmp_path), adapter_name="one"))
    assert torch.equal(run(loaded.text_encoder), run(pipe.text_encoder))
    assert torch.equal(run_unet(loaded.unet), run_unet(pipe.unet))
    assert not torch.allclose(run(pipe.text_encoder), run(text_encoder()))
    loaded.set_adapters(["one"], adapter_weights=[0.0])
    assert torch.equal(run(loaded.text_encoder), run(text_encoder()))


def test_the_life_of_a_pipeline_of_diffusers(tmp_path):
    from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline
    from diffusers.utils import convert_state_dict_to_diffusers

    parts: dict = dict.fromkeys(("text_encoder", "tokenizer", "safety_checker", "feature_extractor"))
    parts |= {"scheduler": DDPMScheduler(steps_offset=1, clip_sample=False), "unet": tiny_unet()}
    parts |= {"vae": AutoencoderKL(block_out_channels=(4,), norm_num_groups=2), "requires_safety_checker": False}
    plain, pipe = run_unet(tiny_unet()), quiet(lambda: StableDiffusionPipeline(**parts))
    config = IOLoraConfig(target_modules=["to_q", "to_out.0"], r=2, init_lora_weights=False, placement="output")

    def saved(folder, factor):
        trained = tiny_unet()
        trained.add_adapter(config)
        for p in (p for name, p in trained.named_parameters() if "iolora" in name):
            p.data.mul_(factor)
        state = convert_state_dict_to_diffusers(get_peft_model_state_dict(trained))
        quiet(lambda: pipe.save_lora_weights(str(folder), unet_lora_layers=state))
        return run_unet(trained)

    expected, stronger = saved(tmp_path, 1), saved(tmp_path / "stronger", 1.5)
    for name in ("one", "two"):
        quiet(lambda name=name: pipe.load_lora_weights(str(tmp_path), adapter_name=name))
    assert pipe.get_list_adapters() == {"unet": ["one", "two"]}
    pipe.set_adapters(["one"], adapter_weights=[0.5])
    assert pipe.get_active_adapters() == ["one"]
    half = run_unet(pipe.unet)
    pipe.set_adapters("one", {"unet": {"down": 0.0, "mid": 0.0, "up": 0.0}})
    assert torch.equal(run_unet(pipe.unet), plain)
    pipe.set_adapters("one")
    assert torch.equal(run_unet(pipe.unet), expected)
    parameters = [id(p) for p in pipe.unet.parameters()]
    for folder, wanted in ((tmp_path / "stronger", stronger), (tmp_path, expected)):
        quiet(lambda f=folder: pipe.load_lora_weights(str(f), adapter_name="one", hotswap=True))
        assert torch.equal(run_unet(pipe.unet), wanted)
    assert [id(p) for p in pipe.unet.parameters()] == parameters
    assert min((stronger - expected).abs().max(), (half - expected).abs().max(), (half - plain).abs().max()) > 1e-3
    pipe.disable_lora()
    assert torch.equal(run_unet(pipe.unet), plain)
    pipe.enable_lora()
    pipe.delete_adapters("two")
    quiet(pipe.fuse_lora)
    torch.testing.assert_close(run_unet(pipe.unet), expected, rtol=1e-5, atol=1e-5)
    pipe.unfuse_lora()
    assert torch.equal(run_unet(pipe.unet), expected)
    x, text = torch.randn(1, 4, 8, 8, dtype=torch.float32), torch.randn(1, 5, 12, dtype=torch.float32)
    off = pipe.unet(x, 3, text, cross_attention_kwargs={"scale": 0.0}).sample
    torch.testing.assert_close(off, tiny_unet()(x, 3, text).sample, rtol=1e-5, atol=1e-5)
    quiet(pipe.unload_lora_weights)
    assert torch.equal(run_unet(pipe.unet), plain)
    assert not any(isinstance(module, IOLoraLayer) for module in pipe.unet.modules())
