"""What a tensor's name says: LDM names as diffusers names, the block it sits in, its kind."""

import re
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "model.diffusion_model."
"""Where the original LDM layout keeps the UNet; VAE and text encoder lie beside it."""

_RESNET: Final = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_TOP: Final = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "middle_block.0": "mid_block.resnets.0",
    "middle_block.1": "mid_block.attentions.0",
    "middle_block.2": "mid_block.resnets.1",
}
_STAGE: Final = re.compile(r"(input|output)_blocks\.(\d+)\.(\d)\.(.+)")
_DOWNSAMPLER: Final = re.compile(r"input_blocks\.(\d+)\.0\.op\.weight")


def _head(key: str, table: dict[str, str]) -> str:
    """Replace the longest leading part of ``key`` that the table knows."""
    for old in sorted(table, key=len, reverse=True):
        if key.startswith(f"{old}."):
            return table[old] + key[len(old) :]
    return key


def _diffusers(key: str, layers: int) -> str:
    """One UNet key without its prefix; ``layers`` is the number of layers a block."""
    place = _STAGE.fullmatch(key)
    if place is None or key.startswith("input_blocks.0."):
        name = _head(key, _TOP)
        resnet = re.fullmatch(r"(mid_block\.resnets\.\d)\.(.+)", name)
        return f"{resnet[1]}.{_head(resnet[2], _RESNET)}" if resnet else name
    n, sub, rest = int(place[2]), place[3], place[4]
    block, i = divmod(n - 1 if place[1] == "input" else n, layers + 1)
    side = "down" if place[1] == "input" else "up"
    if rest.startswith(("op.", "conv.")):
        return f"{side}_blocks.{block}.{side}samplers.0.conv.{rest.split('.', 1)[1]}"
    if sub == "0":
        return f"{side}_blocks.{block}.resnets.{i}.{_head(rest, _RESNET)}"
    return f"{side}_blocks.{block}.attentions.{i}.{rest}"


def canonical(keys: Iterable[str]) -> dict[str, str]:
    """Stored name -> the name it is matched by: LDM UNet keys become diffusers keys, all others stay.

    The number of layers a block is read off the file's own downsamplers: with a wrong one, hundreds of keys would
    land on other layers without any error. A UNet whose downsamplers are not evenly spaced keeps its names.
    """
    keys = list(keys)
    prefix = PREFIX if any(k.startswith(PREFIX) for k in keys) else ""
    found = sorted(int(m[1]) for k in keys if (m := _DOWNSAMPLER.fullmatch(k.removeprefix(prefix))))
    if not found or found != [found[0] * (n + 1) for n in range(len(found))]:
        return {k: k for k in keys}
    return {k: _diffusers(k.removeprefix(prefix), found[0] - 1) if k.startswith(prefix) else k for k in keys}


KINDS: Final = ("attn1", "attn2", "attn", "ff", "conv", "time", "embed", "other", "norm", "bias")
"""Every kind; the last two are set apart from the weights."""

_NORM: Final = re.compile(r"(^|[._])(\w*norm\d*|ln|bn)([._]|\d|$)")
# embed is only what torch.nn.Embedding stores: a linear layer called *_embedding is a matrix as any other.
_BY_NAME: Final = (
    ("time", re.compile(r"(^|\.)(time_|timestep|temb|add_embedding)")),
    ("attn1", re.compile(r"(^|\.)attn1\.")),
    ("attn2", re.compile(r"(^|\.)attn2\.")),
    ("attn", re.compile(r"(^|[._])(attn|attention)\d*[._]")),
    ("ff", re.compile(r"(^|[._])(ff|ff_context|mlp|feed_forward)\d*[._]")),
    ("embed", re.compile(r"(^|\.)(embed_tokens|((word|token|position|token_type)_)?embeddings?|wte|wpe)\.weight$")),
)


def kind(name: str, ndim: int) -> str:
    """One of KINDS. Vectors are norms, biases or something else; a matrix inside an adaptive norm is a weight."""
    if ndim <= 1:
        parent, _, last = name.rpartition(".")
        if _NORM.search(parent) or last == "weight":
            return "norm"
        return "bias" if "bias" in last else "other"
    for label, pattern in _BY_NAME:
        if pattern.search(name):
            return label
    return "conv" if ndim >= 3 else "other"


def block(name: str) -> str:
    """The leading part up to the first number (``down_blocks.0``, ``model.layers.3``), else the first word."""
    parts = name.split(".")
    if parts[0] == "mid_block":
        return parts[0]
    number = next((i for i, part in enumerate(parts) if part.isdecimal()), None)
    return parts[0] if number is None or number == len(parts) - 1 else ".".join(parts[: number + 1])
