"""Setting of App. A.1: layers W and W' with one AB, and two inputs of each layer.

Both pairs of inputs have the same cosine, and both pairs of outputs have the cosine s₀.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import (
    Array,
    apply,
    cosine,
    frobenius_sq,
    norm,
    operator_norm,
    outer,
    scaled,
    sine,
    sqrt,
    unit,
)
from ioadapt_theory.claims.expression import tree
from ioadapt_theory.claims.expression.tree import Relation, fro, spectral
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.claims.settings.letters import AB, EACH_INPUT, EPSILON, SOURCE, TARGET, Placement, T
from ioadapt_theory.errors import InvalidValueError

__all__ = [
    "BELOW_ONE", "BELOW_OUTPUTS", "FROBENIUS", "FULL_ROW_RANK", "LITERAL", "NOT_PARALLEL", "REGULAR",
    "SAME_OUTPUTS", "SPECTRAL", "Ball", "below_outputs", "similarity_setting",
]  # fmt: skip
"""Exported to ``language``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeSimilarity:
    """An instance of App. A.1: W, W', x₁, x₂, x₁', x₂', AB, ε; vectors are rows."""

    w: Array
    w_target: Array
    x1: Array
    x2: Array
    x1_target: Array
    x2_target: Array
    ab: Array
    epsilon: Array


SAME_INPUTS = tree.sim(SOURCE.x1, SOURCE.x2).equals(tree.sim(TARGET.x1, TARGET.x2))
SAME_OUTPUTS = SOURCE.s0.equals(TARGET.s0)
FULL_ROW_RANK = tuple(tree.rank(model.w).equals(tree.rows(model.w)) for model in (SOURCE, TARGET))
BELOW_ONE = EPSILON < 1
REGULAR = tree.rank(T).equals(tree.rows(T))
NOT_PARALLEL = tree.NOTHING < tree.minimum(SOURCE.sine0, TARGET.sine0)
BELOW_OUTPUTS = tuple(EPSILON * tree.norm(x) <= tree.norm(x @ w) for x, w in EACH_INPUT[1:])


@dataclass(frozen=True, slots=True)
class Ball:
    """A reading of "the adaptation components are L2-regularized": ``relation`` bounds ``norm``."""

    norm: Callable[[Array], Array]
    relation: Relation
    radius: Callable[[Array], Array] = lambda epsilon: epsilon  # the largest norm

    @property
    def given(self) -> tuple[Relation, ...]:
        """The hypotheses of App. A.1: equal similarities of inputs and of outputs in both models, and this bound."""
        return SAME_INPUTS, SAME_OUTPUTS, self.relation


MEANINGS = {
    "W": "the layer of the source", "W_target": "the layer of the target", "x": "inputs of the source",
    "x1_target": "inputs of the target", "AB": "the adapter, the same in both models",
    "epsilon": "the bound on the adapter",
}  # fmt: skip
SPECTRAL = Ball(operator_norm, spectral(AB) <= EPSILON)
LITERAL = Ball(operator_norm, spectral(AB) ** 2 <= EPSILON, radius=sqrt)
FROBENIUS = Ball(lambda m: sqrt(frobenius_sq(m)), fro(AB) <= EPSILON)
Data = Mapping[str, Tensor]
PAIRS = (1, ""), (2, ""), (1, "_target"), (2, "_target")
"""The indices of the inputs, and the endings of both models' names."""


def half(data: Data) -> Tensor:
    """Return 1/2, an upper limit of ε in searches; the statements are about small ε or hold for every ε < 1."""
    return torch.full_like(norm(data["x1"]), 0.5)


def below_outputs(data: Data) -> Tensor:
    """Return the smallest ‖xW‖/‖x‖, an upper limit of ε, so that LoRA cannot make an output zero."""
    pairs = [(data[f"x{k}{t}"], data[f"w{t}"]) for k, t in PAIRS]
    return torch.stack([norm(apply(x, w)) / norm(x) for x, w in pairs]).amin(0)


def worst_direction(data: Data, placement: Placement, ball: Ball) -> Tensor:
    """Return the AB of norm 1 with the largest ⟨AB, G − G'⟩, G and G' the gradients of both models' similarities in AB.

    In the Frobenius norm it is a multiple of G − G', in the spectral norm the polar factor of G − G'.
    """
    source, target = (_gradient(data[f"x1{t}"], data[f"x2{t}"], data[f"w{t}"], placement) for t in ("", "_target"))
    g = source - target
    if ball is FROBENIUS:
        return g / ball.norm(g)[..., None, None]
    u, _, vh = torch.linalg.svd(g, full_matrices=False)
    return u @ vh


def _gradient(x1: Tensor, x2: Tensor, w: Tensor, placement: Placement) -> Tensor:
    """Return the gradient with respect to AB, at AB = 0, of the cosine of the two adapted outputs."""
    y1, y2 = apply(x1, w), apply(x2, w)
    s = cosine(y1, y2)
    g1 = scaled(1 / norm(y1), unit(y2) - scaled(s, unit(y1)))
    g2 = scaled(1 / norm(y2), unit(y1) - scaled(s, unit(y2)))
    if placement is Placement.INPUT:
        g1, g2 = apply(g1, w.mT), apply(g2, w.mT)
    rows = (y1, y2) if placement is Placement.OUTPUT else (x1, x2)
    return outer(rows[0], g1) + outer(rows[1], g2)


def parametrise(
    raw: Data, *, placement: Placement, ball: Ball, limit: Callable[[Data], Tensor] = half
) -> RelativeSimilarity:
    """Return instances made from unconstrained numbers; they satisfy the hypotheses of App. A.1 and ε < ``limit``."""
    # The target pair gets the source's angles in the planes of (q₁, q₂) and (p₁, p₂). W' is the free matrix, changed
    # only on the plane of the inputs, so that it maps inputs to outputs. AB is the raw AB scaled to the boundary
    # of the ball or, if there is no raw AB, the first-order worst case, held constant (envelope theorem).
    w, x1, x2, (a1, a2, b1, b2) = raw["w"], raw["x1"], raw["x2"], raw["size"].exp().unbind(-1)
    y1, y2 = apply(x1, w), apply(x2, w)
    (q1, q2), (p1, p2) = _orthonormal(raw["q1"], raw["q2"]), _orthonormal(raw["p1"], raw["p2"])
    cosine_x, sine_x, cosine_y, sine_y = cosine(x1, x2), sine(x1, x2), cosine(y1, y2), sine(y1, y2)
    image1 = scaled(b1 / a1, p1)  # of q₁ under W', since x₁' = a₁q₁ ↦ b₁p₁
    y2_target = scaled(b2, scaled(cosine_y, p1) + scaled(sine_y, p2))
    image2 = scaled(1 / sine_x, scaled(1 / a2, y2_target) - scaled(cosine_x, image1))
    q, images = torch.stack((q1, q2), -2), torch.stack((image1, image2), -2)
    data = {
        "w": w, "w_target": raw["free"] + q.mT @ (images - q @ raw["free"]), "x1": x1, "x2": x2,
        "x1_target": scaled(a1, q1), "x2_target": scaled(a2, scaled(cosine_x, q1) + scaled(sine_x, q2)),
    }  # fmt: skip
    epsilon = torch.sigmoid(raw["epsilon"]) * limit(data)
    if "ab" in raw:
        direction = raw["ab"] / ball.norm(raw["ab"])[..., None, None]
    else:
        direction = worst_direction({name: value.detach() for name, value in data.items()}, placement, ball)
    return RelativeSimilarity(**data, ab=ball.radius(epsilon)[..., None, None] * direction, epsilon=epsilon)


def _orthonormal(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    a = unit(a)
    return a, unit(b - scaled((a * b).sum(-1), a))


def check(i: RelativeSimilarity) -> None:
    for k, t in PAIRS:
        x = getattr(i, f"x{k}{t}")
        if not apply(x, getattr(i, f"w{t}")).any():
            name = f"x{k}{t}" if not x.any() else f"x{k}{t} W{t}"
            msg = f"{name} is the zero vector, for which the cosine similarity is undefined."
            raise InvalidValueError(msg)


def similarity_setting(
    placement: Placement, ball: Ball = SPECTRAL, *, limit: Callable[[Data], Tensor] = half, c: int = 3, d: int = 4
) -> Setting:
    """Return the setting of App. A.1; ``ball`` bounds AB by ε, and ``limit`` bounds ε.

    The target's W' is c x d (LoRA), c x e (input) or b x d (output); in searches it has the size of W.
    """
    a, b, m = {"lora": ("c", "d", "c d"), "input": ("c", "e", "c c"), "output": ("b", "d", "d d")}[placement]
    matrices = (Letter("W", "w", "c d"), Letter("W_target", "w_target", f"{a} {b}"))
    vectors = tuple(Letter(f"x{k}{t}", f"x{k}{t}", a if t else "c") for k, t in PAIRS)
    shapes = {"w": (c, d), "free": (c, d), "x1": (c,), "x2": (c,), "q1": (c,), "q2": (c,), "p1": (d,), "p2": (d,)}
    shapes |= {"size": (4,), "epsilon": (), "ab": tuple({"c": c, "d": d}[axis] for axis in m.split())}
    return Setting(
        name=f"setting A.1 ({placement})", build=RelativeSimilarity,
        letters=(*matrices, *vectors, Letter("AB", "ab", m), Letter("epsilon", "epsilon", nonnegative=True)),
        start=lambda n, generator: normals(n, shapes, generator),
        parametrise=partial(parametrise, placement=placement, ball=ball, limit=limit), check=check,
        meanings=MEANINGS,
    )  # fmt: skip
