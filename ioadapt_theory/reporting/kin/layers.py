"""Layer-by-layer comparison of two models: similarity of inputs, of outputs and of weights for each pair of layers."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.base_weights import BaseLayer, Weights
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.checkpoints.names.kinds import kind
from ioadapt_theory.reporting.kin.counterparts import Counterparts, matrices
from ioadapt_theory.reporting.kin.likeness import Likeness, finite, likeness
from ioadapt_theory.reporting.sides import Sides, sides


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPair:
    """A layer of the source and its counterpart in the target.

    Attributes:
        name, counterpart: names in the source and in the target.
        size, there: numbers of input and output channels in the source and in the target.
        sides: similarity of the two weights' Gram matrices, over input channels and over output channels.
        likeness: similarity of the weights themselves, relative to that of unrelated weights.
        placements: where the given adapter acts on this layer: on its input, its output or its weight.
        table: whether the layer is an embedding, which cannot have an adapter.
    """

    name: str
    counterpart: str
    size: tuple[int, int]
    there: tuple[int, int]
    sides: Sides
    likeness: Likeness
    placements: tuple[Placement, ...] = ()
    table: bool = False

    @property
    def change(self) -> float:
        """The change from W to W', ‖W' - W‖ / ‖W‖; a missing cosine counts as 0, a missing ratio as 1."""
        c, ratio = self.sides.cosine or 0.0, 1.0 if self.sides.ratio is None else self.sides.ratio
        return math.sqrt(max(1 + ratio * ratio - 2 * c * ratio, 0.0))


def pairs(
    source: Weights, target: Weights, counterparts: Counterparts, adapters: Mapping[str, Adapter]
) -> Iterator[LayerPair]:
    """Yield the comparison of each layer that both models have; ``adapters`` maps layers of the source to adapters."""
    here, there = matrices(source), matrices(target)
    widths = [width for size in here.values() for width in size]
    for name, size in here.items():
        other = counterparts.layers.get(name)
        if other is None or other not in there:
            continue
        one, two = read(source, name, "source"), counterparts.ordered(read(target, other, "target"), other)
        table = _is_table(name)
        w, w2 = (layer.matrix if table else layer.matrix.mT for layer in (one, two))  # in torch's layout
        shared = sides(one, two, widths)
        yield LayerPair(
            name=name,
            counterpart=other,
            size=size[::-1] if table else size,
            there=there[other][::-1] if table else there[other],
            sides=Sides(None, shared.output, shared.cosine, shared.ratio) if table else shared,
            likeness=likeness(w, w2),
            placements=tuple(placement for placement, _ in adapters[name].parts()) if name in adapters else (),
            table=table,
        )


def read(weights: Weights, name: str, model: str) -> BaseLayer:
    """Return a layer, or an embedding with its weight transposed; raise InvalidValueError if a weight is not finite."""
    layer = weights.layer(name)
    finite(layer.matrix.mT, f"Layer {name}", model)
    return BaseLayer(layer.matrix.mT, None) if _is_table(name) else layer


def _is_table(name: str) -> bool:
    return kind(f"{name}.weight", 2) == "embed"
