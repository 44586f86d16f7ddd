"""The setting of Lemmas 1 and 2: two nonzero vectors u, v and their increments Δu, Δv."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import (
    Array,
    dot,
    excess,
    minimum,
    norm,
    number,
    positive_part,
    reached,
    scaled,
    segment_distance,
)
from ioadapt_theory.claims.claim import Given
from ioadapt_theory.claims.evidence.inequality import Hypothesis
from ioadapt_theory.claims.expression import tree
from ioadapt_theory.claims.expression.limits import delta
from ioadapt_theory.claims.expression.tree import let, row, sim
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.errors import InvalidValueError

D = 3
U, V, DU, DV = row("u"), row("v"), row("du"), row("dv")
S: Final = let("s", sim(U, V))
DELTA: Final = delta(U, V, DU, DV)
R: Final = let("R", sim(U + DU, V + DV) - S - DELTA)
"""s(u + Δu, v + Δv) − s(u, v) − δ, Lemma 1."""
RHO_U, RHO_V = tree.norm(DU) / tree.norm(U), tree.norm(DV) / tree.norm(V)


@dataclass(frozen=True, slots=True, kw_only=True)
class Increments:
    """u, v, Δu, Δv, all in R^d."""

    u: Array
    v: Array
    du: Array
    dv: Array


def first_order(u: Array, v: Array, du: Array, dv: Array) -> Array:
    """δ of Eq. 7."""
    return value(DELTA, Increments(u=u, v=v, du=du, dv=dv))


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


def longer(x: str, by: Callable[[Array, Array], Array]) -> Callable[[Increments], Array]:
    """By how much ‖Δx‖ exceeds ‖x‖, relative to it; rational in the entries."""

    def residual(i: Increments) -> Array:
        w, dw = getattr(i, x), getattr(i, f"d{x}")
        return by(dot(dw, dw), dot(w, w)) / 2

    return residual


AVOIDS_ZERO = Given(
    tree.NOTHING < tree.segment(U, V, DU, DV),
    Hypothesis(
        "the segment avoids 0",
        lambda i: positive_part(
            number(1e-6, norm(i.u))
            - minimum(segment_distance(i.u, i.du) / norm(i.u), segment_distance(i.v, i.dv) / norm(i.v))
        ),
    ),
)
SHORTER = tuple(
    Given(
        tree.norm(row(f"d{x}")) <= tree.norm(row(x)), Hypothesis(f"||d{x}|| <= ||{x}||", longer(x, excess), exact=True)
    )
    for x in ("u", "v")
)
BELOW_ONE = tuple(
    Given(
        tree.norm(row(f"d{x}")) < tree.norm(row(x)), Hypothesis(f"||d{x}|| < ||{x}||", longer(x, reached), exact=True)
    )
    for x in ("u", "v")
)
