"""The setting of Lemmas 1 and 2: two nonzero vectors u, v and their increments Δu, Δv."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import Array, cosine, dot, norm
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.errors import InvalidValueError

D = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Increments:
    """u, v, Δu, Δv, all in R^d."""

    u: Array
    v: Array
    du: Array
    dv: Array


def first_order(u: Array, v: Array, du: Array, dv: Array) -> Array:
    """δ = (Δuᵀv + uᵀΔv)/(‖u‖‖v‖) − uᵀv/(‖u‖³‖v‖) uᵀΔu − uᵀv/(‖u‖‖v‖³) vᵀΔv, Eq. 7."""
    nu, nv, uv = norm(u), norm(v), dot(u, v)
    return (dot(du, v) + dot(u, dv)) / (nu * nv) - uv / (nu**3 * nv) * dot(u, du) - uv / (nu * nv**3) * dot(v, dv)


def remainder(i: Increments) -> Array:
    """R = s(u + Δu, v + Δv) − s(u, v) − δ, Lemma 1."""
    return cosine(i.u + i.du, i.v + i.dv) - cosine(i.u, i.v) - first_order(i.u, i.v, i.du, i.dv)


def start(n: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Gaussian u, v, Δu, Δv."""
    return normals(n, dict.fromkeys(("u", "v", "du", "dv"), (D,)), generator)


def parametrise(raw: Mapping[str, Tensor]) -> Increments:
    """Nothing is constrained."""
    return Increments(**raw)


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
