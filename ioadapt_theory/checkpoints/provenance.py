"""Which teacher layer a block-removed student's layer was copied from: equal names are not equal layers.

The BK-SDM students drop the second layer of every block and close the gap in the numbering, so that layer 1 of an up
block holds what was layer 2; the tiny one also drops the innermost blocks, so its up blocks move up by one.
"""

import re
from collections.abc import Callable, Collection
from typing import Final

_UP: Final = re.compile(r"up_blocks\.(\d+)\.(resnets|attentions|upsamplers)\.(\d+)\.(.+)")


def _shift_layer(m: re.Match[str]) -> str:
    """Base and small: layer 1 of an up block was layer 2."""
    layer = {"0": "0", "1": "2"}[m[3]] if m[2] != "upsamplers" else m[3]
    return f"up_blocks.{m[1]}.{m[2]}.{layer}.{m[4]}"


def _shift_block(m: re.Match[str]) -> str:
    """Tiny: three levels, so up block b was block b + 1, and its layers moved as in base and small."""
    return _shift_layer(_UP.fullmatch(f"up_blocks.{int(m[1]) + 1}.{m[2]}.{m[3]}.{m[4]}") or m)


_STUDENTS: Final[dict[int, Callable[[re.Match[str]], str]]] = {4: _shift_layer, 3: _shift_block}
"""Number of up blocks -> how one of their names is traced back."""


def origins(names: Collection[str]) -> dict[str, str] | None:
    """Student name -> teacher name, or None when the names are not those of a block-removed UNet.

    A student is told by its layout: one layer a down block, two an up block.
    """
    present = {".".join(n.split(".")[:4]) for n in names}
    ups = {n.split(".")[1] for n in names if n.startswith("up_blocks.")}
    one_layer = "down_blocks.0.resnets.0" in present and "down_blocks.0.resnets.1" not in present
    two_up = "up_blocks.0.resnets.1" in present and "up_blocks.0.resnets.2" not in present
    if not (one_layer and two_up) or len(ups) not in _STUDENTS:
        return None
    trace = _STUDENTS[len(ups)]
    return {n: trace(m) if (m := _UP.fullmatch(n)) else n for n in names}
