"""Small networks of several architectures, trained on local text or synthetic images.

The text consists of the topics of Python's ``help`` and the source of asyncio and email. Images are gratings, blobs and
checkerboards with noise. Nothing is downloaded; the same seed gives the same weights on one machine.
"""

import copy
import sysconfig
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div

LENGTH: Final = 32
SIDE: Final = 16
CLASSES: Final = 6
TEXTS: Final = {"base": "pydoc_data/topics.py", "a": "asyncio/*.py", "b": "email/*.py"}
Model = Any


def _llama(layers: int, inner: int) -> Model:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "vocab_size": 128,
    }
    heads: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
    return LlamaForCausalLM(LlamaConfig(**sizes, **heads, bos_token_id=1, eos_token_id=2))


def _gpt2(layers: int, inner: int) -> Model:
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes: dict[str, Any] = {
        "n_embd": 64,
        "n_inner": inner,
        "n_layer": layers,
        "n_head": 4,
        "vocab_size": 128,
        "n_positions": 64,
    }
    return GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=1, eos_token_id=2))


def _bert(layers: int, inner: int) -> Model:
    from transformers import BertConfig, BertForMaskedLM

    sizes: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "vocab_size": 128,
    }
    return BertForMaskedLM(BertConfig(**sizes, num_attention_heads=4, max_position_embeddings=64))


def _vit(layers: int, inner: int) -> Model:
    from transformers import ViTConfig, ViTForImageClassification

    sizes: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_labels": CLASSES,
    }
    return ViTForImageClassification(
        ViTConfig(**sizes, num_attention_heads=4, image_size=SIDE, patch_size=4, num_channels=1)
    )


def _convnext(layers: int, inner: int) -> Model:
    from transformers import ConvNextConfig, ConvNextForImageClassification

    sizes: dict[str, Any] = {
        "hidden_sizes": [32, inner],
        "depths": [layers // 2, layers - layers // 2],
        "num_stages": 2,
        "num_labels": CLASSES,
    }
    return ConvNextForImageClassification(ConvNextConfig(**sizes, num_channels=1, patch_size=2, image_size=SIDE))


ARCHITECTURES: Final[Mapping[str, tuple[Callable[[int, int], Model], int, int]]] = {
    "llama": (_llama, 6, 160), "gpt2": (_gpt2, 5, 192), "bert": (_bert, 5, 160), "vit": (_vit, 5, 144),
    "convnext": (_convnext, 4, 64),
}  # fmt: skip
"""For each name, a function that builds the network, its default depth, and the default inner width of its blocks."""


def fresh(name: str, seed: int, *, layers: int | None = None, inner: int | None = None) -> Model:
    build, depth, width = ARCHITECTURES[name]
    torch.manual_seed(seed)
    return build(layers or depth, inner or width).float()


@cache
def text(which: str) -> Tensor:
    root = Path(sysconfig.get_paths()["stdlib"])
    whole = "\n".join(path.read_text(encoding="utf-8", errors="ignore") for path in sorted(root.glob(TEXTS[which])))
    return torch.tensor([b for b in whole.encode() if b < 128])


def images(which: str, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return images (count, 1, SIDE, SIDE) and their classes: gratings ("base"), blobs ("a") or checkerboards."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIDE, dtype=torch.float32)] * 2, indexing="ij")
    label = torch.randint(CLASSES, (count,), generator=generator)
    phase = 6.28 * torch.rand(count, 1, 1, generator=generator, dtype=torch.float32)
    angle = (label * torch.pi / CLASSES)[:, None, None]
    along = x * angle.cos() + y * angle.sin()
    if which == "base":
        drawn = (8 * along + phase).sin()
    elif which == "a":
        drawn = 2 * torch.exp(-8 * ((along - phase.sin() / 2) ** 2 + 0.2 * (x - y) ** 2)) - 1
    else:
        drawn = ((5 * along + phase).sin() * (5 * (y * angle.cos() - x * angle.sin())).sin()).sign()
    noise = torch.randn(drawn.shape, generator=generator, dtype=torch.float32)
    return (drawn + 0.3 * noise)[:, None], label


def batch(name: str, which: str, generator: torch.Generator, size: int = 16) -> tuple[dict[str, Tensor], Tensor]:
    if name in ("vit", "convnext"):
        pixels, label = images(which, size, generator)
        return {"pixel_values": pixels}, label
    whole = text(which)
    starts = torch.randint(len(whole) - LENGTH - 1, (size,), generator=generator)
    rows = torch.stack([whole[s : s + LENGTH + 1] for s in starts.tolist()])
    if name == "bert":
        masked = rows[:, :-1].clone()
        hidden = torch.rand(masked.shape, generator=generator) < 0.2
        wanted = torch.where(hidden, masked, torch.full_like(masked, -100))
        masked[hidden] = 0
        return {"input_ids": masked}, wanted
    return {"input_ids": rows[:, :-1]}, rows[:, 1:]


def trained(
    name: str, model: Model, which: str, *, steps: int, rate: float, seed: int, teacher: Model | None = None,
    only: str = "", decay: float = 0.0,
) -> Model:  # fmt: skip
    """Return a trained copy of ``model``; only parameters with ``only`` in their names change.

    The loss is the cross-entropy of the labels or, with a ``teacher``, the divergence from its outputs.
    """
    model = copy.deepcopy(model).train()
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    chosen = [p for n, p in model.named_parameters() if only in n and (not only or p.requires_grad)]
    chosen = [p for p in chosen if p.requires_grad]
    optimizer = torch.optim.AdamW(chosen, lr=rate, weight_decay=decay)
    for step in range(steps):
        inputs, wanted = batch(name, which, generator)
        found = model(**inputs).logits
        if teacher is not None:
            with torch.no_grad():
                wanted = teacher.eval()(**inputs).logits
        if teacher is not None:
            loss = kl_div(found.log_softmax(-1), wanted.softmax(-1), reduction="batchmean") / found.shape[1]
        else:
            loss = cross_entropy(found.flatten(0, -2), wanted.flatten())
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (steps - step) / (0.3 * steps))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return model.eval()


def state(model: nn.Module) -> dict[str, Tensor]:
    return {n: t.detach() for n, t in model.state_dict().items()}
