"""The layers that two models have in common, and the similarity of their weights."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.linalg import vector_norm

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.rules.correspondence import correspond
from ioadapt_theory.checkpoints.names.layer_name import Name
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.similarity.report.order import place
from ioadapt_theory.similarity.weights import moments_of, values


@dataclass(frozen=True, slots=True)
class LayerPair:
    """A layer of the source and its counterpart in the target.

    Attributes:
        name, counterpart: names in the source and in the target.
        size: numbers of input and output channels in the source.
        cosine: cosine of the weights W and W'; None if their sizes differ or one is zero.
        ratio: ‖W'‖ / ‖W‖; None if W is zero.
        placements: where the adapter acts on this layer: on its input, its output or its weight.
    """

    name: str
    counterpart: str
    size: tuple[int, int]
    cosine: float | None
    ratio: float | None
    placements: tuple[Placement, ...]

    @property
    def change(self) -> float:
        """The change from W to W', ‖W' - W‖ / ‖W‖; a missing cosine counts as 0, a missing ratio as 1."""
        c, ratio = self.cosine or 0.0, 1.0 if self.ratio is None else self.ratio
        return math.sqrt(max(1 + ratio * ratio - 2 * c * ratio, 0.0))


def sizes(weights: ModelWeights) -> dict[str, tuple[int, int]]:
    """Return the numbers of input and output channels of each layer with a matrix, in the network's order."""
    found = {}
    inner = sorted({*weights.names} - {""}, key=place)
    for name in inner or weights.names:  # the root counts only if it is the only module
        try:
            f = weights.outline(name)
        except IoAdaptError:
            continue
        found[name] = (f.channels, f.columns)
    return found


def paired(source: ModelWeights, target: ModelWeights, adapters: Mapping[str, Adapter]) -> list[LayerPair]:
    """Pair the layers of two models, by weights if blocks were renumbered and else by name."""
    here, there = sizes(source), sizes(target)
    places = correspond([Name("", name) for name in here], target, "auto", source=source).places
    counterparts = {key.path: next((place[0] for place in some if len(place) == 1), "") for key, some in places.items()}
    pairs = []
    for name, size in here.items():
        if (other := counterparts.get(name, "")) in there:
            sides = tuple(side for side, _ in adapters[name].parts()) if name in adapters else ()
            pairs.append(LayerPair(name, other, size, *_similarity(source, name, target, other), sides))
    return pairs


def _similarity(source: ModelWeights, name: str, target: ModelWeights, other: str) -> tuple[float | None, float | None]:
    try:
        w, w2 = source.layer(name).matrix.detach().mT, target.layer(other).matrix.detach().mT
    except IoAdaptError:  # such as a quantised layer
        return None, None
    if w.shape == w2.shape and (both := values(moments_of([w.flatten(), w2.flatten()]), 0, 1)):
        return both.cosine, both.norm_ratio
    norm, norm2 = (float(vector_norm(m, dtype=torch.float64)) for m in (w, w2))
    return None, norm2 / norm if norm else None
