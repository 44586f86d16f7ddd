import copy
import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils import convert_all_state_dict_to_peft, convert_state_dict_to_diffusers, convert_state_dict_to_kohya
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from ioadapt_theory import adapt, layers, load, save, transfer
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.cli import OK, main
from ioadapt_theory.formats import open_adapter
from ioadapt_theory.formats.match import match
from ioadapt_theory.moving import TransferError
from tests.adapters.foreign import filled, run_unet, tiny_unet
from tests.formats.refusals import refused

pytestmark = pytest.mark.filterwarnings("ignore")

ATTENTION = ["to_k", "to_q", "to_v", "to_out.0"]
CONFIGS = {
    "mixed": peft.LoraConfig(
        r=3, lora_alpha=5, target_modules=ATTENTION, rank_pattern={"to_q": 2}, alpha_pattern={"to_v": 9, "to_q": 1}
    ),
    "convolutions": peft.LoraConfig(r=3, lora_alpha=2, target_modules=["conv1", "proj_in", "conv", "time_emb_proj"]),
    "dora": peft.LoraConfig(r=3, lora_alpha=5, use_dora=True, target_modules=ATTENTION),
}


def trained(case: str) -> Any:
    unet = tiny_unet()
    unet.add_adapter(CONFIGS[case])
    return filled(unet, mark="lora_").eval()


def written(unet: Any, folder: Any, *, metadata: bool = True) -> dict[str, torch.Tensor]:
    state = convert_state_dict_to_diffusers(peft.get_peft_model_state_dict(unet))
    packed = unet.peft_config["default"].to_dict() if metadata else None
    StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=state, unet_lora_adapter_metadata=packed)
    return load_file(folder / "pytorch_lora_weights.safetensors")


def loaded(path: Path, unet: Any | None = None) -> Any:
    unet = unet or tiny_unet()
    assert not load(unet, path, component="unet" if "both" in path.name else None).unmatched
    return unet


def opened(file: Any, unet: Any | None = None) -> Any:
    unet = unet or tiny_unet()
    state, alphas, metadata = StableDiffusionPipeline.lora_state_dict(
        file, unet_config=unet.config, return_lora_metadata=True
    )
    StableDiffusionPipeline.load_lora_into_unet(state, alphas, unet, metadata=metadata)
    return unet


def close(ours: Any, theirs: Any) -> None:
    assert (run_unet(theirs) - run_unet(tiny_unet())).abs().max() > 1e-2
    assert_close(run_unet(ours), run_unet(theirs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CONFIGS)
def test_what_diffusers_writes_does_the_same_here(case, tmp_path):
    theirs = trained(case)
    written(theirs, tmp_path)
    close(loaded(tmp_path), theirs)
    assert open_adapter(tmp_path).format == "diffusers"
    theirs.save_lora_adapter(tmp_path / "alone", adapter_name="default")
    close(loaded(tmp_path / "alone"), theirs)


def test_without_metadata_alpha_is_the_rank_of_each_layer_as_diffusers_has_it(tmp_path):
    state = written(trained("mixed"), tmp_path, metadata=False)
    ours = loaded(tmp_path)
    close(ours, opened(tmp_path))
    assert all(phi.scaling == 1 for m in layers(ours).values() for phi in m.adapters["default"].values())
    kohya = convert_state_dict_to_kohya(convert_all_state_dict_to_peft(state))  # as with output_kohya_format
    assert all(k.startswith("lora_unet_") for k in kohya)
    ranks = {k.removesuffix(".lora_down.weight"): len(v) for k, v in kohya.items() if "lora_down" in k}
    kohya |= {f"{k}.alpha": torch.tensor(float(r)) for k, r in ranks.items()}
    save_file(kohya, tmp_path / "kohya.safetensors")
    close(loaded(tmp_path / "kohya.safetensors"), ours)
    old = state
    for name in ("to_out", "to_q", "to_k", "to_v"):  # attention processors, before PEFT
        new = f".processor.{name}_lora."
        old = {k.replace(f".{name}.0.lora.", new).replace(f".{name}.lora.", new): v for k, v in old.items()}
    assert all(".processor." in k for k in old)
    save_file(old, tmp_path / "old.safetensors")
    close(loaded(tmp_path / "old.safetensors"), ours)


def encoder(n: int = 16, kind: Any = CLIPTextModel) -> Any:
    torch.manual_seed(4)
    config = CLIPTextConfig(vocab_size=50, hidden_size=n, intermediate_size=24, num_hidden_layers=2)
    config.num_attention_heads, config.max_position_embeddings = 2, 16
    return kind(config).float().eval()


def test_unet_and_text_encoder_in_one_file_go_to_their_models(tmp_path):
    unet, text = trained("mixed"), encoder()
    text_config = peft.LoraConfig(r=2, lora_alpha=7, target_modules=["q_proj", "out_proj"])
    peft.inject_adapter_in_model(text_config, text)
    filled(text, mark="lora_")
    states = [convert_state_dict_to_diffusers(peft.get_peft_model_state_dict(m)) for m in (unet, text)]
    packed = {f"unet.{k}": v for k, v in unet.peft_config["default"].to_dict().items()}
    packed |= {f"text_encoder.{k}": v for k, v in text_config.to_dict().items()}
    file = tmp_path / "both.safetensors"
    state = {f"unet.{k}": v for k, v in states[0].items()} | {f"text_encoder.{k}": v for k, v in states[1].items()}
    metadata = {"lora_adapter_metadata": json.dumps(packed, default=list)}
    save_file({k: v.contiguous() for k, v in state.items()}, file, metadata=metadata)
    close(loaded(file), unet)
    ours, ids = encoder(), torch.arange(10).reshape(2, 5)
    refused(ours, file, "layers of unet are left out if only text_encoder is loaded; pass comp")
    told = load(ours, file, component="text_encoder")
    assert (len(told.matched), "layers of unet are left out." in str(told)) == (4, True)
    assert_close(ours(ids)[0], text(ids)[0], rtol=1e-5, atol=1e-5)
    refused(tiny_unet(), file, "no layer of this name", TransferError, component="text_encoder")


def test_kohya_s_text_encoders_are_told_apart_by_their_sizes(tmp_path):
    state = {}
    for which, n in (("lora_te1", 16), ("lora_te2", 24)):
        key = f"{which}_text_model_encoder_layers_0_self_attn_q_proj"
        state |= {f"{key}.lora_{p}.weight": torch.randn(s).float() for p, s in (("down", (2, n)), ("up", (n, 2)))}
    file = tmp_path / "te.safetensors"
    save_file(state, file)
    for n, component in ((16, "text_encoder"), (24, "text_encoder_2")):
        for kind in (CLIPTextModel, CLIPTextModelWithProjection):  # transformers 5: the first has no prefix
            model = encoder(n, kind)
            assert match(open_adapter(file), ModelWeights(model)).component == component
            assert load(model, file, strict=False).matched[0].endswith("encoder.layers.0.self_attn.q_proj")
    other = torch.nn.ModuleDict({"other": torch.nn.Linear(16, 16)})
    refused(other, file, "has adapters for text_encoder, text_encoder_2; choose")


@pytest.mark.parametrize("base", ["alone", "pipe:unet", "base.safetensors"])
@pytest.mark.parametrize("style", ["diffusers", "kohya"])
def test_baked_for_a_unet_without_its_component_it_is_loaded_by_diffusers(style, base, tmp_path, capsys):
    source, target = tiny_unet(), tiny_unet()
    for p in target.parameters():
        p.data.add_(0.05 * torch.randn_like(p))
    options = {"alpha": 5, "rank_pattern": {"to_q": 2}, "placement_pattern": {"to_out.0": "input"}, "init": "random"}
    adapt(source, target_modules=ATTENTION, placement="output" if style == "diffusers" else "weight", rank=3, **options)
    ours = copy.deepcopy(target)
    transfer(source, ours)
    save(source, tmp_path / "a")
    target.save_pretrained(tmp_path / "alone")
    target.save_pretrained(tmp_path / "pipe/unet")
    (tmp_path / "pipe/model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    save_file(target.state_dict(), tmp_path / "base.safetensors")
    file = tmp_path / "out.safetensors"
    words = ["adapters", "bake", f"{tmp_path}/a", "--out", str(file), "--base", f"{tmp_path}/{base}", "--style", style]
    assert main(words) == OK
    assert all(key.startswith(("unet.", "lora_unet_")) for key in load_file(file))
    close(opened(file, copy.deepcopy(target)), ours)
    close(loaded(file, copy.deepcopy(target)), ours)
    told = capsys.readouterr()
    assert "exact up to rounding, " in told.out
    assert "To predict how the adapter performs on" in told.err
