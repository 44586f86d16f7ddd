r"""As in OminiControl: with an adapter, FLUX reads tokens of a condition (edges, depth) besides those of an image.

The transformer attends to the tokens of the condition and of the image in the same way; only the adapter is trained.
Latents of images and conditions, and the prompts, are encoded in advance: a .safetensors file with "latents" and
"condition" (n, channels, height, width), "prompts" (n, tokens, features) and "pooled" (n, features). Real models: leave
out ``--model``, ``--target`` and ``--steps``, for 15,000 steps (on 2 H100s, according to the paper);
examples/what_it_costs.py estimates the cost. To try it:

    python examples/tiny.py flux out/flux
    python examples/ominicontrol.py --placement input --model out/flux --target out/flux \
        --cached out/flux/cached.safetensors --steps 2
"""

import argparse
from pathlib import Path

import torch
from diffusers import FluxPipeline, FluxTransformer2DModel
from safetensors.torch import load_file

from ioadapt_theory import adapt, load, save
from ioadapt_theory.presets import PRESETS


def packed(latents: torch.Tensor) -> torch.Tensor:
    """Reshape (n, channels, height, width) to (n, tokens, 4 * channels), FLUX's layout of images."""
    return FluxPipeline._pack_latents(latents, *latents.shape)


def velocity(transformer, noisy, times, condition, prompts, pooled, height, width):
    """Return the velocity of the image tokens; condition tokens share their positions but give no output."""
    ids = FluxPipeline._prepare_latent_image_ids(1, height // 2, width // 2, noisy.device, noisy.dtype)
    guidance = torch.full_like(times, 1.0) if transformer.config.guidance_embeds else None
    said = transformer(
        hidden_states=torch.cat([noisy, condition], 1), timestep=times, guidance=guidance, pooled_projections=pooled,
        encoder_hidden_states=prompts, txt_ids=noisy.new_zeros(prompts.shape[1], 3), img_ids=torch.cat([ids, ids]),
    ).sample  # fmt: skip
    return said[:, : noisy.shape[1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    preset = PRESETS["ominicontrol"]
    parser.add_argument("--model", default=preset.base)
    parser.add_argument("--target", default="black-forest-labs/FLUX.1-schnell")
    parser.add_argument("--cached", type=Path, required=True, help=".safetensors file of encoded latents and prompts")
    parser.add_argument("--placement", required=True, choices=("input", "output", "weight"))
    parser.add_argument("--steps", type=int, default=preset.steps)
    parser.add_argument("--out", type=Path, default=Path("out/ominicontrol"))
    args = parser.parse_args()
    device, dtype = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)

    flux = FluxTransformer2DModel.from_pretrained(args.model, subfolder="transformer", torch_dtype=dtype).to(device)
    adapt(flux, **preset.adapter("lora", args.placement))
    if device == "cuda":
        flux.enable_gradient_checkpointing()
    optimizer = preset.optimizer_for(p for p in flux.parameters() if p.requires_grad)
    cached = {name: tensor.to(device, dtype) for name, tensor in load_file(args.cached).items()}
    height, width = cached["latents"].shape[-2:]
    flux.train()
    for step in range(args.steps):
        chosen = torch.randint(len(cached["latents"]), (preset.batch_size,), device=device)
        image, condition = (packed(cached[name][chosen]) for name in ("latents", "condition"))
        prompts, pooled = cached["prompts"][chosen], cached["pooled"][chosen]
        noise, times = torch.randn_like(image), torch.sigmoid(torch.randn(len(chosen), device=device, dtype=dtype))
        noisy = (1 - times[:, None, None]) * image + times[:, None, None] * noise
        guess = velocity(flux, noisy, times, condition, prompts, pooled, height, width)
        loss = torch.nn.functional.mse_loss(guess.float(), (noise - image).float())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == args.steps - 1:
            print(f"step {step}: loss {loss.item():.3f}")
    save(flux, args.out)

    other = FluxTransformer2DModel.from_pretrained(args.target, subfolder="transformer", torch_dtype=dtype).to(device)
    print(load(other, args.out))
    with torch.no_grad():
        one = {name: tensor[:1] for name, tensor in cached.items()}
        image, condition = packed(one["latents"]), packed(one["condition"])
        times = torch.ones(1, device=device, dtype=dtype)
        guess = velocity(other, torch.randn_like(image), times, condition, one["prompts"], one["pooled"], height, width)
    print(f"{args.target} with the adapter returns {list(guess.shape)}, finite: {bool(guess.isfinite().all())}.")


if __name__ == "__main__":
    main()
