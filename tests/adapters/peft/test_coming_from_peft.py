"""docs/coming_from_peft.md is right about which features are supported."""

import random
from pathlib import Path

import pytest
import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

from ioadapt_theory.errors import InvalidValueError, UnsupportedError
from ioadapt_theory.peft import IOLoraConfig, IOLoraLayer
from tests.adapters.foreign import run_unet, tiny_unet
from tests.cli.pipelines import models

pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = (Path(__file__).parents[3] / "docs" / "coming_from_peft.md").read_text(encoding="utf-8")


def test_words_of_lora_config_mean_what_they_mean_there():
    given = {"r": 4, "lora_alpha": 8, "lora_dropout": 0.1, "init_lora_weights": "gaussian", "use_dora": True}
    ours = IOLoraConfig(target_modules=["to_k"], placement="input", **given)
    options = ours.options()
    assert (ours.init_weights, ours.family, options.alpha, options.dropout) == ("gaussian", "dora", 8, 0.1)
    inits = [IOLoraConfig(placement="input", init_lora_weights=value).init_weights for value in (True, False)]
    assert inits == ["default", "random"]
    assert "init_lora_weights" not in ours.to_dict()
    with pytest.raises(InvalidValueError, match="init_lora_weights must be True, False or 'gaussian', not 'pissa'"):
        IOLoraConfig(placement="input", init_lora_weights="pissa")
    with pytest.raises(InvalidValueError, match="placement is missing"):
        IOLoraConfig(target_modules=["to_k"])


def test_what_scripts_say_of_biases_by_habit_is_taken_and_training_them_is_refused():
    config = IOLoraConfig(target_modules=["to_k"], placement="input", bias="none", lora_bias=False, fan_in_fan_out=True)
    assert not {"bias", "lora_bias", "fan_in_fan_out"} & config.to_dict().keys()
    for option in ({"bias": "all"}, {"bias": "lora_only"}, {"lora_bias": True}):
        with pytest.raises(InvalidValueError, match="biases stay frozen"):
            IOLoraConfig(target_modules=["to_k"], placement="input", **option)
    for name in ("trainable_token_indices", "target_parameters", "layer_replication", "loftq_config"):
        assert f"`{name}`" in PAGE
        with pytest.raises(TypeError, match=name):
            IOLoraConfig(target_modules=["to_k"], placement="input", **{name: None})


def text_encoder() -> torch.nn.Module:
    torch.manual_seed(0)
    return models()["text_encoder"].eval()


def pipeline(**parts):
    from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline

    parts = dict.fromkeys(("text_encoder", "tokenizer", "safety_checker", "feature_extractor")) | parts
    parts |= {"scheduler": DDPMScheduler(steps_offset=1, clip_sample=False), "unet": tiny_unet()}
    parts |= {"vae": AutoencoderKL(block_out_channels=(4,), norm_num_groups=2), "requires_safety_checker": False}
    return StableDiffusionPipeline(**parts)


def state_of(model):
    from diffusers.utils import convert_state_dict_to_diffusers

    return convert_state_dict_to_diffusers(get_peft_model_state_dict(model))


def test_a_text_encoder_of_a_pipeline_is_adapted_saved_and_loaded(tmp_path):
    def run(encoder):
        with torch.no_grad():
            return encoder(torch.arange(8)[None]).last_hidden_state

    pipe, layers = pipeline(text_encoder=text_encoder()), {}
    for name, targets in (("unet", ["to_q"]), ("text_encoder", ["q_proj", "out_proj"])):
        part = getattr(pipe, name)
        part.add_adapter(IOLoraConfig(target_modules=targets, placement="input", r=2, init_weights="random"))
        layers[f"{name}_lora_layers"] = state_of(part)
    pipe.save_lora_weights(str(tmp_path), **layers)
    loaded = pipeline(text_encoder=text_encoder())
    loaded.load_lora_weights(str(tmp_path), adapter_name="one")
    assert torch.equal(run(loaded.text_encoder), run(pipe.text_encoder))
    assert torch.equal(run_unet(loaded.unet), run_unet(pipe.unet))
    assert not torch.allclose(run(pipe.text_encoder), run(text_encoder()))
    loaded.set_adapters(["one"], adapter_weights=[0.0])
    assert torch.equal(run(loaded.text_encoder), run(text_encoder()))


def saved(folder, seed):
    """Save a LoRA of PEFT, and the same LoRA as IOLORA, to two files for pipelines; return the files' names."""
    options, theirs, ours = {"target_modules": ["to_q", "to_out.0"], "r": 2, "lora_alpha": 2}, tiny_unet(), tiny_unet()
    torch.manual_seed(seed)
    theirs.add_adapter(LoraConfig(**options, init_lora_weights=False))
    ours.add_adapter(IOLoraConfig(**options, placement="weight", init_weights="random"))
    twins = dict(theirs.named_modules())
    for name, module in ours.named_modules():
        if isinstance(module, IOLoraLayer):
            phi = module.iolora_adapters["default"]["weight"]
            phi.A.data.copy_(twins[name].lora_A["default"].weight.mT)
            phi.B.data.copy_(twins[name].lora_B["default"].weight.data.mul_(0.3).mT)
    for kind, unet in (("theirs", theirs), ("ours", ours)):
        pipeline().save_lora_weights(f"{folder}/{kind}{seed}", unet_lora_layers=state_of(unet))


def drawn(draw, names, folder):
    """Return functions of (name of the pipeline's files, pipeline), to be called in turn."""
    if not names or (len(names) < 2 and draw.random() < 0.3):
        names.append(new := "second" if names == ["first"] else "first")
        seed = draw.choice([1, 2])
        return [lambda kind, pipe: pipe.load_lora_weights(f"{folder}/{kind}{seed}", adapter_name=new)]
    some, seed, factor = draw.sample(names, draw.randint(1, len(names))), draw.choice([1, 2]), draw.choice([0.5, 1.0])
    weights = [draw.choice([0.0, 0.5, 2.0, {"unet": {"down": 0.5, "mid": 1.0, "up": 0.0}}]) for _ in some]

    if draw.random() < 0.1:
        names.clear()
        return [lambda kind, pipe: pipe.unload_lora_weights()]
    if len(names) > 1 and draw.random() < 0.2:
        gone = names.pop(0)
        return [lambda kind, pipe: pipe.delete_adapters(gone)]
    return draw.choice(
        [
            [lambda kind, pipe: pipe.set_adapters(some, weights)],
            [lambda kind, pipe: pipe.set_adapters(some[0])],
            [lambda kind, pipe: pipe.disable_lora()],
            [lambda kind, pipe: pipe.enable_lora()],
            [lambda kind, pipe: pipe.fuse_lora(lora_scale=factor), lambda kind, pipe: pipe.unfuse_lora()],
        ]
    )


@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(1, 60), marks=pytest.mark.slow)], ids=["few", "many"])
def test_any_operations_of_diffusers_give_what_a_lora_of_peft_gives(seeds, tmp_path):
    for seed in (1, 2):
        saved(tmp_path, seed)
    for seed in seeds:
        draw, names, pipes = random.Random(seed), [], {"theirs": pipeline(), "ours": pipeline()}
        for operation in (step for _ in range(6) for step in drawn(draw, names, tmp_path)):
            outputs = []
            for kind, pipe in pipes.items():
                operation(kind, pipe)
                outputs.append(run_unet(pipe.unet))
            torch.testing.assert_close(*outputs, rtol=1e-3, atol=1e-4)


def test_hotswap_is_refused(tmp_path):
    saved(tmp_path, 1)
    pipe = pipeline()
    pipe.load_lora_weights(f"{tmp_path}/ours1", adapter_name="one")
    with pytest.raises(UnsupportedError, match=r"does not support hotswap; delete the adapter with delete_adapters"):
        pipe.load_lora_weights(f"{tmp_path}/ours1", adapter_name="one", hotswap=True)
