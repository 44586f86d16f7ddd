"""A FLUX transformer in its authors' single file, of a width that diffusers' converter does not know."""

import json

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.models.sources import open_source
from tests.adapters.foreign import FUSED, filled, quiet, tiny_flux

T, S = "transformer_blocks.0", "single_transformer_blocks.0"
PLAIN = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "double_blocks.0.img_attn.proj": f"{T}.attn.to_out.0",
    "double_blocks.0.txt_attn.proj": f"{T}.attn.to_add_out",
    "double_blocks.0.img_mlp.0": f"{T}.ff.net.0.proj",
    "double_blocks.0.img_mlp.2": f"{T}.ff.net.2",
    "double_blocks.0.txt_mlp.0": f"{T}.ff_context.net.0.proj",
    "double_blocks.0.txt_mlp.2": f"{T}.ff_context.net.2",
    "double_blocks.0.img_mod.lin": f"{T}.norm1.linear",
    "double_blocks.0.txt_mod.lin": f"{T}.norm1_context.linear",
    "single_blocks.0.linear2": f"{S}.proj_out",
    "single_blocks.0.modulation.lin": f"{S}.norm.linear",
    "final_layer.linear": "proj_out",
}
NORMS = {
    "double_blocks.0.img_attn.norm.query_norm": f"{T}.attn.norm_q",
    "double_blocks.0.img_attn.norm.key_norm": f"{T}.attn.norm_k",
    "double_blocks.0.txt_attn.norm.query_norm": f"{T}.attn.norm_added_q",
    "double_blocks.0.txt_attn.norm.key_norm": f"{T}.attn.norm_added_k",
    "single_blocks.0.norm.query_norm": f"{S}.attn.norm_q",
    "single_blocks.0.norm.key_norm": f"{S}.attn.norm_k",
}


def test_it_is_read_with_the_configuration_beside_it(tmp_path):
    torch.set_default_dtype(torch.float32)
    flux = filled(tiny_flux())
    state = flux.state_dict()
    whole = {f"{old}.scale": state[f"{new}.weight"] for old, new in NORMS.items()}
    for leaf in ("weight", "bias"):
        whole |= {f"{old}.{leaf}": torch.cat([state[f"{n}.{leaf}"] for n in new]) for old, new in FUSED.items()}
        whole |= {f"{old}.{leaf}": state[f"{new}.{leaf}"] for old, new in PLAIN.items()}
        scale, shift = state[f"norm_out.linear.{leaf}"].chunk(2)
        whole[f"final_layer.adaLN_modulation.1.{leaf}"] = torch.cat([shift, scale])
    file = tmp_path / "flux.safetensors"
    save_file({name: t.contiguous() for name, t in whole.items()}, file)
    quiet(lambda: flux.save_pretrained(tmp_path / "flux" / "transformer"))
    (tmp_path / "flux" / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    source = open_source(file)
    assert source.parts == ("transformer",)
    read = source.load().state_dict()
    assert read.keys() == state.keys()
    assert all(torch.equal(t, read[name]) for name, t in state.items())
    with pytest.raises(InvalidValueError, match="is not a local folder; give a transformers"):
        source.load("text_encoder")  # looked for beside the configuration, since the file has none
    del whole["txt_in.weight"]
    save_file({name: t.contiguous() for name, t in whole.items()}, file)
    with pytest.raises(FileFormatError, match="does not fit the FluxTransformer2DModel of"):
        open_source(file).load()
