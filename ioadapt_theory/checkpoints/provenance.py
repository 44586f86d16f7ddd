"""Origins of the layers of a model, told by the layout of a known student alone.

What the layers contain tells more, see `alignment`. The BK-SDM students drop the second layer of every block and close
the gap in the numbering, so that layer 1 of an up block holds what was layer 2; the tiny one also drops the innermost
blocks, so its up blocks move up by one.
"""

import re
from collections.abc import Collection
from typing import Final

from ioadapt_theory.checkpoints.alignment import Origins, contradictions
from ioadapt_theory.checkpoints.names.unet import Blocks
from ioadapt_theory.errors import UnknownNameError

MATCHES: Final = ("name", "provenance", "auto")
"""Ways to match the layers of two models: equal names, equal origin, or origin where it is known and else names."""

TEACHER: Final = Blocks((2, 2, 2, 2), (3, 3, 3, 3), (True, True, True, False))
"""The UNet of SD-1.x, of which the students are."""

MOVED: Final = {4: 0, 3: 1}
"""Up blocks of a student -> by how many its up blocks were further on in the teacher."""

_UP: Final = re.compile(r"up_blocks\.(\d)\.(resnets|attentions|upsamplers)\.(\d)\.")


def require_match(match: str) -> str:
    """Return the way of matching; UnknownNameError where there is none such."""
    if match not in MATCHES:
        raise UnknownNameError("match", match, MATCHES)
    return match


def by_layout(source: Collection[str], target: Collection[str]) -> Origins | None:
    """Return the origins that the names of both models show; None where neither is a student of a known layout."""
    theirs, ours = origins(source), origins(target)
    if theirs is None and ours is None:
        return None
    back = {teacher: name for name, teacher in theirs.items()} if theirs else {name: name for name in source}
    ours = ours or {name: name for name in target}
    of = {name: back[teacher] for name, teacher in ours.items() if teacher in back}
    wrong = contradictions(of, [name for name in ours if name not in of], source)
    return Origins(of, "layout", contradicted=wrong, blocks=None if theirs else TEACHER)


def of_teacher(target: Collection[str]) -> Origins | None:
    """Return the origins of a student of a known layout in a teacher that is not at hand."""
    of = origins(target)
    if of is None:
        return None
    return Origins(of, "layout", contradicted=contradictions(of, [], {*of, *of.values()}), blocks=TEACHER)


def origins(names: Collection[str]) -> dict[str, str] | None:
    """Return student name -> teacher name, or None when the names are not those of a block-removed UNet.

    A student is told by its layout: one layer a down block, two an up block, attention at the outermost level as in
    SD-1.x (SD-XL, of whose students nothing is known by layout, has none there).
    """
    present = {".".join(n.split(".")[:4]) for n in names}
    ups = {n.split(".")[1] for n in names if n.startswith("up_blocks.")}
    one_layer = {"down_blocks.0.resnets.0", "down_blocks.0.attentions.0"} <= present
    one_layer &= "down_blocks.0.resnets.1" not in present
    two_up = "up_blocks.0.resnets.1" in present and "up_blocks.0.resnets.2" not in present
    if not (one_layer and two_up) or len(ups) not in MOVED:
        return None

    def teacher(match: re.Match[str]) -> str:
        block, kind, layer = match.groups()
        layer = layer if kind == "upsamplers" else {"1": "2"}.get(layer, layer)
        return f"up_blocks.{int(block) + MOVED[len(ups)]}.{kind}.{layer}."

    return {name: _UP.sub(teacher, name) if name.startswith("up_blocks.") else name for name in names}
