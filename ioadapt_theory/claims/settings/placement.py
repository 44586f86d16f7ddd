"""Where an adapter AB acts: Y = X(W + AB), Y = X(I + AB)W or Y = XW(I + AB) (Eqs. 1 and 3)."""

from enum import StrEnum


class Placement(StrEnum):
    """Where AB acts: LORA, X(W + AB); INPUT, X(I + AB)W; OUTPUT, XW(I + AB).

    Defined independently of the package ``adapters``, so that a mistake cannot affect both.
    """

    LORA = "lora"
    INPUT = "input"
    OUTPUT = "output"
