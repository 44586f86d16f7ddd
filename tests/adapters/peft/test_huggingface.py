"""transformers and diffusers train, save and reload adapted models correctly, or the package raises an error."""

import copy
import pickle
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

from ioadapt_theory import adapt, layers, load, merge, remove
from ioadapt_theory.errors import UnsupportedError
from ioadapt_theory.peft import IOLoraConfig
from tests.adapters.foreign import filled, run_llama, run_unet, tiny_llama, tiny_unet

pytestmark = pytest.mark.filterwarnings("ignore")

TARGETS = ["q_proj", "down_proj"]
WORDS = [{"input_ids": torch.arange(i, i + 6), "labels": torch.arange(i, i + 6)} for i in range(8)]


def adapted(placement: str = "input") -> torch.nn.Module:
    return adapt(tiny_llama(), target_modules=TARGETS, rank=2, init="random", placement=placement)


def trainer(model: torch.nn.Module, folder: object) -> object:
    from transformers import Trainer, TrainingArguments

    options = TrainingArguments(
        str(folder), max_steps=2, save_steps=1, per_device_train_batch_size=4, report_to=[], use_cpu=True,
        learning_rate=1e-2, disable_tqdm=True,
    )  # fmt: skip
    return Trainer(model, options, train_dataset=WORDS)


def test_the_trainer_s_checkpoints_are_resumed_from_exactly_loaded_on_the_base_and_refused_elsewhere(tmp_path):
    model = adapted("input+weight")
    untrained = run_llama(model)
    trainer(model, tmp_path).train()
    expected = run_llama(model)
    assert (expected - untrained).abs().max() > 1e-4
    resumed = adapted("input+weight")
    trainer(resumed, tmp_path).train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))
    assert_close(run_llama(resumed), expected)
    base = tiny_llama()
    load(base, tmp_path / "checkpoint-2")
    assert_close(run_llama(base), expected)
    adapt(model, target_modules=["q_proj"], placement="input", rank=1, name="second", init="random")
    trainer(model, tmp_path / "run").save_model(str(tmp_path / "final"))
    with pytest.raises(RuntimeError, match="ignore_mismatched_sizes"):
        type(model).from_pretrained(tmp_path / "final")
    base = tiny_llama()
    load(base, tmp_path / "final")
    load(base, tmp_path / "final" / "second", "second")
    assert_close(run_llama(base), run_llama(model))


@pytest.mark.parametrize(("make", "layer"), [(tiny_llama, "q_proj"), (tiny_unet, "to_q")])
def test_save_pretrained_by_hand_says_what_to_do_and_works_again_without_adapters(make, layer, tmp_path):
    model = adapt(make(), target_modules=[layer], placement="input", rank=2, init="random")
    for same in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        with pytest.raises(UnsupportedError, match="which from_pretrained cannot load"):
            same.save_pretrained(tmp_path / "x")
    assert not (tmp_path / "x").exists()
    remove(model)
    model.save_pretrained(tmp_path / "y")
    assert (tmp_path / "y").is_dir()


@pytest.mark.parametrize(("family", "placement"), [("lora", "input"), ("dora", "output"), ("lokr", "input+weight")])
def test_diffusers_training_scripts_save_it_and_load_lora_adapter_reads_it(family, placement, tmp_path):
    from diffusers import StableDiffusionPipeline
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft.utils import get_peft_model_state_dict

    unet = tiny_unet()
    config = IOLoraConfig(
        target_modules=["to_k", "to_out.0", "conv1"], r=2, lora_alpha=3, family=family, placement=placement,
        rank_pattern={"to_k": 3}, init_weights="random",
    )  # fmt: skip
    unet.add_adapter(config)
    expected = run_unet(filled(unet, mark="iolora"))
    state = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    StableDiffusionPipeline.save_lora_weights(str(tmp_path), unet_lora_layers=state)
    assert (expected - run_unet(tiny_unet())).abs().max() > 1e-3
    fresh, by_us, again = tiny_unet(), tiny_unet(), tiny_unet()
    fresh.load_lora_adapter(str(tmp_path), prefix="unet")
    load(by_us, tmp_path)
    again.load_lora_adapter({f"unet.{k}": v for k, v in state.items()}, prefix="unet", adapter_name="other")
    for unet in (fresh, by_us, again):
        assert_close(run_unet(unet), expected)
    assert again.active_adapters() == ["other"]
    again.set_adapters(["other"], weights=[0.5])  # the current strength is not saved
    assert (run_unet(again) - expected).abs().max() > 1e-3
    state, whole = get_peft_model_state_dict(again, adapter_name="other"), tiny_unet()
    save_file(state, tmp_path / "half.safetensors")
    load(whole, tmp_path / "half.safetensors")
    assert_close(run_unet(whole), expected)


@pytest.mark.parametrize("plug_in", [False, True])
def test_fusing_projections_that_are_adapted_is_refused_and_works_before_and_after(plug_in):
    unet = tiny_unet()
    if plug_in:
        unet.add_adapter(IOLoraConfig(target_modules=["to_q", "to_v"], r=2, placement="output", init_weights="random"))
    else:
        adapt(unet, target_modules=["to_q"], placement="input", rank=2, init="random")
    expected = run_unet(unet)
    for same in (unet, copy.deepcopy(unet), pickle.loads(pickle.dumps(unet))):
        attention = next(m for m in same.modules() if hasattr(m, "fuse_projections"))
        for fuse in (same.fuse_qkv_projections, attention.fuse_projections):
            with pytest.raises(UnsupportedError, match="drop their adapters"):
                fuse()
    if plug_in:
        unet.fuse_lora()
    else:
        merge(unet, unload=True)
    unet.fuse_qkv_projections()
    assert_close(run_unet(unet), expected)


def mixtral() -> torch.nn.Module:
    from transformers import MixtralConfig, MixtralForCausalLM

    torch.manual_seed(0)
    return MixtralForCausalLM(
        MixtralConfig(
            vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=2, num_local_experts=3,
        )
    )  # fmt: skip


def test_experts_that_are_one_tensor_are_named_as_not_reached():
    options, one = {"placement": "input", "rank": 2}, r"model\.layers\.0\.mlp\.experts\.gate_up_proj \[3, 48, 16\]"
    with pytest.warns(UserWarning, match=f"cannot be adapted: {one}"):
        model = adapt(mixtral(), target_modules="all-linear", **options)
    assert not any("experts" in name for name in layers(model))
    with pytest.raises(UnsupportedError, match=r"experts\.down_proj \[3, 16, 24\].*; choose other target_modules"):
        adapt(mixtral(), target_modules=["down_proj"], **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapt(mixtral(), target_modules=["q_proj"], **options)
        adapt(mixtral(), target_modules="all-linear", exclude_modules=["gate_up_proj", "down_proj"], **options)
