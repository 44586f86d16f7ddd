"""The UNet of Stable Diffusion: Stability's names (LDM, SGM, kohya's for SD-XL) translated to diffusers' names.

Stability numbers the layers of the whole encoder and of the whole decoder consecutively, diffusers those of each block.
The number of layers per block is read from the model or the file, since a wrong number would silently exchange hundreds
of layers.
"""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from ioadapt_theory.checkpoints.names import TABLES

PREFIX: Final = "model.diffusion_model."
"""Prefix of the UNet in the original LDM layout; the VAE and the text encoder have other prefixes."""

_DOTTED_STAGE: Final = re.compile(r"(input|output)_blocks\.(\d{1,3})\.(\d)\.(.+)")
_FLAT_STAGE: Final = re.compile(r"(input|output)_blocks_(\d{1,3})_(\d)_(.+)")
_RESNETS: Final = re.compile(r"(?:^|\.)(down|up)_blocks\.(\d{1,3})\.resnets\.(\d{1,3})(?=\.|$)")


class Blocks(NamedTuple):
    """The number of levels of a UNet, each with a down and an up block, and the number of resnets per down block."""

    levels: int
    resnets: int


def blocks_in_diffusers(names: Iterable[str]) -> Blocks | None:
    """Return the sizes of a UNet from its names in diffusers; None for other models, or if blocks are uneven."""
    present = {(m[1], int(m[2]), int(m[3])) for name in names if (m := _RESNETS.search(name))}
    down = [place for place in present if place[0] == "down"]
    if not down:
        return None
    blocks = Blocks(1 + max(block for _, block, _ in down), 1 + max(i for _, _, i in down))
    sizes = {"down": blocks.resnets, "up": blocks.resnets + 1}
    whole = {(side, block, i) for side, n in sizes.items() for block in range(blocks.levels) for i in range(n)}
    return blocks if present == whole else None


def blocks_in_stability(keys: Iterable[str]) -> Blocks | None:
    """Return the sizes of a UNet from Stability's names; None for other models, or if blocks are uneven or unclear."""
    stages = [(m[1], int(m[2]), m[4].partition(".")[0]) for key in keys if (m := _DOTTED_STAGE.fullmatch(key))]
    downs = sorted({n for side, n, part in stages if side == "input" and part == "op"})
    ups = {n for side, n, part in stages if side == "output" and part == "conv"}
    if not downs or downs[0] < 2:
        return None
    step, end = downs[0], downs[0] * (len(downs) + 1)  # a block has step - 1 resnets and a downsampler
    even = downs == [*range(step, end, step)] and ups <= {*range(step - 1, end - 1, step)}
    return Blocks(len(downs) + 1, step - 1) if even and all(n < end for _, n, _ in stages) else None


def to_diffusers(name: str, blocks: Blocks | None, flat: bool = False) -> str:
    """Return diffusers' name for a Stability name without prefix, dotted or ``flat``; return other names unchanged."""
    table, dot = names(blocks, flat), "_" if flat else "."
    parts = name.split(dot)
    for i in range(len(parts), 0, -1):
        if (head := dot.join(parts[:i])) in table:
            return dot.join([table[head], *parts[i:]])
    return name


@lru_cache(16)
def names(blocks: Blocks | None, flat: bool) -> dict[str, str]:
    """Return the map from Stability's to diffusers' names of a UNet's modules; if ``flat``, with _ instead of dots."""
    table = dict(TABLES["unet"])
    levels, resnets = blocks or (0, 0)
    for block in range(levels):
        for i in range(resnets + 1):
            n = block * (resnets + 1) + i
            table[f"output_blocks.{n}.0"] = f"up_blocks.{block}.resnets.{i}"
            table[f"output_blocks.{n}.1"] = f"up_blocks.{block}.attentions.{i}"
            if i < resnets:
                table[f"input_blocks.{n + 1}.0"] = f"down_blocks.{block}.resnets.{i}"
                table[f"input_blocks.{n + 1}.1"] = f"down_blocks.{block}.attentions.{i}"
            else:
                table[f"input_blocks.{n + 1}.0.op"] = f"down_blocks.{block}.downsamplers.0.conv"
                table |= {f"output_blocks.{n}.{slot}.conv": f"up_blocks.{block}.upsamplers.0.conv" for slot in (1, 2)}
    for old, new in [*table.items()]:
        if ".resnets." in new:
            table |= {f"{old}.{theirs}": f"{new}.{ours}" for theirs, ours in TABLES["resnet"].items()}
    return {old.replace(".", "_"): new.replace(".", "_") for old, new in table.items()} if flat else table


def is_numbered(name: str, flat: bool = False) -> bool:
    """Return whether a name is one of Stability's with the number of a block, such as input_blocks.4.1.proj_in."""
    return (_FLAT_STAGE if flat else _DOTTED_STAGE).fullmatch(name) is not None


def canonical(keys: Collection[str]) -> dict[str, str]:
    """Return diffusers' name for each name that Stability uses in a UNet; other names stay the same.

    All names stay the same if the number of layers per block does not follow from them.
    """
    prefix = PREFIX if any(k.startswith(PREFIX) for k in keys) else ""
    blocks = blocks_in_stability(k.removeprefix(prefix) for k in keys if k.startswith(prefix))
    if blocks is None:
        return {k: k for k in keys}
    return {k: to_diffusers(k.removeprefix(prefix), blocks) if k.startswith(prefix) else k for k in keys}
