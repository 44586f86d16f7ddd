"""The UNet of Stable Diffusion: Stability's names (LDM, SGM, kohya's for SD-XL) as diffusers' names.

Stability numbers the layers of one side through, diffusers those of each block. How many a block has is read off the
model or the file: with a wrong number, hundreds of layers would be others without any error.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ioadapt_theory.checkpoints.names import TABLES

PREFIX: Final = "model.diffusion_model."
"""Prefix of the UNet in the original LDM layout; VAE and text encoder lie beside it."""

_DOTTED_STAGE: Final = re.compile(r"(input|output)_blocks\.(\d{1,3})\.(\d)\.(.+)")
_FLAT_STAGE: Final = re.compile(r"(input|output)_blocks_(\d{1,3})_(\d)_(.+)")
_RESNETS: Final = re.compile(r"(?:^|\.)(down|up)_blocks\.(\d{1,3})\.resnets\.(\d{1,3})(?=\.|$)")
_SAMPLERS: Final = re.compile(r"(?:^|\.)down_blocks\.(\d{1,3})\.downsamplers\.0(?=\.|$)")


@dataclass(frozen=True, slots=True)
class Blocks:
    """The shape of a UNet, as far as numbering goes.

    Attributes:
        down: resnets of each down block.
        up: resnets of each up block.
        sampled: whether each down block ends with a downsampler, which takes a number of its own.
    """

    down: tuple[int, ...]
    up: tuple[int, ...]
    sampled: tuple[bool, ...]


def blocks_in_diffusers(names: Iterable[str]) -> Blocks | None:
    """Read off the names of a model's modules or tensors; None where there is no such UNet, or one with gaps."""
    counted: dict[str, defaultdict[int, set[int]]] = {"down": defaultdict(set), "up": defaultdict(set)}
    sampled = set()
    for name in names:
        if matched := _RESNETS.search(name):
            counted[matched[1]][int(matched[2])].add(int(matched[3]))
        elif matched := _SAMPLERS.search(name):
            sampled.add(int(matched[1]))
    whole = all(
        set(blocks) == set(range(len(blocks))) and all(s == set(range(len(s))) for s in blocks.values())
        for blocks in counted.values()
    )
    if not counted["down"] or not counted["up"] or not whole:
        return None
    down, up = (tuple(len(blocks[i]) for i in range(len(blocks))) for blocks in counted.values())
    return Blocks(down, up, tuple(i in sampled for i in range(len(down))))


def blocks_in_stability(keys: Iterable[str]) -> Blocks | None:
    """Return what a file's own downsamplers and upsamplers tell; None where they leave the numbers open.

    Every block is counted, and the two sides have to mirror each other. In a file that has only some of the layers
    evenly spaced downsamplers tell all.
    """
    numbers: dict[str, set[int]] = {"input": set(), "output": set()}
    downs, ups = set(), set()
    for key in keys:
        if matched := _DOTTED_STAGE.fullmatch(key):
            n = int(matched[2])
            numbers[matched[1]].add(n)
            if matched[1] == "input" and matched[4].partition(".")[0] == "op":
                downs.add(n)
            elif matched[1] == "output" and matched[4].partition(".")[0] == "conv":
                ups.add(n)
    if not downs:
        return None
    down, ends = _gaps(downs, first=0), sorted(ups)
    last = max(numbers["input"]) - max(downs)
    up = [n + 1 for n in _gaps(ups, first=-1)]
    if up and [*up, max(numbers["output"]) - ends[-1]] == _mirrored([*down, last]):
        down.append(last)
    elif len(set(down)) == 1 and set(up) <= {down[0] + 1} and last <= down[0]:
        down.append(down[0])
    else:
        return None
    return Blocks(tuple(down), tuple(_mirrored(down)), (*[True] * (len(down) - 1), False)) if min(down) > 0 else None


def _gaps(ends: Collection[int], first: int) -> list[int]:
    """Return how many numbers lie before each end and after the one before it."""
    return [b - a - 1 for a, b in itertools.pairwise([first, *sorted(ends)])]


def _mirrored(down: Sequence[int]) -> list[int]:
    """Return the resnets of the up blocks: one more than the down block of the same level has."""
    return [n + 1 for n in reversed(down)]


def to_diffusers(name: str, blocks: Blocks | None, flat: bool = False) -> str:
    """Return a name of Stability's without its prefix in diffusers' terms; what is no such name stays.

    Args:
        name: of a module or tensor.
        blocks: of the UNet; without, only what has no number is known.
        flat: underscores stand where the dots were.

    Returns:
        The name in diffusers' terms.
    """
    table, dot = _table(blocks, flat), "_" if flat else "."
    parts = name.split(dot)
    for i in range(len(parts), 0, -1):
        if (head := dot.join(parts[:i])) in table:
            return dot.join([table[head], *parts[i:]])
    return name


@lru_cache(16)
def _table(blocks: Blocks | None, flat: bool) -> dict[str, str]:
    """Return Stability's name -> diffusers' name for the parts of a UNet; the longest name that fits counts."""
    table = dict(TABLES["unet"])
    n = 1
    for block, layers in enumerate(blocks.down if blocks else ()):
        for i in range(layers):
            table[f"input_blocks.{n}.0"] = f"down_blocks.{block}.resnets.{i}"
            table[f"input_blocks.{n}.1"] = f"down_blocks.{block}.attentions.{i}"
            n += 1
        if blocks and blocks.sampled[block]:
            table[f"input_blocks.{n}.0.op"] = f"down_blocks.{block}.downsamplers.0.conv"
            n += 1
    up = [(block, i) for block, layers in enumerate(blocks.up if blocks else ()) for i in range(layers)]
    for n, (block, i) in enumerate(up):
        table[f"output_blocks.{n}.0"] = f"up_blocks.{block}.resnets.{i}"
        table[f"output_blocks.{n}.1"] = f"up_blocks.{block}.attentions.{i}"
        table |= {f"output_blocks.{n}.{slot}.conv": f"up_blocks.{block}.upsamplers.0.conv" for slot in (1, 2)}
    for old, new in [*table.items()]:
        if ".resnets." in new:
            table |= {f"{old}.{theirs}": f"{new}.{ours}" for theirs, ours in TABLES["resnet"].items()}
    return {old.replace(".", "_"): new.replace(".", "_") for old, new in table.items()} if flat else table


def is_numbered(name: str, flat: bool = False) -> bool:
    """Whether a name counts layers through one side of a UNet, as Stability's do."""
    return (_FLAT_STAGE if flat else _DOTTED_STAGE).fullmatch(name) is not None


def canonical(keys: Collection[str]) -> dict[str, str]:
    """Return stored name -> the name it is matched by: UNet keys of the LDM layout become diffusers', others stay.

    A UNet whose numbers of layers cannot be read off its keys keeps its names.
    """
    prefix = PREFIX if any(k.startswith(PREFIX) for k in keys) else ""
    blocks = blocks_in_stability(k.removeprefix(prefix) for k in keys if k.startswith(prefix))
    if blocks is None:
        return {k: k for k in keys}
    return {k: to_diffusers(k.removeprefix(prefix), blocks) if k.startswith(prefix) else k for k in keys}
