"""The setting of Lemmas 1 and 2: two nonzero vectors u, v and their increments Δu, Δv."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import Array, norm, scaled
from ioadapt_theory.claims.expression import tree
from ioadapt_theory.claims.expression.limits import delta
from ioadapt_theory.claims.expression.tree import let, row, sim
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.errors import InvalidValueError

__all__ = [
    "AVOIDS_ZERO", "DELTA", "DU", "DV", "INCREMENTS", "RHO_U", "RHO_V", "SHORTER", "STRICTLY_SHORTER", "R", "S",
    "U", "V", "remainder", "short", "shorter",
]  # fmt: skip
"""What claims are written in (``language``)."""

D = 3
U, V, DU, DV = row("u"), row("v"), row("du"), row("dv")
S: Final = let("s", sim(U, V))
DELTA: Final = delta(U, V, DU, DV)
R: Final = let("R", sim(U + DU, V + DV) - S - DELTA)
"""s(u + Δu, v + Δv) − s(u, v) − δ, Lemma 1."""
RHO_U, RHO_V = tree.norm(DU) / tree.norm(U), tree.norm(DV) / tree.norm(V)
AVOIDS_ZERO = tree.NOTHING < tree.segment(U, V, DU, DV)
SHORTER = (tree.norm(DU) <= tree.norm(U), tree.norm(DV) <= tree.norm(V))
STRICTLY_SHORTER = (tree.norm(DU) < tree.norm(U), tree.norm(DV) < tree.norm(V))


@dataclass(frozen=True, slots=True, kw_only=True)
class Increments:
    """u, v, Δu, Δv, all in R^d."""

    u: Array
    v: Array
    du: Array
    dv: Array


def remainder(i: Increments) -> Array:
    """R of Lemma 1."""
    return value(R, i)


def start(n: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Gaussian u, v, Δu, Δv."""
    return normals(n, dict.fromkeys(("u", "v", "du", "dv"), (D,)), generator)


def parametrise(raw: Mapping[str, Tensor]) -> Increments:
    """Nothing is constrained."""
    return Increments(**raw)


def shorter(raw: Mapping[str, Tensor]) -> Increments:
    """‖Δu‖ < ‖u‖ and ‖Δv‖ < ‖v‖, by the factor σ(‖Δ‖ − 1)."""
    scaled_to = {
        key: scaled(torch.sigmoid(norm(raw[key]) - 1) * norm(raw[vector]) / norm(raw[key]), raw[key])
        for key, vector in (("du", "u"), ("dv", "v"))
    }
    return parametrise({**raw, **scaled_to})


def short(raw: Mapping[str, Tensor]) -> Increments:
    """Increments short enough for a grid on the segment: ‖Δ‖ < ‖·‖/2."""
    i = shorter(raw)
    return Increments(u=i.u, v=i.v, du=i.du / 2, dv=i.dv / 2)


def check(i: Increments) -> None:
    """Raise InvalidValueError if u or v is zero."""
    for name in ("u", "v"):
        if not getattr(i, name).any():
            msg = f"{name} is the zero vector, for which s(u, v) is undefined; Lemmas 1 and 2 need ‖u‖, ‖v‖ > 0."
            raise InvalidValueError(msg)


INCREMENTS = Setting(
    name="Lemmas 1-2",
    build=Increments,
    letters=tuple(Letter(key, key, "d") for key in ("u", "v", "du", "dv")),
    start=start,
    parametrise=parametrise,
    check=check,
)
