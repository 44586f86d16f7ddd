r"""As in CLEAR: windowed attention replaces full attention, and adapters learn to compensate for the change.

A teacher (the original model) and a student (with a window) have the same inputs. The student's adapters, X(I + D)W or
XW(I + D) with a full matrix D that starts at 0, learn to predict the teacher's outputs and the velocity (noise minus
image). Then they are copied to another model with the same window. Latents and prompts are encoded in advance, as for
ominicontrol.py. Real models: leave out ``--model``, ``--target`` and ``--steps``; the paper trains for 40,000 steps of
32 images on 4 H100s. examples/what_it_costs.py estimates the cost. To try it:

    python examples/tiny.py flux out/flux
    python examples/clear.py --placement input --model out/flux --target out/flux --cached out/flux/cached.safetensors \
        --radius 1 --steps 2
"""

import argparse
from pathlib import Path

import torch
from diffusers import FluxPipeline, FluxTransformer2DModel
from safetensors.torch import load_file

from ioadapt_theory import adapt, disable, load, save
from ioadapt_theory.presets import PRESETS


class Window:
    """A context manager in which an image token attends only to the prompt and to image tokens within a radius.

    The window is a mask on full attention, so it saves no time; flex_attention on a GPU would.
    """

    def __init__(self, prompt: int, height: int, width: int, radius: float) -> None:
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        places = torch.stack([y, x], -1).reshape(-1, 2).float()
        self.near = torch.ones(prompt + len(places), prompt + len(places), dtype=torch.bool)
        self.near[prompt:, prompt:] = torch.cdist(places, places) <= radius
        self.was = None

    def __enter__(self) -> None:
        plain = self.was = torch.nn.functional.scaled_dot_product_attention

        def windowed(query, key, value, **options):
            return plain(query, key, value, **{**options, "attn_mask": self.near.to(query.device)})

        torch.nn.functional.scaled_dot_product_attention = windowed

    def __exit__(self, *_: object) -> None:
        torch.nn.functional.scaled_dot_product_attention = self.was


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    preset = PRESETS["clear"]
    parser.add_argument("--model", default=preset.base)
    parser.add_argument("--target", default="black-forest-labs/FLUX.1-dev")
    parser.add_argument("--cached", type=Path, required=True, help=".safetensors file of encoded latents and prompts")
    parser.add_argument("--placement", required=True, choices=("input", "output"))
    parser.add_argument("--radius", type=float, default=8)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--steps", type=int, default=preset.steps)
    parser.add_argument("--out", type=Path, default=Path("out/clear"))
    args = parser.parse_args()
    device, dtype = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)

    def open_(name):
        return FluxTransformer2DModel.from_pretrained(name, subfolder="transformer", torch_dtype=dtype).to(device)

    flux = adapt(open_(args.model), **preset.adapter("full", args.placement))
    optimizer = preset.optimizer_for(p for p in flux.parameters() if p.requires_grad)
    cached = {name: tensor.to(device, dtype) for name, tensor in load_file(args.cached).items()}
    height, width = (n // 2 for n in cached["latents"].shape[-2:])
    window = Window(cached["prompts"].shape[1], height, width, args.radius)
    ids = FluxPipeline._prepare_latent_image_ids(1, height, width, device, dtype)

    def say(model, noisy, times, prompts, pooled):
        guidance = torch.full_like(times, 3.5) if model.config.guidance_embeds else None
        return model(
            hidden_states=noisy, timestep=times, guidance=guidance, pooled_projections=pooled, img_ids=ids,
            encoder_hidden_states=prompts, txt_ids=ids.new_zeros(prompts.shape[1], 3),
        ).sample  # fmt: skip

    def batch(size):
        chosen = torch.randint(len(cached["latents"]), (size,), device=device)
        image = FluxPipeline._pack_latents(cached["latents"][chosen], *cached["latents"][chosen].shape)
        noise, times = torch.randn_like(image), torch.sigmoid(torch.randn(size, device=device, dtype=dtype))
        mixed = (1 - times[:, None, None]) * image + times[:, None, None] * noise
        return noise - image, (mixed, times, cached["prompts"][chosen], cached["pooled"][chosen])

    for step in range(args.steps):
        velocity, inputs = batch(args.batch)
        with torch.no_grad(), disable(flux):
            taught = say(flux, *inputs)
        with window:
            said = say(flux, *inputs)
        loss = sum(torch.nn.functional.mse_loss(said.float(), wanted.float()) for wanted in (taught, velocity))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == args.steps - 1:
            print(f"step {step}: loss {loss.item():.3f}")
    save(flux, args.out)

    other = open_(args.target)
    print(load(other, args.out))
    with torch.no_grad():
        _, inputs = batch(1)
        with disable(other):
            full = say(other, *inputs)
        with window:
            apart = [float((say(other, *inputs) - full).norm() / full.norm())]
            with disable(other):
                apart.append(float((say(other, *inputs) - full).norm() / full.norm()))
    print(
        f"The window changes the output of {args.target} by {apart[1]:.1%} without the adapter,"
        f" and by {apart[0]:.1%} with it."
    )


if __name__ == "__main__":
    main()
