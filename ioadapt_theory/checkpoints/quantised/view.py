"""A checkpoint whose codes are weights again: what similarity and adapters see of a quantised file.

A weight is made when it is read, one at a time, in float32; figures about scales and codes are never given.
"""

from collections.abc import Callable, Collection
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, TensorInfo
from ioadapt_theory.checkpoints.files.computed import Computed
from ioadapt_theory.checkpoints.quantised import bitsandbytes, packed, scaled
from ioadapt_theory.checkpoints.quantised.recipe import Recipe, read_whole
from ioadapt_theory.errors import UnsupportedError

if TYPE_CHECKING:
    import torch

REFUSED: Final = {
    (".codebooks", ".codes"): "AQLM",
    (".Qidxs", ""): "QuIP#",
    (".trellis", ""): "EXL3",
    (".q_weight", ".q_scale"): "EXL2",
    (".W_q", ".meta"): "HQQ",
    (".weight_scale_2", ".weight_scale"): "NVFP4",
    (".weight_packed", ".weight_global_scale"): "NVFP4",
    ("_blocks", "_scales"): "MXFP4",
    (".qweight", ""): "a packing that is neither GPTQ's nor AWQ's",
    (".weight_packed", ""): "a packing that is not compressed-tensors'",
    (".absmax", ".quant_map"): "bitsandbytes, of a kind without a state",
    (".SCB", ""): "bitsandbytes' int8 (its weight is not there)",
    ("_scale_inv", ""): "fp8 (its weight is not there)",
}
"""Endings of two stored names ('' for any) -> what such files are quantised by, where no recipe took them."""


class Dequantised(Computed):
    """Weights by recipes, and the other tensors of a checkpoint as they are."""

    def __init__(self, whole: Checkpoint, recipes: dict[str, Recipe]) -> None:
        """Take the stored checkpoint, which is closed with this one."""
        self.name, self.source, self.revision, self.config = whole.name, whole.source, whole.revision, whole.config
        methods = ", ".join(sorted({recipe.method for recipe in recipes.values()}))
        self.metadata = {**whole.metadata, "quantised": f"{len(recipes)} weights by {methods}"}
        self._whole, self._recipes = whole, recipes
        taken = _taken(recipes)
        made = {name: TensorInfo(name, "F32", recipe.shape) for name, recipe in recipes.items()}
        places = {recipe.parts[min(recipe.parts, key=_first)]: name for name, recipe in recipes.items()}
        self.tensors = {}
        for name, info in whole.tensors.items():  # a weight comes where its codes do
            if name in places:
                self.tensors[places[name]] = made[places[name]]
            elif name not in taken:
                self.tensors[name] = info

    def filler(self, name: str, out: "torch.Tensor") -> Callable[[int], None]:
        """See `Checkpoint.filler`."""
        return super().filler(name, out) if name in self._recipes else self._whole.filler(name, out)

    def make(self, name: str) -> "torch.Tensor":
        """See `Computed.make`."""
        recipe = self._recipes[name]
        return recipe.make({role: read_whole(self._whole, part) for role, part in recipe.parts.items()})

    def _stored(self, names: Collection[str] | None) -> list[str] | None:
        if names is None:
            return None
        parts = (self._recipes[n].parts.values() if n in self._recipes else [n] for n in names)
        return list(chain.from_iterable(parts))

    def pending(self, names: Collection[str] | None = None) -> int:
        """See `Checkpoint.pending`."""
        return self._whole.pending(self._stored(names))

    def prepare(self, names: Collection[str] | None = None) -> None:
        """See `Checkpoint.prepare`."""
        self._whole.prepare(self._stored(names))

    def close(self) -> None:
        """Close the stored checkpoint."""
        self._last = None
        self._whole.close()


def dequantised(whole: Checkpoint) -> Checkpoint:
    """The checkpoint with weights instead of codes; itself, if it has none.

    Raises:
        UnsupportedError: If it is quantised in a way that is not read; with the name of that.
        FileFormatError: If codes and scales do not fit each other.
    """
    tensors = whole.tensors
    recipes = dict(scaled.find(tensors, whole.config))
    recipes |= dict(packed.find(tensors, whole.config))
    recipes |= dict(bitsandbytes.find(tensors, partial(read_whole, whole)))
    left = tensors.keys() - _taken(recipes)
    for (ending, other), method in REFUSED.items():
        ends = (name for name in left if name.endswith(ending))
        found = min((name for name in ends if not other or name.removesuffix(ending) + other in tensors), default=None)
        if found is not None:
            msg = f"{whole.source} is quantised by {method}: {found} holds codes and no weights, and is not read. "
            msg += "Take the original, or a copy that was dequantised."
            raise UnsupportedError(msg)
    return Dequantised(whole, recipes) if recipes else whole


def _taken(recipes: dict[str, Recipe]) -> set[str]:
    return {name for recipe in recipes.values() for name in [*recipe.parts.values(), *recipe.beside]}


def _first(role: str) -> bool:
    return role not in ("codes", "packed")
