"""FLUX's and SD3's layers in diffusers' terms: what is one layer in the authors' code may be several there."""

import itertools
import re
from collections.abc import Iterator
from typing import Final

from ioadapt_theory.checkpoints.names.flux import FLUX, FLUX_NORMS
from ioadapt_theory.checkpoints.names.sd3 import SD3, SD3_NORMS

LAYERS: Final[dict[str, tuple[str, ...]]] = {
    **FLUX,
    **SD3,
    "final_layer.linear": ("proj_out",),
    "final_layer.adaLN_modulation.1": ("norm_out.linear",),
}
VECTORS: Final = {**FLUX_NORMS, **SD3_NORMS}
"""The same for what is no layer."""

PREFIXES: Final = ("model.diffusion_model.", "diffusion_model.")
"""Where single files keep the transformer."""

SWAPPED: Final = "adaLN_modulation"
"""Two halves, shift and scale, which diffusers has the other way round (not so where there are six or nine parts)."""

Ranges = list[tuple[int, int]]

_BY_FLAT_NAME: Final = {name.replace(".", "_").replace("_N_", "_#_"): name for name in LAYERS}


def in_diffusers(path: str) -> Iterator[tuple[str, ...]]:
    """Yield what a layer of an original FLUX or SD3 may be called in diffusers; ``path`` may be flattened."""
    numbers = re.findall(r"blocks[._](\d+)[._]", path)
    flat = re.sub(r"(blocks)[._]\d+[._]", r"\1_#_", path).replace(".", "_")
    if flat in _BY_FLAT_NAME:
        for target in LAYERS[_BY_FLAT_NAME[flat]]:
            yield tuple(re.sub(r"\bN\b", numbers[0] if numbers else "", target).split())


def vector(name: str) -> str | None:
    """Return what a tensor of an original FLUX or SD3 that belongs to no layer is called in diffusers."""
    matched = re.search(r"blocks\.(\d+)\.", name)
    target = VECTORS.get(re.sub(r"(blocks)\.\d+\.", r"\1.N.", name))
    return re.sub(r"\bN\b", matched[1] if matched else "", target) if target else None


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
