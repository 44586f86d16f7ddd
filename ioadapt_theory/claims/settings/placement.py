"""The place where AB acts: Y = X(W + AB), Y = X(I + AB)W or Y = XW(I + AB) (Eqs. 1 and 3)."""

from enum import StrEnum


class Placement(StrEnum):
    """The three placements, defined independently of ``adapters``, so that a mistake cannot affect both."""

    LORA = "lora"
    INPUT = "input"
    OUTPUT = "output"
