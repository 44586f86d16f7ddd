"""The setting of App. A.1: two layers W, W' and two pairs of inputs whose outputs have the same cosine s₀; one AB."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import assert_never

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import (
    Array,
    apply,
    cosine,
    frobenius_sq,
    norm,
    operator_norm,
    plus_identity,
    sqrt,
)
from ioadapt_theory.claims.increments import first_order as cosine_derivative
from ioadapt_theory.claims.inequality import Hypothesis
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.claims.placement import Placement
from ioadapt_theory.errors import InvalidValueError

C, D = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeSimilarity:
    """W, W', x₁, x₂, x₁', x₂', AB, ε; rows are samples."""

    w: Array
    w_target: Array
    x1: Array
    x2: Array
    x1_target: Array
    x2_target: Array
    ab: Array
    epsilon: Array

    @property
    def source(self) -> tuple[Array, Array, Array]:
        """(x₁, x₂, W)."""
        return self.x1, self.x2, self.w

    @property
    def target(self) -> tuple[Array, Array, Array]:
        """(x₁', x₂', W')."""
        return self.x1_target, self.x2_target, self.w_target

    @property
    def s0(self) -> Array:
        """s₀ = sim(y₁, y₂), y = xW."""
        return cosine(apply(self.x1, self.w), apply(self.x2, self.w))


def adapted(x: Array, w: Array, ab: Array, placement: Placement) -> Array:
    """ŷ: x(W + AB), x(I + AB)W or xW(I + AB)."""
    match placement:
        case Placement.LORA:
            return apply(x, w + ab)
        case Placement.INPUT:
            return apply(apply(x, plus_identity(ab)), w)
        case Placement.OUTPUT:
            return apply(apply(x, w), plus_identity(ab))
        case _:
            assert_never(placement)


def increment(x: Array, w: Array, ab: Array, placement: Placement) -> Array:
    """Δy = ŷ − xW: xAB, xABW or xWAB."""
    match placement:
        case Placement.LORA:
            return apply(x, ab)
        case Placement.INPUT:
            return apply(apply(x, ab), w)
        case Placement.OUTPUT:
            return apply(apply(x, w), ab)
        case _:
            assert_never(placement)


def similarity_distance(i: RelativeSimilarity, placement: Placement) -> Array:
    """|sim(ŷ₁, ŷ₂) − sim(ŷ₁', ŷ₂')|, the left side of Props. 1 and 2."""
    source, target = (
        cosine(adapted(x1, w, i.ab, placement), adapted(x2, w, i.ab, placement)) for x1, x2, w in (i.source, i.target)
    )
    return abs(source - target)


def first_order(i: RelativeSimilarity, placement: Placement) -> Array:
    """Limit of the similarity distance over t as AB → tAB, t → 0: |δ − δ'| with δ of Eq. 7."""
    source, target = (
        cosine_derivative(
            apply(x1, w), apply(x2, w), increment(x1, w, i.ab, placement), increment(x2, w, i.ab, placement)
        )
        for x1, x2, w in (i.source, i.target)
    )
    return abs(source - target)


SAME_INPUT_SIMILARITY = Hypothesis(
    "sim(x1, x2) = sim(x1', x2')", lambda i: abs(cosine(i.x1, i.x2) - cosine(i.x1_target, i.x2_target))
)
SAME_OUTPUT_SIMILARITY = Hypothesis(
    "sim(y1, y2) = sim(y1', y2')",
    lambda i: abs(i.s0 - cosine(apply(i.x1_target, i.w_target), apply(i.x2_target, i.w_target))),
)


@dataclass(frozen=True, slots=True)
class Ball:
    """A reading of "the adaptation components are L2-regularized": size(AB) ≤ ε."""

    name: str
    size: Callable[[Array], Array]
    radius: Callable[[Array], Array]  # ε -> the largest norm

    def hypothesis(self) -> Hypothesis:
        """size(AB) ≤ ε; the residual is relative to ε where ε > 1."""
        return Hypothesis(f"{self.name} <= epsilon", lambda i: _positive(self.size(i.ab) - i.epsilon))


SPECTRAL = Ball("||AB||_2", operator_norm, lambda e: e)
LITERAL = Ball("||AB||_2^2", lambda m: operator_norm(m) ** 2, sqrt)
FROBENIUS = Ball("||AB||_F", lambda m: sqrt(frobenius_sq(m)), lambda e: e)


def _positive(x: Array) -> Array:
    return (x + abs(x)) / 2


def worst_direction(i: RelativeSimilarity, placement: Placement, ball: Ball) -> Tensor:
    """The unit AB that maximises δ − δ' = ⟨AB, G − G'⟩ for given data: its polar factor (Frobenius: itself)."""
    g = _gradient(*i.source, placement) - _gradient(*i.target, placement)
    if ball is FROBENIUS:
        return g / frobenius_sq(g).sqrt()[..., None, None]
    u, _, vh = torch.linalg.svd(g, full_matrices=False)
    return u @ vh


def _gradient(x1: Tensor, x2: Tensor, w: Tensor, placement: Placement) -> Tensor:
    y1, y2 = apply(x1, w), apply(x2, w)
    s = cosine(y1, y2)[..., None]
    n1, n2 = norm(y1)[..., None], norm(y2)[..., None]
    g1, g2 = (y2 / n2 - s * y1 / n1) / n1, (y1 / n1 - s * y2 / n2) / n2
    match placement:
        case Placement.LORA:
            rows, columns = (x1, x2), (g1, g2)
        case Placement.INPUT:
            rows, columns = (x1, x2), (apply(g1, w.mT), apply(g2, w.mT))
        case Placement.OUTPUT:
            rows, columns = (y1, y2), (g1, g2)
        case _:
            assert_never(placement)
    return sum((r[..., :, None] * k[..., None, :] for r, k in zip(rows, columns, strict=True)), torch.zeros(()))


def start(n: int, generator: torch.Generator, *, placement: Placement, c: int = C, d: int = D) -> dict[str, Tensor]:
    """Gaussian raw parameters."""
    shapes = {"w": (c, d), "free": (c, d), "x1": (c,), "x2": (c,), "q1": (c,), "q2": (c,), "p1": (d,), "p2": (d,)}
    shapes |= {"size": (4,), "epsilon": (), "ab": {"lora": (c, d), "input": (c, c), "output": (d, d)}[placement]}
    return normals(n, shapes, generator)


def parametrise(raw: Mapping[str, Tensor], *, placement: Placement, ball: Ball) -> RelativeSimilarity:
    """Raw parameters -> an instance that satisfies every hypothesis, and every such instance has raw parameters.

    The target pair gets the source's angles in the planes of (q₁, q₂) and (p₁, p₂); W' is the free matrix, changed on
    the plane of the inputs only, so that it maps the one pair to the other. AB is the raw one scaled to the boundary
    of the ball or, if there is none, the first-order worst case for these data, as a constant (envelope theorem).
    """
    w, x1, x2, length = raw["w"], raw["x1"], raw["x2"], raw["size"].exp()[..., None]
    sx, s0 = cosine(x1, x2)[..., None], cosine(apply(x1, w), apply(x2, w))[..., None]
    q1, q2 = _orthonormal(raw["q1"], raw["q2"])
    p1, p2 = _orthonormal(raw["p1"], raw["p2"])
    x1_target, x2_target = length[..., 0, :] * q1, length[..., 1, :] * (sx * q1 + (1 - sx**2).sqrt() * q2)
    y1, y2 = length[..., 2, :] * p1, length[..., 3, :] * (s0 * p1 + (1 - s0**2).sqrt() * p2)
    image1 = y1 / length[..., 0, :]  # what q₁ and q₂ must be mapped to
    image2 = (y2 / length[..., 1, :] - sx * image1) / (1 - sx**2).sqrt()
    q, images = torch.stack((q1, q2), -2), torch.stack((image1, image2), -2)
    w_target = raw["free"] + q.mT @ (images - q @ raw["free"])
    epsilon = 0.5 * torch.sigmoid(raw["epsilon"])
    data = {"w": w, "w_target": w_target, "x1": x1, "x2": x2, "x1_target": x1_target, "x2_target": x2_target}
    if "ab" in raw:
        unit = raw["ab"] / (SPECTRAL if ball is LITERAL else ball).size(raw["ab"])[..., None, None]
    else:
        detached = {name: value.detach() for name, value in data.items()}
        unit = worst_direction(RelativeSimilarity(**detached, ab=None, epsilon=None), placement, ball)
    return RelativeSimilarity(**data, ab=ball.radius(epsilon)[..., None, None] * unit, epsilon=epsilon)


def _orthonormal(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    a = a / norm(a)[..., None]
    b = b - (a * b).sum(-1, keepdim=True) * a
    return a, b / norm(b)[..., None]


def check(i: RelativeSimilarity) -> None:
    """Raise InvalidValueError if an input or an output is zero."""
    for name, (x1, x2, w) in {"": i.source, "_target": i.target}.items():
        for k, x in (("1", x1), ("2", x2)):
            if not x.any() or not apply(x, w).any():
                zero = f"x{k}{name}" + ("" if not x.any() else f" W{name}")
                msg = f"{zero} is the zero vector, for which the cosine similarity is undefined."
                raise InvalidValueError(msg)


def setting(placement: Placement, ball: Ball = SPECTRAL, c: int = C, d: int = D) -> Setting:
    """Setting A.1 for one placement; the sizes of W and W' differ where they may."""
    a, b, m = {"lora": ("c", "d", "c d"), "input": ("c", "e", "c c"), "output": ("b", "d", "d d")}[placement]
    matrices = (Letter("W", "w", "c d"), Letter("W_target", "w_target", f"{a} {b}"))
    vectors = tuple(Letter(f"x{k}{t}", f"x{k}{t}", "c" if not t else a) for t in ("", "_target") for k in (1, 2))
    return Setting(
        name=f"setting A.1 ({placement})",
        build=RelativeSimilarity,
        letters=(*matrices, *vectors, Letter("AB", "ab", m), Letter("epsilon", "epsilon", nonnegative=True)),
        start=partial(start, placement=placement, c=c, d=d),
        parametrise=partial(parametrise, placement=placement, ball=ball),
        check=check,
    )
