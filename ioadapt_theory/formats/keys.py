"""The keys of tensors in adapter files, each of which names a layer and a part of its adapter."""

import re
from typing import Final

from ioadapt_theory.checkpoints.names import TABLES
from ioadapt_theory.checkpoints.names.layer_name import Name, layer_name
from ioadapt_theory.formats.build import CORES, KINDS
from ioadapt_theory.formats.kinds import UNKNOWN

ALIASES: Final[dict[str, str]] = TABLES["adapter parts"]
"""Names of an adapter's tensors in files, such as lora_A -> our names, such as down."""
PARTS = {part for kind in KINDS.values() for part in kind.required | kind.optional} - {*ALIASES.values(), "up_bias"}
ROLES = ALIASES | {part: part for part in {*PARTS, *CORES, "alpha"}}

FOREIGN: Final[dict[str, str]] = TABLES["parts not read"]
"""Names of tensors that are recognised but not supported -> the kind of adapter to which they belong."""

KEY = re.compile(
    rf"(?P<layer>.+)\.(?P<role>{'|'.join(re.escape(r) for r in sorted({*ROLES, *FOREIGN}, key=len, reverse=True))})"
    r"(?:\.(?!weight$|bias$)\w+)?(?:\.(?P<leaf>weight|bias))?"
)
PROCESSOR = re.compile(r"(?:\.processor)?\.to_(q|k|v|out)_lora\.(down|up)\b")


def parse(key: str) -> tuple[Name, str] | str:
    """Return a key's layer and the role of its tensor, such as "down", or a description of an unsupported tensor."""
    match = KEY.fullmatch(PROCESSOR.sub(_without_processor, key))
    if match is None:
        return UNKNOWN
    role = match["role"]
    if role in FOREIGN:
        return FOREIGN[role]
    if match["leaf"] == "bias":
        return (layer_name(match["layer"]), "up_bias") if ROLES[role] == "up" else "a bias other than that of lora_B"
    return layer_name(match["layer"]), ROLES[role]


def stem_of(key: str) -> str:
    """Return the text before the name of the tensor in a key, or "" if diffusers' old names divide it."""
    match = KEY.fullmatch(key)
    return "" if match is None or PROCESSOR.search(key) else match["layer"]


def _without_processor(match: re.Match[str]) -> str:
    which, part = match.groups()
    text_encoder = "text_model" in match.string
    out, other = ("out_proj", f"{which}_proj") if text_encoder else ("to_out.0", f"to_{which}")
    return f".{out if which == 'out' else other}.lora.{part}"
