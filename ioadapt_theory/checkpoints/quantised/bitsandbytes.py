"""Bitsandbytes' four bits, nf4 and fp4: codes of blocks with a largest value each, which may be codes themselves.

Equal to ``dequantize_4bit`` of bitsandbytes 0.50 but for rounding to the state's precision, and for rows that are no
multiple of a block: its loop for CPUs takes the largest values of other blocks there.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ioadapt_theory.checkpoints.checkpoint import TensorInfo
from ioadapt_theory.checkpoints.quantised.recipe import Recipe, Stored
from ioadapt_theory.errors import FileFormatError

if TYPE_CHECKING:
    from torch import Tensor

STATE = ".quant_state.bitsandbytes__"
"""Between the name of a weight and nf4 or fp4: the tensor that holds JSON about it."""


def find(tensors: Mapping[str, TensorInfo], read: Callable[[str], "Tensor"]) -> Iterator[tuple[str, Recipe]]:
    """Yield every weight with a state; `read` returns stored tensors, of which the states are read here.

    Raises:
        FileFormatError: If a state is broken, or does not fit the codes beside it.
    """
    for state in [name for name in tensors if STATE in name]:
        name, _, kind = state.partition(STATE)
        said = _state(read(state), state)
        shape, blocksize = tuple(said["shape"]), said["blocksize"]
        numel = math.prod(shape)
        roles = {"absmax": f"{name}.absmax", "map": f"{name}.quant_map"}
        nested = f"{name}.nested_absmax" in tensors
        if nested:
            roles |= {"nested_absmax": f"{name}.nested_absmax", "nested_map": f"{name}.nested_quant_map"}
        parts = {"codes": name, **roles}
        if missing := [part for part in parts.values() if part not in tensors]:
            msg = f"{state} is there, and {missing[0]} is not."
            raise FileFormatError(msg)
        blocks = -(-numel // blocksize)
        enough = {"codes": -(-numel // 2), "absmax": blocks, "map": 16}
        if nested:
            enough |= {"nested_absmax": -(-blocks // said["nested_blocksize"]), "nested_map": 256}
        for role, count in enough.items():
            if tensors[parts[role]].numel != count:
                msg = f"{parts[role]} has {tensors[parts[role]].numel} values, where {state} says {count}."
                raise FileFormatError(msg)
        yield name, Recipe(kind, shape, parts, [state], partial(_make, said=said, shape=shape))


def _state(stored: "Tensor", name: str) -> dict[str, Any]:
    """What a state says, checked."""
    try:
        said = json.loads(bytes(stored.flatten().tolist()))
        shape, sizes = said["shape"], [said["blocksize"], said.get("nested_blocksize", 256)]
        offset = float(said.get("nested_offset", 0.0))
        right = all(type(n) is int and 0 < n < 1 << 40 for n in [*shape, *sizes]) and len(shape) <= 8
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        msg = f"{name} is no state of bitsandbytes ({type(error).__name__}: {error})."
        raise FileFormatError(msg) from error
    if not right:
        msg = f"{name} gives shape {shape} and blocks of {sizes}, which cannot be."
        raise FileFormatError(msg)
    return {"shape": shape, "blocksize": sizes[0], "nested_blocksize": sizes[1], "nested_offset": offset}


def _make(stored: Stored, said: Mapping[str, Any], shape: tuple[int, ...]) -> "Tensor":
    """Weight = map[code] · absmax of its block; the first of two codes in a byte is the high one."""
    import torch

    numel = math.prod(shape)
    codes = stored["codes"].flatten().to(torch.uint8)
    pairs = torch.stack([codes >> 4, codes & 15], 1).flatten()[:numel]
    largest = stored["absmax"].flatten()
    if "nested_map" in stored:
        scale = stored["nested_absmax"].flatten().float().repeat_interleave(said["nested_blocksize"])[: len(largest)]
        largest = stored["nested_map"].flatten().float()[largest.long()] * scale + said["nested_offset"]
    values = stored["map"].flatten().float()[pairs.long()]
    return (values * largest.float().repeat_interleave(said["blocksize"])[:numel]).view(shape)
