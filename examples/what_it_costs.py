"""Estimate the memory and time of the paper's training runs on your device; no weights are loaded.

    python examples/what_it_costs.py sd15 llama
    python examples/what_it_costs.py --placement output --operations 200e12

Operations are counted on the meta device; dividing by your device's operations per second gives hours. The real rate is
lower than the data sheet's, so time a training step to find it. Memory is without gradient checkpointing, which saves
memory but repeats the forward pass. The VAE, the text encoders and the framework's own memory are not counted.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from ioadapt_theory import adapt
from ioadapt_theory.presets import PRESETS

STATES = {"sgd": 0, "adamw": 2, "prodigy": 4}
"""Optimizer -> number of state values per trained parameter."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one training step.

    Attributes:
        operations: floating-point additions and multiplications, forward and backward.
        trained: number of trained parameters.
        weights: bytes of all parameters and buffers.
        kept: bytes saved for the backward pass, without parameters and without gradient checkpointing.
    """

    operations: int
    trained: int
    weights: int
    kept: int

    def memory(self, optimizer: str = "adamw") -> int:
        """Return the bytes of weights, of tensors saved for backward, and of float32 gradients and optimizer states."""
        return self.weights + self.kept + 4 * self.trained * (1 + STATES[optimizer])

    def hours(self, steps: int, per_second: float) -> float:
        """Return the hours of ``steps`` steps at ``per_second`` measured operations per second."""
        return self.operations * steps / per_second / 3600


class _Flash(TorchFunctionMode):
    """Replace attention on the meta device by flash attention, which does not store the matrix of n² weights."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {**dict(zip(("query", "key", "value"), args, strict=False)), **(kwargs or {})}
        if func is not scaled_dot_product_attention or given["query"].device.type != "meta":
            return func(*args, **(kwargs or {}))
        q, k, v = given["query"], given["key"], given["value"]
        if (times := q.shape[-3] // k.shape[-3]) > 1:  # several query heads share a key head
            k, v = k.repeat_interleave(times, -3), v.repeat_interleave(times, -3)
        causal = given.get("is_causal", False)
        return torch.ops.aten._scaled_dot_product_flash_attention(q, k, v, 0.0, causal)[0]


def cost(model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> Cost:
    """Return the operations and bytes of one training step: the forward pass in ``loss``, and the backward pass.

    Args:
        model: the model with trainable parameters; on the meta device, nothing is allocated or computed.
        loss: runs the model on inputs of one step's size, on the same device, and returns a scalar.
    """
    fixed = {t.untyped_storage()._cdata for t in (*model.parameters(), *model.buffers())}
    kept: dict[int, Tensor] = {}  # kept alive, so that addresses are unique

    def keep(t: Tensor) -> Tensor:
        if (where := t.untyped_storage()._cdata) not in fixed:
            kept[where] = t
        return t

    with FlopCounterMode(display=False) as counter:
        with saved_tensors_hooks(keep, lambda t: t), _Flash():
            value = loss(model)
        stored = sum(t.untyped_storage().nbytes() for t in kept.values())
        if value.requires_grad:
            value.backward()  # type: ignore[no-untyped-call]
    everything = {id(t): t for t in (*model.parameters(), *model.buffers())}.values()
    return Cost(
        operations=counter.get_total_flops(),
        trained=sum(p.numel() for p in model.parameters() if p.requires_grad),
        weights=sum(t.numel() * t.element_size() for t in everything),
        kept=stored,
    )


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
    """A row of the table: a preset, a function that builds its model, the samples per step, and the number of steps."""

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
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"rows to print: {', '.join(ROWS)} (default: all)")
    parser.add_argument("--placement", default="input", choices=("input", "output", "weight"))
    parser.add_argument(
        "--operations",
        type=float,
        default=100e12,
        metavar="N",
        help="operations per second of your device (default: 100e12)",
    )
    args = parser.parse_args()
    if unknown := set(args.names) - set(ROWS):
        parser.error(f"unknown row {', '.join(sorted(unknown))}; choose from {', '.join(ROWS)}")
    print(
        f"{'':13} {'model':>7} {'trained':>9} {'batch':>7} {'memory':>11} {'per step':>10} {'steps':>7} {'total':>10}"
    )
    for name in args.names or ROWS:
        print(line(name, args.placement, per_second=args.operations))


if __name__ == "__main__":
    main()
