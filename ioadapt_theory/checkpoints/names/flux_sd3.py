"""The original layer names of FLUX and SD3, translated to diffusers' names; one layer may become several."""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from ioadapt_theory.checkpoints.checkpoint import Ranges
from ioadapt_theory.checkpoints.names import TABLES
from ioadapt_theory.checkpoints.names.layer_name import unwrapped

Form = tuple[tuple[str, Ranges | None], ...]
"""New names of a stored tensor, each with its row ranges, or None for all rows."""


def _long(names: str) -> str:
    return re.sub(r"\bT\b", "transformer_blocks.N", re.sub(r"\bS\b", "single_transformer_blocks.N", names))


LAYERS: Final = {
    re.sub(r"\bN\b", "#", name).replace(".", "_"): tuple(_long(form).split() for form in forms.split("|"))
    for name, forms in TABLES["layers"].items()
}
"""Flattened name of an original layer, with # for its number -> the layers of diffusers that it may have become; there
are several possibilities if generations of the models, or fused and separate projections, have different names."""

SWAPPED: Final = "adaLN_modulation"
"""Part of the names of modulation layers. diffusers swaps shift and scale in layers with two outputs per input, but not
in those with six or nine."""

_TRANSFORMER: Final = re.compile(r"^(model\.)?diffusion_model\.")


def in_diffusers(path: str) -> Iterator[tuple[str, ...]]:
    """Yield the possible lists of diffusers' layers for a FLUX or SD3 layer; ``path`` may have _ instead of dots."""
    numbers = re.findall(r"blocks[._](\d+)[._]", path)
    flat = re.sub(r"(blocks)[._]\d+[._]", r"\1_#_", path).replace(".", "_")
    for names in LAYERS.get(flat, ()):
        yield tuple(_numbered(name, numbers) for name in names)


def ranges(path: str, inputs: int, outputs: int, parts: int) -> list[Ranges]:
    """Return how ``parts`` layers of diffusers divide the outputs of the FLUX or SD3 layer that they replace."""
    match parts:
        case 1 if SWAPPED in path and outputs == 2 * inputs:
            return [[(inputs, outputs), (0, inputs)]]
        case 1:
            return [[(0, outputs)]]
        case 3:
            ends = [outputs * i // 3 for i in range(4)]
        case _:  # q, k and v have the width of the stream; the MLP has the remaining rows
            ends = [0, inputs, 2 * inputs, 3 * inputs, outputs]
    return [[(start, stop)] for start, stop in itertools.pairwise(ends)]


def _numbered(name: str, numbers: Collection[str]) -> str:
    return re.sub(r"\bN\b", next(iter(numbers), ""), name)


def forms(key: str, shapes: Mapping[str, tuple[int, ...]]) -> list[Form]:
    """Return all possible translations of a FLUX or SD3 tensor's name to diffusers' names; [] for other tensors."""
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
