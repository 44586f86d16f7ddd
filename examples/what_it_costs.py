"""What the paper's runs take: memory, and hours on your device, counted on the meta device without any weights.

    python examples/what_it_costs.py sd15 llama
    python examples/what_it_costs.py --placement output --operations 200e12

Hours follow from counted operations and from how many your device does in a second: fewer than its data sheet says, so
time a step. Memory is without gradient checkpointing, which keeps less and does the forward pass twice. The VAE, text
encoders and what the framework keeps for itself are not counted.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ioadapt_theory import adapt
from ioadapt_theory.costs import cost
from ioadapt_theory.presets import PRESETS

Made = tuple[nn.Module, Callable[[nn.Module], Tensor]]


def sd15(n: int) -> Made:
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768)
    x, text, times = torch.empty(n, 4, 64, 64), torch.empty(n, 77, 768), torch.empty(n)
    return unet, lambda m: m(x, times, text).sample.float().square().mean()


def sdxl(n: int) -> Made:
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=128, cross_attention_dim=2048, block_out_channels=(320, 640, 1280), attention_head_dim=(5, 10, 20),
        transformer_layers_per_block=(1, 2, 10), use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    x, text, times = torch.empty(n, 4, 64, 64), torch.empty(n, 77, 2048), torch.empty(n)
    more = {"text_embeds": torch.empty(n, 1280), "time_ids": torch.empty(n, 6)}
    return unet, lambda m: m(x, times, text, added_cond_kwargs=more).sample.float().square().mean()


def sd35(n: int) -> Made:
    from diffusers import SD3Transformer2DModel

    transformer = SD3Transformer2DModel(
        num_layers=38, num_attention_heads=38, caption_projection_dim=2432, pos_embed_max_size=192, out_channels=16,
        qk_norm="rms_norm",
    )  # fmt: skip
    x, text = torch.empty(n, 16, 64, 64), torch.empty(n, 77 + 77, 4096)
    pooled, times = torch.empty(n, 2048), torch.empty(n)
    return transformer, lambda m: m(x, text, pooled, times).sample.float().square().mean()


def flux(n: int, images: int = 1) -> Made:
    from diffusers import FluxTransformer2DModel

    transformer = FluxTransformer2DModel(guidance_embeds=True)
    x, text = torch.empty(n, 1024 * images, 64), torch.empty(n, 512, 4096)
    pooled, times, ids = torch.empty(n, 768), torch.empty(n), torch.empty(1024 * images + 512, 3)
    inputs = {"encoder_hidden_states": text, "pooled_projections": pooled, "timestep": times, "guidance": times}
    places = {"txt_ids": ids[:512], "img_ids": ids[512:]}
    return transformer, lambda m: m(x, **inputs, **places).sample.float().square().mean()


def llama(n: int, length: int = 256) -> Made:
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32,
            num_key_value_heads=8, vocab_size=128256, tie_word_embeddings=True,
        )
    )  # fmt: skip
    tokens = torch.empty(n, length, dtype=torch.long)
    return model, lambda m: m(input_ids=tokens, labels=tokens).loss


@dataclass(frozen=True)
class Row:
    """A line of the table: a preset, its model, how many samples at once, and in how many steps of so many."""

    preset: str
    make: Callable[[int], Made]
    samples: int
    steps: int


ROWS = {
    "sd15": Row("sd15", sd15, 4, 500),
    "sdxl": Row("sdxl", sdxl, 4, 500),
    "sd35-large": Row("sd35-large", sd35, 4, 500),
    "flux-dev": Row("flux-dev", flux, 4, 500),
    "ominicontrol": Row("ominicontrol", lambda n: flux(n, 2), 1, 2 * 15000),
    "clear": Row("clear", lambda n: flux(n, 4), 1, 32 * 40000),
    "llama": Row("commonsense", llama, 16, 3 * 170_000 // 16),
}


def line(name: str, placement: str, *, per_second: float) -> str:
    """A row of the table."""
    row = ROWS[name]
    preset = PRESETS[row.preset]
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("meta"):
            model, loss = row.make(row.samples)
            model.train()
            options = preset.adapter(next(iter(preset.ranks)), placement)
            found = cost(adapt(model, **options), loss)
    finally:
        torch.set_default_dtype(before)
    size = sum(p.numel() for p in model.parameters()) - found.trained
    memory, hours = found.memory(preset.optimizer) / 2**30, found.hours(row.steps, per_second)
    return (
        f"{name:<13} {size / 1e9:5.2f} G {found.trained / 1e6:7.2f} M {row.samples:>7} {memory:8.1f} GiB"
        f" {found.operations / 1e12:8.1f} T {row.steps:>7} {hours:8.2f} h"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ROWS)}; default all")
    parser.add_argument("--placement", default="input", choices=("input", "output", "weight"))
    parser.add_argument("--operations", type=float, default=100e12, metavar="N", help="in a second (default 100e12)")
    args = parser.parse_args()
    if unknown := set(args.names) - set(ROWS):
        parser.error(f"no {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    print(
        f"{'':13} {'model':>7} {'trained':>9} {'at once':>7} {'memory':>11} {'a step':>10} {'steps':>7} {'in all':>10}"
    )
    for name in args.names or ROWS:
        print(line(name, args.placement, per_second=args.operations))


if __name__ == "__main__":
    main()
