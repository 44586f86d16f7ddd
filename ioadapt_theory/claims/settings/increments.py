"""The setting of Lemmas 1 and 2: two nonzero vectors u, v and their increments Δu, Δv."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import norm, scaled
from ioadapt_theory.claims.expression import tree
from ioadapt_theory.claims.expression.limits import delta
from ioadapt_theory.claims.expression.tree import let, row, sim
from ioadapt_theory.claims.settings.matrices import matrices
from ioadapt_theory.errors import InvalidValueError

__all__ = [
    "AVOIDS_ZERO", "DELTA", "DU", "DV", "INCREMENTS", "RHO_U", "RHO_V", "SHORTER", "STRICTLY_SHORTER", "R", "S",
    "U", "V", "shorter",
]  # fmt: skip
"""Exported to ``language``."""

U, V, DU, DV = row("u"), row("v"), row("du"), row("dv")
S: Final = let("s", sim(U, V))
DELTA: Final = delta(U, V, DU, DV)
R: Final = let("R", sim(U + DU, V + DV) - S - DELTA)
"""Remainder of Lemma 1, sim(u + Δu, v + Δv) − sim(u, v) − δ, with δ of Eq. 7."""
RHO_U, RHO_V = tree.norm(DU) / tree.norm(U), tree.norm(DV) / tree.norm(V)
AVOIDS_ZERO = tree.NOTHING < tree.segment(U, V, DU, DV)
SHORTER = (tree.norm(DU) <= tree.norm(U), tree.norm(DV) <= tree.norm(V))
STRICTLY_SHORTER = (tree.norm(DU) < tree.norm(U), tree.norm(DV) < tree.norm(V))


def check(i: Any) -> None:
    for name in ("u", "v"):
        if not getattr(i, name).any():
            msg = f"{name} is the zero vector, for which s(u, v) is undefined; Lemmas 1 and 2 need ‖u‖, ‖v‖ > 0."
            raise InvalidValueError(msg)


MEANINGS = {"u": "a row", "v": "a row", "du": "the change of u", "dv": "the change of v"}
INCREMENTS = replace(
    matrices("Lemmas 1-2", dict.fromkeys(("u", "v", "du", "dv"), "d"), {"d": 3}, meanings=MEANINGS), check=check
)


def shorter(raw: Mapping[str, Tensor], most: float = 1.0) -> Any:
    """Return an instance with ‖Δu‖ < ``most`` · ‖u‖ and ‖Δv‖ < ``most`` · ‖v‖, made from unconstrained vectors."""
    changes = {
        key: scaled(most * torch.sigmoid(norm(raw[key]) - 1) * norm(raw[vector]) / norm(raw[key]), raw[key])
        for key, vector in (("du", "u"), ("dv", "v"))
    }
    return INCREMENTS.build(**{**raw, **changes})
