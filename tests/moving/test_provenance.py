"""On pruned models with renumbered layers, an adapter is put on the corresponding layers, or a warning is given."""

import copy
import warnings
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from ioadapt_theory.adapters import NoProvenanceError, RenumberedWarning
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.cli import MISUSE, OK, main
from ioadapt_theory.formats import load, open_adapter
from ioadapt_theory.formats.match import match
from ioadapt_theory.moving import TransferError
from tests.adapters.foreign import filled, quiet, tiny_llama
from tests.checkpoints.test_unet_names import converted, of_layers


def unet(layers_per_block: int) -> Any:
    """Return a tiny UNet with the block names of SD-1.5 (2 layers each) or of its student BK-SDM (1 layer each)."""
    sizes = {"sample_size": 8, "cross_attention_dim": 12, "attention_head_dim": 4, "norm_num_groups": 4}
    options = {**sizes, "block_out_channels": (8, 8, 8, 8), "layers_per_block": layers_per_block}
    return quiet(lambda: UNet2DConditionModel(**options).float().eval())


def test_a_foreign_file_follows_the_weights_of_the_model_it_was_trained_on(tmp_path, capsys):
    base = tiny_llama(1, 6)
    base.save_pretrained(tmp_path / "base")
    made, kept = copy.deepcopy(base), (0, 3, 5)
    made.config.num_hidden_layers, made.model.layers = 3, nn.ModuleList(made.model.layers[i] for i in kept)
    for p in made.parameters():
        p.data += 0.1 * p.std() * torch.randn_like(p)  # trained further
    made.save_pretrained(tmp_path / "pruned")
    config = LoraConfig(r=1, target_modules=["q_proj", "down_proj"])
    filled(quiet(lambda: get_peft_model(copy.deepcopy(base), config)), "lora").save_pretrained(tmp_path / "a")
    with pytest.raises(NoProvenanceError, match="as source="):
        load(copy.deepcopy(made), tmp_path / "a", strict=False, match="provenance")
    stranger = type(base)(base.config)
    with pytest.raises(NoProvenanceError, match=r"trained on; match by name\.$"):
        load(stranger, tmp_path / "a", strict=False, match="provenance", source=base)
    told = load(copy.deepcopy(made), tmp_path / "a", strict=False, match="provenance", source=base)
    assert str(told).startswith("6 of 12 layers matched, by contents.")
    assert "model.layers.1.self_attn.q_proj: from model.layers.3.self_attn.q_proj" in str(told)
    words = f"adapters bake {tmp_path}/a --out {tmp_path}/out --base {tmp_path}/pruned --partial".split()
    follow = ["--match", "provenance", "--source", f"{tmp_path}/base"]
    assert main([*words, *follow]) == OK
    baked = load_file(tmp_path / "out/adapter_model.safetensors")
    state = load_file(tmp_path / "a/adapter_model.safetensors")
    for new, old in enumerate(kept):
        key = "base_model.model.model.layers.{}.mlp.down_proj.lora_A.weight"
        assert torch.equal(baked[key.format(new)], state[key.format(old)])
    assert main([*words, "--match", "provenance"]) == MISUSE
    assert "match by name, or give that model as source= (for inspect and bake, --source)." in capsys.readouterr().err
    words[2] = f"{tmp_path}/b"
    filled(quiet(lambda: get_peft_model(copy.deepcopy(base), config)), "lora").save_pretrained(tmp_path / "b")
    words[words.index("--partial") :] = ["--source", f"{tmp_path}/base", "--force"]
    assert main(words) == MISUSE
    assert main([*words, "--partial"]) == OK
    assert "the same name means different layers" in capsys.readouterr().err


@pytest.mark.parametrize("spelling", ["diffusers", "Stability"])
def test_a_teacher_s_lora_on_a_student_is_not_put_on_other_layers_unsaid(spelling, tmp_path):
    ldm = {new: old for old, new in of_layers(converted("SD-1.5")).items()}
    state, model = {}, unet(1)
    for name in (n for n, _ in unet(2).named_modules() if n.endswith("attn1.to_q")):
        key = f"unet.{name}" if spelling == "diffusers" else f"lora_unet_{ldm[name].replace('.', '_')}"
        state |= {f"{key}.lora_down.weight": torch.ones(1, 8), f"{key}.lora_up.weight": torch.ones(8, 1)}
    save_file(state, tmp_path / "lora.safetensors")
    if spelling == "Stability":
        with pytest.raises(TransferError, match="the block numbers are those of a UNet with other"):
            load(model, tmp_path / "lora.safetensors")
    else:
        with pytest.warns(RenumberedWarning, match="match='provenance'"):
            load(model, tmp_path / "lora.safetensors", strict=False)


def test_a_shorter_model_is_spoken_of_where_nothing_tells_which_layers_it_kept(tmp_path):
    """The file has adapters for 6 layers, the model has 4 layers, and the file does not name its base model."""
    state, file = {}, tmp_path / "lora.safetensors"
    for i in range(6):
        key = f"lycoris_model_layers_{i}_self_attn_q_proj"
        state[f"{key}.lora_A.weight"], state[f"{key}.lora_B.weight"] = torch.ones(2, 16), torch.ones(16, 2)
    save_file(state, file)
    with pytest.warns(RenumberedWarning, match=r"lacks layers of the adapter, such as .*4.*as the source give the"):
        load(tiny_llama(1, 4), file, strict=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(tiny_llama(1, 6), file)


def test_blocks_of_another_part_are_not_those_that_a_model_lacks(tmp_path):
    """The text encoders of SDXL differ in depth; a file for both fits the shallower one whole."""
    state, file = {}, tmp_path / "lora.safetensors"
    for part, width, depth in ((1, 12, 1), (2, 20, 2)):
        for i in range(depth):
            key = f"lora_te{part}_text_model_encoder_layers_{i}_self_attn_q_proj"
            state[f"{key}.lora_down.weight"], state[f"{key}.lora_up.weight"] = (
                torch.ones(1, width),
                torch.ones(width, 1),
            )
    save_file(state, file)
    sizes = {"hidden_size": 12, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    encoder = CLIPTextModel(CLIPTextConfig(vocab_size=54, projection_dim=12, **sizes)).float()
    model = nn.ModuleDict({"text_model": encoder})  # named as in a single file
    matched = match(open_adapter(file), ModelWeights(model), "text_encoder")
    matched.require_complete()
    assert [*matched.layers] == ["text_model.encoder.layers.0.self_attn.q_proj"]
    sizes["hidden_size"] = 20  # of the deeper one, named as in transformers
    with pytest.warns(RenumberedWarning, match=r"lacks layers of the adapter, such as .*1.*"):
        load(CLIPTextModel(CLIPTextConfig(**sizes)).float(), file, component="text_encoder_2", strict=False)
