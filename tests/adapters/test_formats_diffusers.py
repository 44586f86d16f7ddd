"""Files that the real diffusers writes are read, and do the same; what we bake is loaded by diffusers."""

import copy
import json
from typing import Any

import peft
import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils import convert_all_state_dict_to_peft, convert_state_dict_to_diffusers, convert_state_dict_to_kohya
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from ioadapt_theory.adapters import TransferError, adapt, layers, transfer
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.errors import FileFormatError
from ioadapt_theory.formats import load, open_adapter
from ioadapt_theory.formats.match import match
from ioadapt_theory.formats.plain_lora import Baked, Style, write_lora
from tests.adapters.foreign import filled, quiet, run_unet, tiny_unet

pytestmark = pytest.mark.filterwarnings("ignore")

ATTENTION = ["to_k", "to_q", "to_v", "to_out.0"]
CONFIGS = {
    "alpha-is-rank": peft.LoraConfig(r=3, lora_alpha=3, target_modules=ATTENTION),
    "alpha-is-not-rank": peft.LoraConfig(r=3, lora_alpha=5, target_modules=ATTENTION),
    "mixed": peft.LoraConfig(
        r=3, lora_alpha=5, target_modules=ATTENTION, rank_pattern={"to_q": 2}, alpha_pattern={"to_v": 9, "to_q": 1}
    ),
    "convolutions": peft.LoraConfig(r=3, lora_alpha=2, target_modules=["conv1", "proj_in", "conv", "time_emb_proj"]),
    "dora": peft.LoraConfig(r=3, lora_alpha=5, use_dora=True, target_modules=ATTENTION),
}


def trained(config: peft.LoraConfig) -> Any:
    unet = tiny_unet()
    quiet(lambda: unet.add_adapter(config))
    return filled(unet, mark="lora_").eval()


def written(unet: Any, folder: Any, *, metadata: bool = True) -> None:
    state = convert_state_dict_to_diffusers(peft.get_peft_model_state_dict(unet))
    packed = quiet(unet.peft_config["default"].to_dict) if metadata else None
    StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=state, unet_lora_adapter_metadata=packed)


def opened(file: Any) -> Any:
    """The file on a fresh UNet, by diffusers."""
    unet = tiny_unet()
    state, alphas, metadata = quiet(
        lambda: StableDiffusionPipeline.lora_state_dict(file, unet_config=unet.config, return_lora_metadata=True)
    )
    quiet(lambda: StableDiffusionPipeline.load_lora_into_unet(state, alphas, unet, metadata=metadata))
    return unet


@pytest.mark.parametrize("case", CONFIGS)
def test_what_diffusers_writes_does_the_same_here(case, tmp_path):
    theirs = trained(CONFIGS[case])
    written(theirs, tmp_path)
    ours = tiny_unet()
    report = load(ours, tmp_path)
    assert not report.unmatched
    expected = run_unet(theirs)
    assert (expected - run_unet(tiny_unet())).abs().max() > 1e-2
    assert_close(run_unet(ours), expected, rtol=1e-5, atol=1e-5)
    assert open_adapter(tmp_path).format == "diffusers"


@pytest.mark.parametrize("case", ["alpha-is-rank", "mixed"])
def test_without_metadata_alpha_is_the_rank_of_each_layer_as_diffusers_has_it(case, tmp_path):
    written(trained(CONFIGS[case]), tmp_path, metadata=False)
    ours = tiny_unet()
    load(ours, tmp_path)
    assert_close(run_unet(ours), run_unet(opened(tmp_path)), rtol=1e-5, atol=1e-5)
    assert all(phi.scaling == 1 for m in layers(ours).values() for phi in m.adapters["default"].values())


def test_kohya_s_keys_with_alpha(tmp_path):
    theirs = trained(CONFIGS["alpha-is-not-rank"])
    written(theirs, tmp_path, metadata=False)
    state = convert_all_state_dict_to_peft(load_file(tmp_path / "pytorch_lora_weights.safetensors"))
    kohya = convert_state_dict_to_kohya(state)  # as the DreamBooth scripts do with output_kohya_format
    assert all(k.startswith("lora_unet_") for k in kohya)
    kohya |= {k: torch.tensor(5.0) for k in kohya if k.endswith(".alpha")}
    save_file(kohya, tmp_path / "kohya.safetensors")
    ours = tiny_unet()
    load(ours, tmp_path / "kohya.safetensors")
    assert_close(run_unet(ours), run_unet(theirs), rtol=1e-5, atol=1e-5)
    assert open_adapter(tmp_path / "kohya.safetensors").format == "kohya/LyCORIS"


def test_the_old_names_of_attention_processors(tmp_path):
    theirs = trained(CONFIGS["alpha-is-rank"])
    written(theirs, tmp_path, metadata=False)
    state = load_file(tmp_path / "pytorch_lora_weights.safetensors")
    old = {
        k.replace(".to_out.0.lora.", ".processor.to_out_lora.")
        .replace(".to_q.lora.", ".processor.to_q_lora.")
        .replace(".to_k.lora.", ".processor.to_k_lora.")
        .replace(".to_v.lora.", ".processor.to_v_lora."): v
        for k, v in state.items()
    }
    assert all(".processor." in k for k in old)
    save_file(old, tmp_path / "old.safetensors")
    ours = tiny_unet()
    load(ours, tmp_path / "old.safetensors")
    assert_close(run_unet(ours), run_unet(theirs), rtol=1e-5, atol=1e-5)


def test_unet_and_text_encoder_in_one_file_go_to_their_models(tmp_path):
    from transformers import CLIPTextConfig, CLIPTextModel

    def encoder() -> Any:
        torch.manual_seed(4)
        config = CLIPTextConfig(vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=2)
        config.num_attention_heads, config.max_position_embeddings = 2, 16
        return quiet(lambda: CLIPTextModel(config)).float().eval()

    unet, text = trained(CONFIGS["mixed"]), encoder()
    text_config = peft.LoraConfig(r=2, lora_alpha=7, target_modules=["q_proj", "out_proj"])
    quiet(lambda: peft.inject_adapter_in_model(text_config, text))
    filled(text, mark="lora_")
    states = [convert_state_dict_to_diffusers(peft.get_peft_model_state_dict(m)) for m in (unet, text)]
    packed = {f"unet.{k}": v for k, v in quiet(unet.peft_config["default"].to_dict).items()}
    packed |= {f"text_encoder.{k}": v for k, v in quiet(text_config.to_dict).items()}
    file = tmp_path / "both.safetensors"
    state = {f"unet.{k}": v for k, v in states[0].items()} | {f"text_encoder.{k}": v for k, v in states[1].items()}
    metadata = {"lora_adapter_metadata": json.dumps(packed, default=list)}
    save_file({k: v.contiguous() for k, v in state.items()}, file, metadata=metadata)
    ours, ours_text, ids = tiny_unet(), encoder(), torch.arange(10).reshape(2, 5)
    load(ours, file)
    assert len(load(ours_text, file).matched) == 4
    assert_close(run_unet(ours), run_unet(unet), rtol=1e-5, atol=1e-5)
    assert_close(ours_text(ids)[0], text(ids)[0], rtol=1e-5, atol=1e-5)
    with pytest.raises(TransferError, match="no such layer"):
        load(tiny_unet(), file, component="text_encoder")


@pytest.mark.parametrize("style", [Style.DIFFUSERS, Style.KOHYA])
def test_baked_for_a_named_unet_it_is_loaded_by_diffusers(style, tmp_path):
    source, target = tiny_unet(), tiny_unet()
    for p in target.parameters():
        p.data.add_(0.05 * torch.randn_like(p))
    options = {"alpha": 5, "rank_pattern": {"to_q": 2}, "placement_pattern": {"to_out.0": "input"}, "init": "random"}
    adapt(source, target_modules=ATTENTION, placement="output", rank=3, **options)
    weights = ModelWeights(target)
    baked = [(n, Baked.of(m.adapters["default"], weights.layer(n))) for n, m in layers(source).items()]
    file = write_lora(tmp_path / "lora.safetensors", baked, style, base="tiny", component="unet")
    ours, theirs = copy.deepcopy(target), copy.deepcopy(target)
    transfer(source, ours)
    state, alphas, metadata = quiet(
        lambda: StableDiffusionPipeline.lora_state_dict(file, unet_config=theirs.config, return_lora_metadata=True)
    )
    quiet(lambda: StableDiffusionPipeline.load_lora_into_unet(state, alphas, theirs, metadata=metadata))
    assert_close(run_unet(theirs), run_unet(ours), rtol=1e-5, atol=1e-5)
    back = copy.deepcopy(target)
    load(back, file)
    assert_close(run_unet(back), run_unet(ours), rtol=1e-5, atol=1e-5)


def test_kohya_s_text_encoder_keys_fit_with_and_without_text_model_in_the_names(tmp_path):
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=2)
    config.num_attention_heads = 2
    key = "lora_te1_text_model_encoder_layers_1_self_attn_q_proj"
    state = {f"{key}.lora_{p}.weight": torch.randn(s).float() for p, s in (("down", (2, 16)), ("up", (16, 2)))}
    save_file(state, tmp_path / "te.safetensors")
    for make in (CLIPTextModel, CLIPTextModelWithProjection):  # of transformers 5: the first has lost the prefix
        (matched,) = load(quiet(lambda cls=make: cls(config)), tmp_path / "te.safetensors").matched
        assert matched.endswith("encoder.layers.1.self_attn.q_proj")


def test_text_encoders_of_the_same_names_are_told_apart_by_their_sizes(tmp_path):
    from transformers import CLIPTextConfig, CLIPTextModel

    state = {}
    for which, n in (("lora_te1", 16), ("lora_te2", 24)):
        key = f"{which}_text_model_encoder_layers_0_self_attn_q_proj"
        state |= {f"{key}.lora_{p}.weight": torch.randn(s).float() for p, s in (("down", (2, n)), ("up", (n, 2)))}
    save_file(state, tmp_path / "te.safetensors")
    for n, component in ((16, "text_encoder"), (24, "text_encoder_2")):
        config = CLIPTextConfig(vocab_size=50, hidden_size=n, intermediate_size=24, num_hidden_layers=1)
        config.num_attention_heads = 2
        model = quiet(lambda c=config: CLIPTextModel(c))
        assert match(open_adapter(tmp_path / "te.safetensors"), ModelWeights(model)).component == component
        assert len(load(model, tmp_path / "te.safetensors").matched) == 1
    with pytest.raises(FileFormatError, match="holds text_encoder, text_encoder_2, and it is not clear"):
        load(torch.nn.ModuleDict({"other": torch.nn.Linear(16, 16)}), tmp_path / "te.safetensors")


def test_what_a_unet_saves_alone(tmp_path):
    theirs = trained(CONFIGS["mixed"])
    quiet(lambda: theirs.save_lora_adapter(tmp_path, adapter_name="default"))
    ours = tiny_unet()
    load(ours, tmp_path)
    assert_close(run_unet(ours), run_unet(theirs), rtol=1e-5, atol=1e-5)
