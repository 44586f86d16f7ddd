"""As in ELITE: an encoder maps an image of a subject to a word embedding, for all models with the same text encoder.

Here the input adapter does not act on a layer: a mapping network, trained together with the text encoder, turns the
image into a word embedding, and the UNet is unchanged. Other UNets use the same embedding, so nothing has to be moved.
Real models: ``--target segmind/small-sd --encoder openai/clip-vit-large-patch14``, 80,000 steps of 64 images, one
cropped subject each (4 GPUs for a day, according to the paper). To try it:

    python examples/tiny.py sd out/sd
    python examples/elite.py --model out/sd --target out/sd --images out/sd/images --steps 2 --size 16 --batch 2
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, StableDiffusionPipeline
from PIL import Image, ImageOps
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import interpolate
from transformers import CLIPVisionConfig, CLIPVisionModel

from ioadapt_theory.presets import PRESETS


class Mapper(nn.Module):
    """A network that maps features of an image to a word embedding of the text encoder's size."""

    def __init__(self, features: int, words: int) -> None:
        super().__init__()
        sizes = ((features, 1024), (1024, 1024))
        hidden = [nn.Sequential(nn.Linear(*size), nn.LayerNorm(1024), nn.LeakyReLU()) for size in sizes]
        self.layers = nn.Sequential(*hidden, nn.Linear(1024, words))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layers(features)


def middle(path: Path, size: int) -> torch.Tensor:
    """Return the centre crop of an image, (3, size, size), between -1 and 1."""
    image = ImageOps.fit(Image.open(path).convert("RGB"), (size, size))
    return torch.from_numpy(np.asarray(image) / 127.5 - 1).float().movedim(-1, 0)


def read(pipe, encoder, mapper, pixels):
    """Return the text encoder's output for "a photo of S", with the mapper's word embedding of each image as S."""
    tokens = pipe.tokenizer("a photo of s", padding="max_length", truncation=True, return_tensors="pt").input_ids
    table = pipe.text_encoder.get_input_embeddings()
    place = int((tokens[0] == pipe.tokenizer.eos_token_id).nonzero()[0]) - 1  # the last word before the end
    word = mapper(encoder(pixels).pooler_output)
    handle = table.register_forward_hook(
        lambda _, __, out: torch.cat([out[:, :place], word[:, None], out[:, place + 1 :]], 1)
    )
    try:
        return pipe.text_encoder(tokens.to(pixels.device).expand(len(pixels), -1))[0]
    finally:
        handle.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=PRESETS["elite"].base)
    parser.add_argument("--target", required=True, help="another model, whose UNet draws an image")
    parser.add_argument("--encoder", help="CLIP image encoder (default: a small random one, to try the script)")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=PRESETS["elite"].steps)
    parser.add_argument("--batch", type=int, default=PRESETS["elite"].batch_size)
    parser.add_argument("--size", type=int, default=PRESETS["elite"].resolution)
    parser.add_argument("--out", type=Path, default=Path("out/elite"))
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"

    pipe = StableDiffusionPipeline.from_pretrained(args.model).to(device)
    schedule = DDPMScheduler.from_config(pipe.scheduler.config)
    small = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, patch_size=8,
        image_size=args.size,
    )  # fmt: skip
    encoder = CLIPVisionModel.from_pretrained(args.encoder) if args.encoder else CLIPVisionModel(small)
    encoder.to(device)
    mapper = Mapper(encoder.config.hidden_size, pipe.text_encoder.config.hidden_size).to(device)
    for part in (pipe.unet, pipe.vae, encoder):
        part.requires_grad_(False)
    optimizer = PRESETS["elite"].optimizer_for([*mapper.parameters(), *pipe.text_encoder.parameters()])

    side = encoder.config.image_size
    images = torch.stack([middle(path, args.size) for path in sorted(args.images.iterdir())])
    for step in range(args.steps):
        pixels = images[torch.randint(len(images), (args.batch,))].to(device)
        with torch.no_grad():
            latents = pipe.vae.encode(pixels).latent_dist.sample() * pipe.vae.config.scaling_factor
        noise = torch.randn_like(latents)
        times = torch.randint(schedule.config.num_train_timesteps, (len(latents),), device=device)
        words = read(pipe, encoder, mapper, interpolate(pixels, (side, side)))
        guess = pipe.unet(schedule.add_noise(latents, noise, times), times, words, return_dict=False)[0]
        loss = torch.nn.functional.mse_loss(guess, noise)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == args.steps - 1:
            print(f"step {step}: loss {loss.item():.3f}")

    args.out.mkdir(parents=True, exist_ok=True)
    save_file(mapper.state_dict(), args.out / "mapper.safetensors")
    pipe.text_encoder.save_pretrained(args.out / "text_encoder")

    other = StableDiffusionPipeline.from_pretrained(args.target).to(device)
    with torch.no_grad():
        words = read(pipe, encoder, mapper, interpolate(images[:1].to(device), (side, side)))
        how = {"num_inference_steps": 2 if args.steps < 10 else 30, "height": args.size, "width": args.size}
        drawn = other(prompt_embeds=words, negative_prompt_embeds=torch.zeros_like(words), **how)
    drawn.images[0].save(args.out / "on_the_target.png")
    print(f"Saved the mapper, the text encoder and on_the_target.png, drawn by {args.target}, in {args.out}.")


if __name__ == "__main__":
    main()
