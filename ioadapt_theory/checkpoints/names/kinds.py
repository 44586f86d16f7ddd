"""The kind of a tensor (attention, convolution, norm, ...) and the block that contains it, derived from its name."""

import re
from collections.abc import Collection
from typing import Final

from ioadapt_theory.checkpoints.names import TABLES

KINDS: Final = ("attn1", "attn2", "attn", "ff", "conv", "time", "embed", "other", "norm", "bias")
"""All kinds of tensors; norms and biases, the last two, are reported separately from the weights."""

_NORM: Final = re.compile(r"(^|[._])(\w*norm\d*|ln|bn)([._]|\d|$)")
_BY_NAME: Final = {label: re.compile(pattern) for label, pattern in TABLES["kinds"].items()}
_ADAPTER: Final = re.compile("|".join(TABLES["adapters"]["parts"]))


def kind(name: str, ndim: int) -> str:
    """Return the kind of a tensor, one of KINDS; only vectors are norms or biases, not matrices in adaptive norms."""
    if ndim <= 1:
        parent, _, last = name.rpartition(".")
        if _NORM.search(parent) or last == "weight":
            return "norm"
        return "bias" if "bias" in last else "other"
    for label, pattern in _BY_NAME.items():
        if pattern.search(name):
            return label
    return "conv" if ndim >= 3 else "other"


def of_adapter(names: Collection[str]) -> bool:
    """Return whether most of these tensors belong to an adapter, according to their names."""
    return 2 * sum(_ADAPTER.search(name) is not None for name in names) > len(names)


def block(name: str) -> str:
    """Return the block of a tensor: its name up to the first number (``down_blocks.0``, ``model.layers.3``).

    For ``mid_block``, and for names without a number before their last part, the block is the name's first part.
    """
    parts = name.split(".")
    if parts[0] == "mid_block":
        return parts[0]
    number = next((i for i, part in enumerate(parts) if part.isdecimal()), None)
    return parts[0] if number is None or number == len(parts) - 1 else ".".join(parts[: number + 1])
