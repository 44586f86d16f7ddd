"""docs/coming_from_peft.md: what it says works as it is works, and what it says is refused is refused."""

import re
from pathlib import Path

import peft
import pytest
import torch
from peft.utils import get_peft_model_state_dict

from ioadapt_theory import adapt, layers
from ioadapt_theory.errors import InvalidValueError, UnsupportedError
from ioadapt_theory.peft import IOLoraConfig, IOLoraLayer
from ioadapt_theory.presets import PRESETS
from tests.adapters.foreign import quiet, run_llama, run_unet, tiny_llama, tiny_unet

pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = (Path(__file__).parents[1] / "docs" / "coming_from_peft.md").read_text(encoding="utf-8")
TARGETS = ["q_proj", "down_proj"]


def wrapped(**options):
    config = IOLoraConfig(**{"target_modules": TARGETS, "r": 2, "init_weights": "random", **options})
    return quiet(lambda: peft.get_peft_model(tiny_llama(), config)).eval()


def test_words_of_lora_config_mean_what_they_mean_there():
    ours = IOLoraConfig(
        target_modules=["to_k"], r=4, lora_alpha=8, lora_dropout=0.1, init_lora_weights="gaussian", use_dora=True
    )
    assert (ours.init_weights, ours.family, ours.options().alpha, ours.options().dropout) == (
        "gaussian",
        "dora",
        8,
        0.1,
    )
    assert [IOLoraConfig(init_lora_weights=value).init_weights for value in (True, False)] == ["default", "random"]
    assert "init_lora_weights" not in ours.to_dict()
    with pytest.raises(InvalidValueError, match="init_lora_weights is 'pissa'; it is True, False or 'gaussian'"):
        IOLoraConfig(init_lora_weights="pissa")


def test_what_scripts_say_of_biases_by_habit_is_taken_and_training_them_is_refused():
    config = IOLoraConfig(target_modules=["to_k"], bias="none", lora_bias=False, fan_in_fan_out=True)
    assert not {"bias", "lora_bias", "fan_in_fan_out"} & config.to_dict().keys()
    for option in ({"bias": "all"}, {"bias": "lora_only"}, {"lora_bias": True}):
        with pytest.raises(InvalidValueError, match="here biases stay frozen"):
            IOLoraConfig(target_modules=["to_k"], **option)
    for name in ("trainable_token_indices", "target_parameters", "layer_replication", "loftq_config"):
        assert f"`{name}`" in PAGE
        with pytest.raises(TypeError, match=name):
            IOLoraConfig(target_modules=["to_k"], **{name: None})


def test_an_optimizer_that_looks_for_peft_s_names_finds_none_of_ours():
    from peft.optimizers import create_loraplus_optimizer

    model = wrapped()
    optimizer = create_loraplus_optimizer(model, torch.optim.AdamW, lr=0.001, loraplus_lr_ratio=16)
    trained = [p for p in model.parameters() if p.requires_grad]
    assert [len(group["params"]) for group in optimizer.param_groups] == [len(trained), 0, 0, 0]
    assert len([n for n, p in model.named_parameters() if p.requires_grad and n.endswith(".B")]) == len(trained) // 2


def test_the_status_the_names_and_the_switches_of_a_peft_model():
    model = wrapped()
    status = model.get_model_status()
    assert (status.enabled, status.active_adapters, status.merged_adapters) == (True, ["default"], [])
    assert len(model.targeted_module_names) == len(model.get_layer_status()) == 4
    assert model.get_nb_trainable_parameters()[0] == sum(p.numel() for p in model.parameters() if p.requires_grad)
    model.set_requires_grad("default", requires_grad=False)
    assert not any(p.requires_grad for p in model.parameters())
    assert torch.equal(run_llama(quiet(model.unload)), run_llama(tiny_llama()))


def test_layers_to_transform_and_modules_to_save():
    model = wrapped(layers_to_transform=[1], modules_to_save=["lm_head"])
    assert all(".layers.1." in f".{name}" for name in model.targeted_module_names)
    assert any("lm_head.modules_to_save" in n for n, p in model.named_parameters() if p.requires_grad)
    ours = adapt(tiny_llama(), target_modules=r".*layers\.(1|5)\..*(q_proj|down_proj)", rank=2)
    assert {*layers(ours)} == {name for name in model.targeted_module_names}


def test_a_saved_model_is_found_by_its_folder_alone(tmp_path):
    base = tiny_llama()
    quiet(lambda: base.save_pretrained(tmp_path / "base"))
    loaded = quiet(lambda: type(base).from_pretrained(tmp_path / "base"))
    config = IOLoraConfig(target_modules=TARGETS, r=2, init_weights="random", task_type="CAUSAL_LM")
    model = quiet(lambda: peft.get_peft_model(loaded, config))
    model.save_pretrained(tmp_path / "adapter")
    again = quiet(lambda: peft.AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapter"))
    assert torch.equal(run_llama(again), run_llama(model))


def test_a_base_that_was_prepared_for_training_under_quantisation():
    base = quiet(lambda: peft.prepare_model_for_kbit_training(tiny_llama()))
    model = quiet(lambda: peft.get_peft_model(base, IOLoraConfig(target_modules=TARGETS, r=2)))
    model.train()
    model(input_ids=torch.arange(6)[None], labels=torch.arange(6)[None]).loss.backward()
    grads = [p.grad for n, p in model.named_parameters() if n.endswith("input.B")]
    assert grads
    assert all(grad is not None and grad.abs().sum() > 0 for grad in grads)


def test_what_is_not_there_says_so(tmp_path):
    from peft.utils.hotswap import hotswap_adapter

    model = wrapped()
    model.save_pretrained(tmp_path)
    with pytest.raises(UnsupportedError, match="add_weighted_adapter"):
        model.add_weighted_adapter(["default"], [0.5], "half")
    with pytest.raises(ValueError, match="Hotswapping only supports LORA"):
        hotswap_adapter(model, str(tmp_path), "default", torch_device="cpu")


@pytest.fixture
def pipeline():
    from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline

    def make():
        parts = dict.fromkeys(("text_encoder", "tokenizer", "safety_checker", "feature_extractor"))
        schedule = DDPMScheduler(steps_offset=1, clip_sample=False)
        vae = AutoencoderKL(block_out_channels=(4,), norm_num_groups=2)
        return quiet(
            lambda: StableDiffusionPipeline(
                vae=vae, unet=tiny_unet(), scheduler=schedule, requires_safety_checker=False, **parts
            )
        )

    return make


def test_the_life_of_a_pipeline_of_diffusers(pipeline, tmp_path):
    from diffusers.utils import convert_state_dict_to_diffusers

    plain, trained = run_unet(tiny_unet()), tiny_unet()
    trained.add_adapter(
        IOLoraConfig(target_modules=["to_q", "to_out.0"], r=2, init_lora_weights=False, placement="output")
    )
    expected = run_unet(trained)
    pipe = pipeline()
    state = convert_state_dict_to_diffusers(get_peft_model_state_dict(trained))
    quiet(lambda: pipe.save_lora_weights(str(tmp_path), unet_lora_layers=state))
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
    assert min((half - expected).abs().max(), (half - plain).abs().max()) > 1e-3
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
    with pytest.raises(UnsupportedError, match="drop the adapters"):
        pipe.unet.fuse_qkv_projections()
    quiet(pipe.unload_lora_weights)
    assert torch.equal(run_unet(pipe.unet), plain)
    assert not any(isinstance(module, IOLoraLayer) for module in pipe.unet.modules())


def test_the_scripts_for_flux_save_settings_beside_the_numbers_which_does_no_harm(tmp_path):
    from diffusers import FluxPipeline, FluxTransformer2DModel
    from diffusers.training_utils import _collate_lora_metadata

    def flux():
        torch.manual_seed(3)
        return FluxTransformer2DModel(
            in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2,
            joint_attention_dim=6, pooled_projection_dim=5, axes_dims_rope=(2, 2, 4),
        )  # fmt: skip

    trained, fresh = flux(), flux()
    trained.add_adapter(IOLoraConfig(**PRESETS["flux-dev"].adapter("dora", "input") | {"init_weights": "random"}))
    told = _collate_lora_metadata({"transformer": trained})
    assert told
    state = get_peft_model_state_dict(trained)
    quiet(lambda: FluxPipeline.save_lora_weights(str(tmp_path), transformer_lora_layers=state, **told))
    quiet(lambda: fresh.load_lora_adapter(str(tmp_path), prefix="transformer", adapter_name="default"))
    again = get_peft_model_state_dict(fresh)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[key], state[key]) for key in state)


def test_another_adapter_is_swapped_in_where_one_is_and_keeps_its_strength(pipeline, tmp_path):
    from diffusers.utils import convert_state_dict_to_diffusers

    def saved(folder, **options):
        unet = tiny_unet()
        config = {"target_modules": ["to_q"], "r": 2, "init_weights": "random", "placement": "output", **options}
        unet.add_adapter(IOLoraConfig(**config))
        state = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
        quiet(lambda: pipe.save_lora_weights(str(tmp_path / folder), unet_lora_layers=state))
        return run_unet(unet)

    pipe = pipeline()
    saved("a")
    torch.manual_seed(7)
    second = saved("b", lora_alpha=5)
    quiet(lambda: pipe.load_lora_weights(str(tmp_path / "a"), adapter_name="one"))
    before = [id(p) for p in pipe.unet.parameters()]
    pipe.load_lora_weights(str(tmp_path / "b"), adapter_name="one", hotswap=True)
    assert [id(p) for p in pipe.unet.parameters()] == before
    assert torch.equal(run_unet(pipe.unet), second)
    pipe.set_adapters("one", 0.0)
    pipe.load_lora_weights(str(tmp_path / "a"), adapter_name="one", hotswap=True)
    assert torch.equal(run_unet(pipe.unet), run_unet(tiny_unet()))
    saved("c", r=3)
    for folder, name, sentence in (("c", "one", "cannot be exchanged"), ("a", "two", "on other layers")):
        with pytest.raises(InvalidValueError, match=sentence):
            pipe.load_lora_weights(str(tmp_path / folder), adapter_name=name, hotswap=True)


def test_every_name_of_ours_on_the_page_exists():
    import ioadapt_theory

    ours = {
        "adapt",
        "activate",
        "remove",
        "disable",
        "merge",
        "unmerge",
        "unload",
        "save",
        "load",
        "scale",
        "count",
        "combine",
    }
    named = set(re.findall(r"`(\w+)[(`]", PAGE))
    assert ours <= named
    assert all(hasattr(ioadapt_theory, name) for name in ours)
    options = {"rank", "alpha", "dropout", "use_rslora", "init", "family", "placement_pattern", "dtype"}
    assert options <= set(ioadapt_theory.AdapterConfig.__dataclass_fields__)
