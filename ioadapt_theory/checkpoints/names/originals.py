"""Layers of FLUX and SD3 as their authors name them, in the terms of diffusers, where one may be several."""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from ioadapt_theory.checkpoints.checkpoint import Ranges
from ioadapt_theory.checkpoints.names import TABLES
from ioadapt_theory.checkpoints.names.layer_name import unwrapped

Form = tuple[tuple[str, Ranges | None], ...]
"""A stored tensor under other names: one, or several that share its rows; None for all of them."""


def _long(names: str) -> str:
    return re.sub(r"\bT\b", "transformer_blocks.N", re.sub(r"\bS\b", "single_transformer_blocks.N", names))


LAYERS: Final = {
    re.sub(r"\bN\b", "#", name).replace(".", "_"): tuple(_long(form).split() for form in forms.split("|"))
    for name, forms in TABLES["layers"].items()
}
"""Flattened name of a layer, # for its number -> the layers of diffusers that it is, by generation."""

SWAPPED: Final = "adaLN_modulation"
"""Two halves, shift and scale, which diffusers has the other way round (not so where there are six or nine parts)."""

_TRANSFORMER: Final = re.compile(r"^(model\.)?diffusion_model\.")


def in_diffusers(path: str) -> Iterator[tuple[str, ...]]:
    """Yield what a layer of an original FLUX or SD3 may be called in diffusers; ``path`` may be flattened."""
    numbers = re.findall(r"blocks[._](\d+)[._]", path)
    flat = re.sub(r"(blocks)[._]\d+[._]", r"\1_#_", path).replace(".", "_")
    for names in LAYERS.get(flat, ()):
        yield tuple(_numbered(name, numbers) for name in names)


def ranges(path: str, inputs: int, outputs: int, parts: int) -> list[Ranges]:
    """Return which outputs of the original layer each of its parts in diffusers has, in order."""
    match parts:
        case 1 if SWAPPED in path and outputs == 2 * inputs:
            return [[(inputs, outputs), (0, inputs)]]
        case 1:
            return [[(0, outputs)]]
        case 3:
            ends = [outputs * i // 3 for i in range(4)]
        case _:  # q, k and v of the width of the stream, and the MLP
            ends = [0, inputs, 2 * inputs, 3 * inputs, outputs]
    return [[(start, stop)] for start, stop in itertools.pairwise(ends)]


def _numbered(name: str, numbers: Collection[str]) -> str:
    return re.sub(r"\bN\b", next(iter(numbers), ""), name)


def forms(key: str, shapes: Mapping[str, tuple[int, ...]]) -> list[Form]:
    """Return what a stored tensor may be under diffusers' names, given the shapes of all."""
    name = _TRANSFORMER.sub("", unwrapped(key))
    if vector := TABLES["vectors"].get(re.sub(r"(?<=blocks\.)\d+(?=\.)", "N", name)):
        return [((_numbered(_long(vector), re.findall(r"blocks\.(\d+)\.", name)), None),)]
    layer, _, leaf = name.rpartition(".")
    matrix = shapes.get(f"{key.rpartition('.')[0]}.weight", ())
    if leaf not in {"weight", "bias"} or len(matrix) < 2:
        return []
    forms_of: list[Form] = []
    for names in in_diffusers(layer):
        rows = ranges(layer, matrix[1], matrix[0], len(names))
        whole = rows == [[(0, matrix[0])]]
        forms_of.append(tuple((f"{n}.{leaf}", None if whole else r) for n, r in zip(names, rows, strict=True)))
    return forms_of
