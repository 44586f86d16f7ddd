"""The autoencoder of Stable Diffusion and FLUX: Stability's names as diffusers' names."""

import re
from collections.abc import Collection
from typing import Final

PREFIXES: Final = ("first_stage_model.", "vae.", "")
"""Where single files keep it."""

_BLOCK: Final = {"nin_shortcut": "conv_shortcut"}
_ATTENTION: Final = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
_MIDDLE: Final = {"block_1": "resnets.0", "attn_1": "attentions.0", "block_2": "resnets.1"}
_STAGE: Final = re.compile(r"(encoder|decoder)\.(down|up)\.(\d+)\.(block|attn|downsample|upsample)\.(\w+)\.(.+)")
_CENTRE: Final = re.compile(r"(encoder|decoder)\.mid\.(block_1|attn_1|block_2)\.(.+)")
_PARTS: Final = re.compile(r"(encoder|decoder|quant_conv|post_quant_conv)\.")
_END: Final = re.compile(r"(encoder|decoder)\.norm_out\.(.+)")


def in_diffusers(keys: Collection[str]) -> dict[str, str]:
    """Return stored name -> diffusers' name for those of an autoencoder; its up blocks count the other way round."""
    centre = [p for p in PREFIXES if any(_CENTRE.fullmatch(k[len(p) :]) for k in keys if k.startswith(p))]
    if not centre:
        return {}
    inner = {key: key.removeprefix(centre[0]) for key in keys if key.startswith(centre[0])}
    ups = [int(m[3]) for name in inner.values() if (m := _STAGE.fullmatch(name)) and m[2] == "up"]
    return {key: _name(name, max(ups, default=0) + 1) for key, name in inner.items() if _PARTS.match(name)}


def _name(name: str, levels: int) -> str:
    if matched := _STAGE.fullmatch(name):
        coder, side, number, kind, part, rest = matched.groups()
        block = int(number) if side == "down" else levels - 1 - int(number)
        place = f"{coder}.{side}_blocks.{block}"
        if kind.endswith("sample"):
            return f"{place}.{kind}rs.0.{part}.{rest}"
        if kind == "block":
            return f"{place}.resnets.{part}.{_part(rest, _BLOCK)}"
        return f"{place}.attentions.{part}.{_part(rest, _ATTENTION)}"
    if matched := _CENTRE.fullmatch(name):
        coder, part, rest = matched.groups()
        return f"{coder}.mid_block.{_MIDDLE[part]}.{_part(rest, _ATTENTION if part == 'attn_1' else _BLOCK)}"
    if matched := _END.fullmatch(name):
        return f"{matched[1]}.conv_norm_out.{matched[2]}"
    return name


def _part(rest: str, table: dict[str, str]) -> str:
    first, dot, last = rest.partition(".")
    return table.get(first, first) + dot + last
