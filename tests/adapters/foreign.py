"""Tiny models and adapters of other libraries, built offline from configurations."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Small(nn.Module):
    """A model with every layer type that the adapter formats support, with c != d."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.ModuleDict({"to_q": nn.Linear(12, 20, bias=False), "to_out": nn.Sequential(nn.Linear(20, 12))})
        self.conv_in = nn.Conv2d(3, 12, 3, stride=2, padding=1)
        self.proj = nn.Conv2d(12, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 3, h, w) to (n, 8, h/2, w/2)."""
        x = self.conv_in(x).movedim(1, -1)
        x = self.block["to_out"](self.block["to_q"](x)) + x
        return self.proj(x.movedim(-1, 1))


def quiet(call: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()


def filled(model: nn.Module, mark: str = "") -> nn.Module:
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad and mark in name:
                p.add_(0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return model


def tiny_unet() -> Any:
    """Return a UNet2DConditionModel with attention and a downsampler, and about 50k parameters."""
    from diffusers import UNet2DConditionModel

    torch.manual_seed(1)
    sizes = {"sample_size": 8, "layers_per_block": 1, "block_out_channels": (8, 16), "norm_num_groups": 4}
    down, up = ("CrossAttnDownBlock2D", "DownBlock2D"), ("UpBlock2D", "CrossAttnUpBlock2D")
    sizes |= {"down_block_types": down, "up_block_types": up, "cross_attention_dim": 12, "attention_head_dim": 4}
    return quiet(lambda: UNet2DConditionModel(**sizes).float())


def run_unet(unet: nn.Module) -> Tensor:
    g = torch.Generator().manual_seed(2)
    x, h = torch.randn(2, 4, 8, 8, generator=g), torch.randn(2, 5, 12, generator=g)
    with torch.no_grad():
        return unet(x.float(), 3, h.float()).sample


def tiny_llama(seed: int = 1, layers: int = 2, **options: Any) -> Any:
    """Return a LlamaForCausalLM with grouped-query attention; ``options`` are of its configuration."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 4, "num_key_value_heads": 2}
    sizes |= {"vocab_size": 50, "num_hidden_layers": layers, "max_position_embeddings": 32, **options}
    return quiet(lambda: LlamaForCausalLM(LlamaConfig(**sizes)).float())


def run_llama(model: nn.Module) -> Tensor:
    with torch.no_grad():
        return model(torch.arange(12).reshape(2, 6)).logits


def tiny_flux() -> Any:
    """Return a FluxTransformer2DModel with one double and one single block."""
    from diffusers import FluxTransformer2DModel

    torch.manual_seed(1)
    sizes = {"in_channels": 4, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 8}
    sizes |= {"num_attention_heads": 2, "joint_attention_dim": 12, "pooled_projection_dim": 10}
    return FluxTransformer2DModel(**sizes, axes_dims_rope=(2, 2, 4)).float()


FUSED = {
    "double_blocks.0.img_attn.qkv": [f"transformer_blocks.0.attn.to_{p}" for p in "qkv"],
    "double_blocks.0.txt_attn.qkv": [f"transformer_blocks.0.attn.add_{p}_proj" for p in "qkv"],
    "single_blocks.0.linear1": [
        *(f"single_transformer_blocks.0.attn.to_{p}" for p in "qkv"),
        "single_transformer_blocks.0.proj_mlp",
    ],
}
"""Layer of the original FLUX -> the layers of diffusers that together form it."""
T, S = "transformer_blocks.0", "single_transformer_blocks.0"
PLAIN = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
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


def in_authors_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a FLUX in the names and the layout of FLUX's authors."""
    whole = {f"{old}.scale": state[f"{new}.weight"] for old, new in NORMS.items()}
    for leaf in ("weight", "bias"):
        whole |= {f"{old}.{leaf}": torch.cat([state[f"{n}.{leaf}"] for n in new]) for old, new in FUSED.items()}
        whole |= {f"{old}.{leaf}": t for old, new in PLAIN.items() if (t := state.get(f"{new}.{leaf}")) is not None}
        scale, shift = state[f"norm_out.linear.{leaf}"].chunk(2)
        whole[f"final_layer.adaLN_modulation.1.{leaf}"] = torch.cat([shift, scale])
    return {name: t.contiguous() for name, t in whole.items()}
