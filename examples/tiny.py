"""Create folders with small random models for ``from_pretrained``, to try the examples offline.

    python examples/tiny.py sd out/sd
    python examples/tiny.py flux out/flux
    python examples/tiny.py llama out/llama
    python examples/tiny.py llama out/tuned --like out/llama

The models are a Stable Diffusion pipeline with images, a FLUX transformer with cached latents and prompts, a Llama with
a tokenizer and texts, and another Llama with slightly different weights.
"""

import argparse
import json
from pathlib import Path

import torch


def tokenizer(folder: Path):
    """Return a CLIP tokenizer with the letters a to z and two special tokens, after writing its files to ``folder``."""
    from transformers import CLIPTokenizer

    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16)


def sd(folder: Path) -> None:
    """Write a Stable Diffusion pipeline and four images."""
    from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from PIL import Image
    from transformers import CLIPTextConfig, CLIPTextModel

    text = CLIPTextConfig(
        vocab_size=54, hidden_size=12, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    blocks = {"block_out_channels": (8, 16), "norm_num_groups": 4, "layers_per_block": 1, "sample_size": 8}
    unet = UNet2DConditionModel(
        **blocks, cross_attention_dim=12, attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    StableDiffusionPipeline(
        vae=AutoencoderKL(**blocks, **kinds), unet=unet, text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer(folder / "tokenizer"), scheduler=DDPMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    (folder / "images").mkdir(exist_ok=True)
    for i in range(4):
        pixels = torch.randint(256, (16, 16, 3), dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(folder / "images" / f"{i}.png")


def flux(folder: Path) -> None:
    """Write a FLUX transformer, and a file of random latents, conditions and prompts for eight images."""
    from diffusers import FluxTransformer2DModel
    from safetensors.torch import save_file

    FluxTransformer2DModel(
        in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2,
        guidance_embeds=True, joint_attention_dim=6, pooled_projection_dim=5, axes_dims_rope=(2, 2, 4),
    ).save_pretrained(folder / "transformer")  # fmt: skip
    sizes = {"latents": (8, 1, 4, 4), "condition": (8, 1, 4, 4), "prompts": (8, 3, 6), "pooled": (8, 5)}
    save_file({name: torch.randn(size) for name, size in sizes.items()}, folder / "cached.safetensors")


def llama(folder: Path, like: Path | None = None) -> None:
    """Write a Llama (random, or ``like`` plus noise), a tokenizer of characters, and a file of texts."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = [chr(c) for c in range(32, 127)]
    words = {word: i for i, word in enumerate(["<s>", "</s>", *letters])}
    split = Tokenizer(models.WordLevel(words, unk_token="</s>"))
    split.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    reader = PreTrainedTokenizerFast(tokenizer_object=split, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    model = LlamaForCausalLM(config) if like is None else AutoModelForCausalLM.from_pretrained(like)
    if like is not None:
        with torch.no_grad():
            for p in model.parameters():
                p.add_(0.1 * p.std() * torch.randn_like(p))
    model.save_pretrained(folder)
    reader.save_pretrained(folder)
    lines = [f"{a} plus {b} is {a + b}" for a in range(8) for b in range(8)]
    (folder / "texts.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("sd", "flux", "llama"))
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--like", type=Path, help="folder of a Llama to copy with noise on its weights (default: a new random Llama)"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    if args.kind == "llama":
        llama(args.folder, args.like)
    else:
        {"sd": sd, "flux": flux}[args.kind](args.folder)
