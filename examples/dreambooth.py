r"""DreamBooth: learn a subject from a few images, as in diffusers' train_dreambooth_lora.py, with our adapters.

Lines that differ from that script are marked "(ours)"; the settings are from the paper's Table 7. For SDXL, SD 3.5 and
FLUX, run diffusers' own scripts with one more import (see docs/models.md). Real models: for example ``--images FOLDER
--prompt "a photo of sks dog" --target Lykon/dreamshaper-8``; examples/what_it_costs.py estimates the cost (sd15). To
try it:

    python examples/tiny.py sd out/sd
    python examples/dreambooth.py --placement input --model out/sd --target out/sd \
        --images out/sd/images --prompt dog --steps 2 --size 16
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, StableDiffusionPipeline
from diffusers.training_utils import cast_training_params
from diffusers.utils import convert_state_dict_to_diffusers
from peft.utils import get_peft_model_state_dict
from PIL import Image, ImageOps

from ioadapt_theory.peft import IOLoraConfig  # (ours)
from ioadapt_theory.presets import PRESETS  # (ours)


def pixels(path: Path, size: int) -> torch.Tensor:
    """Return the centre crop of an image, (3, size, size), between -1 and 1."""
    image = ImageOps.fit(Image.open(path).convert("RGB"), (size, size))
    return torch.from_numpy(np.asarray(image) / 127.5 - 1).float().movedim(-1, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=PRESETS["sd15"].base)
    parser.add_argument("--target", help="another model, on which the adapter draws an image (default: none)")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--family", default="lora", choices=("lora", "dora", "loha", "lokr"))
    parser.add_argument("--placement", required=True, choices=("input", "output", "weight"))
    parser.add_argument("--steps", type=int, default=PRESETS["sd15"].steps)
    parser.add_argument("--size", type=int, default=PRESETS["sd15"].resolution)
    parser.add_argument("--out", type=Path, default=Path("out/dreambooth"))
    args = parser.parse_args()
    preset = PRESETS["sd15"]
    device, dtype = ("cuda", torch.float16) if torch.cuda.is_available() else ("cpu", torch.float32)

    pipe = StableDiffusionPipeline.from_pretrained(args.model, torch_dtype=dtype).to(device)
    schedule = DDPMScheduler.from_config(pipe.scheduler.config)
    unet = pipe.unet
    for part in (unet, pipe.vae, pipe.text_encoder):
        part.requires_grad_(False)
    unet.add_adapter(IOLoraConfig(**preset.adapter(args.family, args.placement)))  # (ours)
    cast_training_params(unet, dtype=torch.float32)
    trained = [p for p in unet.parameters() if p.requires_grad]
    optimizer = preset.optimizer_for(trained)  # (ours)

    images = torch.stack([pixels(path, args.size) for path in sorted(args.images.iterdir())]).to(device, dtype)
    prompt, _ = pipe.encode_prompt(args.prompt, device, 1, do_classifier_free_guidance=False)

    unet.train()
    for step in range(args.steps):
        chosen = images[torch.randint(len(images), (preset.batch_size,))]
        with torch.no_grad():
            latents = pipe.vae.encode(chosen).latent_dist.sample() * pipe.vae.config.scaling_factor
        noise = torch.randn_like(latents)
        times = torch.randint(schedule.config.num_train_timesteps, (len(latents),), device=device)
        noisy = schedule.add_noise(latents, noise, times)
        with torch.autocast(device, torch.float16, enabled=device == "cuda"):
            guess = unet(noisy, times, prompt.expand(len(latents), -1, -1), return_dict=False)[0]
        loss = torch.nn.functional.mse_loss(guess.float(), noise.float())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 50 == 0 or step == args.steps - 1:
            print(f"step {step}: loss {loss.item():.3f}")

    state = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    StableDiffusionPipeline.save_lora_weights(str(args.out), unet_lora_layers=state)
    print(f"Saved {args.out}. To predict its effect on another model, run ioadapt report {args.out} {args.model} OTHER")

    if args.target:
        other = StableDiffusionPipeline.from_pretrained(args.target, torch_dtype=dtype).to(device)
        other.load_lora_weights(str(args.out))  # the import of ioadapt_theory.peft makes diffusers read our adapters
        image = other(args.prompt, num_inference_steps=2 if args.steps < 10 else 30, height=args.size, width=args.size)
        image.images[0].save(args.out / "on_the_target.png")
        print(f"Saved {args.out / 'on_the_target.png'}, drawn by {args.target} with the adapter.")


if __name__ == "__main__":
    main()
