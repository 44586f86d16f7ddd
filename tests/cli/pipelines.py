"""Tiny Stable Diffusion pipelines, their single files in Stability's layout, and kohya's LoRAs for them."""

import copy
import json
from pathlib import Path

import torch
import transformers as hf
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from torch import nn

from ioadapt_theory.checkpoints.names import unet as stability
from tests.adapters.foreign import quiet

CLIP = {"vocab_size": 54, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 12}
CLIP |= {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
UNET = {"sample_size": 8, "block_out_channels": (8, 16), "norm_num_groups": 4, "layers_per_block": 1}
CROSS, PLAIN = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D"), ("DownBlock2D", "UpBlock2D")
METADATA = {
    "ss_tag_frequency": json.dumps({"10_zwx": {"zwx cat": 9, "red": 4, "hat": 2, "a b": 5}}),
    "ss_network_alpha": "2.0",
    "modelspec.title": "A style",
    "modelspec.author": "somebody",
}
OPEN_CLIP = (
    ("encoder.layers.", "transformer.resblocks."),
    ("final_layer_norm", "ln_final"),
    ("layer_norm", "ln_"),
    (".fc1.", ".c_fc."),
    (".fc2.", ".c_proj."),
    ("self_attn", "attn"),
    ("embeddings.token_embedding", "token_embedding"),
    ("embeddings.position_embedding.weight", "positional_embedding"),
)


def tokenizer(folder: Path) -> hf.CLIPTokenizer:
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return hf.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=12)


def models(kind: str = "sd") -> dict[str, nn.Module]:
    """Return the UNet and the text encoders of a pipeline of SD 1 ("sd"), SD 2 ("sd2") or SDXL ("sdxl")."""
    xl, widths = kind == "sdxl", {"sd": (12,), "sd2": (20,), "sdxl": (12, 20)}[kind]
    more = {} if kind == "sd" else {"use_linear_projection": True}
    down, up = zip(*((PLAIN, CROSS) if xl else (CROSS, PLAIN)), strict=True)
    if xl:
        more |= {"addition_embed_type": "text_time", "addition_time_embed_dim": 4}
        more |= {"projection_class_embeddings_input_dim": 6 * 4 + 20, "transformer_layers_per_block": (1, 2)}
    blocks = {"down_block_types": down, "up_block_types": up[::-1]}
    options = {"cross_attention_dim": sum(widths), "attention_head_dim": 4, **UNET, **blocks, **more}
    made: dict[str, nn.Module] = {"unet": UNet2DConditionModel(**options)}
    for n, width in enumerate(widths):
        options = CLIP | ({} if width == 12 else {"num_hidden_layers": 3, "hidden_act": "gelu"})  # OpenCLIP's
        config = hf.CLIPTextConfig(hidden_size=width, intermediate_size=2 * width, projection_dim=width, **options)
        made[f"text_encoder{'_2' * n}"] = (hf.CLIPTextModelWithProjection if n else hf.CLIPTextModel)(config)
    for model in made.values():
        for p in model.parameters():
            if p.ndim > 1:
                p.data.normal_(0, 1.2 / p[0].numel() ** 0.5)
    return made


def perturbed(some: dict[str, nn.Module], size: float = 0.1) -> dict[str, nn.Module]:
    some = copy.deepcopy(some)
    for p in (p for model in some.values() for p in model.parameters() if p.ndim > 1):
        p.data.add_(size * p.std() * torch.randn_like(p))
    return some


def pipeline(folder: Path, some: dict[str, nn.Module]) -> None:
    """Write a pipeline as diffusers does."""
    blocks = {"block_out_channels": (4,), "norm_num_groups": 2, "layers_per_block": 1, "sample_size": 8}
    kinds = {"down_block_types": ("DownEncoderBlock2D",), "up_block_types": ("UpDecoderBlock2D",)}
    aim = "v_prediction" if some["text_encoder"].config.hidden_size == 20 else "epsilon"
    scheduler = EulerDiscreteScheduler(prediction_type=aim)
    options = {"vae": AutoencoderKL(**blocks, **kinds), "scheduler": scheduler, **some}
    options |= {p.replace("text_encoder", "tokenizer"): tokenizer(folder / "t") for p in some if p != "unet"}
    if "text_encoder_2" in some:
        pipe = StableDiffusionXLPipeline(**options)
    else:
        pipe = StableDiffusionPipeline(
            **options, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    quiet(lambda: pipe.save_pretrained(folder))


def single_file(path: Path, some: dict[str, nn.Module], dtype: torch.dtype = torch.float32) -> None:
    """Write the same models as one file in Stability's layout."""
    xl, tensors = "text_encoder_2" in some, {}
    for name, p in some["unet"].state_dict().items():
        tensors[f"model.diffusion_model.{_stability(name, some['unet'], '.')}"] = p
    open_clip, start = (
        "text_encoder_2" if xl else "text_encoder",
        "conditioner.embedders.1" if xl else "cond_stage_model",
    )
    if xl or some["text_encoder"].config.hidden_size == 12:
        first = "conditioner.embedders.0" if xl else start
        for name, p in some["text_encoder"].state_dict().items():
            tensors[f"{first}.transformer.text_model.{name.removeprefix('text_model.')}"] = p
    encoder = some[open_clip].state_dict() if start not in {n[: len(start)] for n in tensors} else {}
    if encoder and not xl:  # SD 2 reads the last block but one, which is its pipeline's last
        last = {n: p for n, p in encoder.items() if "layers.2." in n}
        encoder |= {n.replace("layers.2.", "layers.3."): torch.randn_like(p) for n, p in last.items()}
    for name, p in encoder.items():
        new = name.removeprefix("text_model.")
        for ours, theirs in OPEN_CLIP:
            new = new.replace(ours, theirs)
        if name == "text_projection.weight":
            new, p = "text_projection", p.mT
        if ".q_proj." in new:
            new = new.replace(".q_proj.", ".in_proj_")
            p = torch.cat([encoder[name.replace("q_proj", f"{c}_proj")] for c in "qkv"])
        if not any(f".{c}_proj." in new for c in "kv"):
            tensors[f"{start}.model.{new}"] = p
    save_file({name: p.to(dtype).contiguous() for name, p in tensors.items()}, path)


def pair(folder: Path, kind: str = "sd") -> dict[str, nn.Module]:
    """Write pipelines and single files, old and new, and prompts into the folder; return the models of the old one."""
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    old = models(kind)
    new = perturbed(old)
    pipeline(folder / "old", old)
    pipeline(folder / "new", new)
    single_file(folder / "old.safetensors", old)
    single_file(folder / "new.safetensors", new, torch.float16)
    words = ["zwx cat", "red hat", "a dog", "blue sky", "big tree", "old car"]
    prompts = [f"{a} {b} zwx {c}" for a in words for b in words for c in "xyz"]
    (folder / "prompts.txt").write_text("\n".join(prompts))
    return old


def _stability(name: str, unet: nn.Module, dot: str) -> str:
    blocks = stability.blocks_in_diffusers(n for n, _ in unet.named_modules())
    theirs = {new: old for old, new in stability.names(blocks, dot == "_").items()}
    words = name.split(dot)
    i = next((i for i in range(len(words), 0, -1) if dot.join(words[:i]) in theirs), 0)
    return dot.join([theirs[dot.join(words[:i])], *words[i:]]) if i else name


def kohya(path: Path, some: dict[str, nn.Module], *, ldm: bool = False, rank: int = 2) -> dict[str, torch.Tensor]:
    """Write a LoRA in float16 for all of the models, with kohya's or (``ldm``) SD-XL's names; return its tensors."""
    prefixes = {"unet": "lora_unet", "text_encoder": f"lora_te{'1' * ('text_encoder_2' in some)}"}
    tensors = {}
    for part, model in some.items():
        for name, module in model.named_modules():
            if name.endswith(("to_q", "to_v", "to_out.0", "q_proj", "out_proj", "fc1")):
                flat, (d, c) = name.replace(".", "_"), module.weight.shape
                flat = _stability(flat, model, "_") if ldm and part == "unet" else flat
                flat = f"text_model_{flat.removeprefix('text_model_')}" if part != "unet" else flat
                key = f"{prefixes.get(part, 'lora_te2')}_{flat}"
                tensors[f"{key}.lora_down.weight"] = (torch.randn(rank, c) / c**0.5).half()
                tensors[f"{key}.lora_up.weight"] = torch.randn(d, rank).half()
                tensors[f"{key}.alpha"] = torch.tensor(2.0).half()
    save_file(tensors, path, METADATA)
    return tensors
