"""What is compared: the weights, or the space on one side of them; and which axis of a stored tensor that side is."""

from enum import StrEnum

from ioadapt_theory.similarity.matching import Layer

Span = tuple[int, int]


class Space(StrEnum):
    """What is compared: the weights, or the spaces on either side of them.

    Example:
        >>> from ioadapt_theory.similarity.measures.spaces import Space
        >>> [str(space) for space in Space]
        ['weight', 'input', 'output']
    """

    WEIGHT = "weight"
    INPUT = "input"
    OUTPUT = "output"


def sides(layer: Layer, space: Space) -> tuple[int, int, int]:
    """Return (axis of the stored tensor, f, m): f channels on the asked side, m elements for each of them."""
    axis = int((space is Space.INPUT) != (layer.kind == "embed"))
    f = layer.shape[axis]
    return axis, f, layer.numel // f
