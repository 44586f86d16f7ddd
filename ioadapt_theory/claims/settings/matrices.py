"""Settings with any symbols: numbers, vectors and matrices with named axes; those of Lemmas 1 and 2 and App. A.2."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, make_dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import Array, frobenius_sq, norm, scaled
from ioadapt_theory.claims.expression import tree
from ioadapt_theory.claims.expression.tree import fro, let, row, sim
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.claims.settings.letters import EPSILON, GAP, Placement, delta
from ioadapt_theory.errors import InvalidValueError

__all__ = [
    "AVOIDS_ZERO", "DELTA", "DU", "DV", "INCREMENTS", "NEARLY_SAME", "RHO_U", "RHO_V", "SHORTER", "STRICTLY_SHORTER",
    "R", "S", "SharedFunction", "U", "V", "function_setting", "matrices", "shorter", "with_epsilon",
]  # fmt: skip
"""Exported to ``language``."""

SIZES = {"c": 3, "d": 4, "h": 2, "k": 5, "n": 6, "o": 5, "p": 3, "q": 4, "r": 2, "s": 7, "t": 2}
"""Size of every axis in a search; the axes of a claim differ in size, so that mistaking one for another fails."""
MEANINGS = {
    "X": "inputs, one in each row", "W": "the layer", "W_target": "the layer of the target", "AB": "the adapter",
    "W1": "layers of the source, from the first on", "W1_target": "layers of the target",
    "A": "left factor of an adapter", "B": "right factor of an adapter", "bias": "the bias, in every row",
    "sigma": "E[xᵀx] = σ²I", "F": "E[xᵀx] = FᵀF", "x1": "inputs", "M": "the adapter",
    "R": "rows that the adapter reads on n samples, of the source", "R_target": "those of the target",
    "J": "Jacobian of the outputs, behind the adapter, of the source", "J_target": "that of the target",
}  # fmt: skip
"""What letters stand for if a claim does not say otherwise."""


def matrices(
    name: str,
    axes: Mapping[str, str],
    sizes: Mapping[str, int] = SIZES,
    *,
    build: Callable[..., Any] | None = None,
    attributes: Mapping[str, str] = {},
    meanings: Mapping[str, str] = {},
) -> Setting:
    """Return a setting of free symbols; searches draw Gaussian entries and, for positive numbers, exp of a Gaussian.

    Args:
        name: name of the setting in ``paper_checks/register.txt``.
        axes: names of the axes, such as "c d", or "" for a positive number, by the symbol's key in an instance file.
        sizes: size of every axis in a search.
        build: constructor of the instance; by default a dataclass with an attribute for each symbol.
        attributes: attribute of the instance, by key, where it differs from the key in lower case.
        meanings: what the letters stand for, by key, where ``MEANINGS`` does not say it.
    """
    letters = tuple(Letter(key, attributes.get(key, key.lower()), a, positive=not a) for key, a in axes.items())
    if build is None:
        build = make_dataclass("Matrices", [(letter.attribute, Any) for letter in letters], frozen=True, kw_only=True)
    shapes = {x.attribute: tuple(sizes[axis] for axis in x.axes.split()) for x in letters}

    def parametrise(raw: Mapping[str, Tensor]) -> Any:
        return build(**{key: x if shapes[key] else x.exp() for key, x in raw.items()})

    return Setting(
        name=name,
        build=build,
        letters=letters,
        start=lambda n, generator: normals(n, shapes, generator),
        parametrise=parametrise,
        meanings={**MEANINGS, **meanings},
    )


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


CHANGES = {"u": "a row", "v": "a row", "du": "the change of u", "dv": "the change of v"}
INCREMENTS = replace(
    matrices("Lemmas 1-2", dict.fromkeys(("u", "v", "du", "dv"), "d"), {"d": 3}, meanings=CHANGES), check=check
)
"""The setting of Lemmas 1 and 2: two nonzero vectors u, v and their increments Δu, Δv."""


def shorter(i: Any, most: float = 1.0) -> dict[str, Tensor]:
    """Make an instance with ‖Δu‖ < ``most`` · ‖u‖ and ‖Δv‖ < ``most`` · ‖v‖."""
    return {
        key: scaled(most * torch.sigmoid(norm(change) - 1) * norm(vector) / norm(change), change)
        for key, change, vector in (("du", i.du, i.u), ("dv", i.dv, i.v))
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFunction:
    """An instance of App. A.2: W₁ (c x h), W₂ (h x d), the target's W₁', W₂', AB, σ.

    The linear models xW₁W₂ and xW₁'W₂' have nearly the same function, for random x ~ N(0, σ²I). In deeper models W₂ is
    a product of layers.
    """

    w1: Array
    w2: Array
    w1_target: Array
    w2_target: Array
    sigma: Array
    ab: Array | None = None
    given_epsilon: Array | None = None

    @property
    def gap(self) -> Array:
        return self.w1 @ self.w2 - self.w1_target @ self.w2_target

    @property
    def epsilon(self) -> Array:
        """ε as given or, by default, ‖W₁W₂ − W₁'W₂'‖_F², the smallest that the hypothesis allows."""
        return frobenius_sq(self.gap) if self.given_epsilon is None else self.given_epsilon


NEARLY_SAME = fro(GAP) ** 2 <= EPSILON
TWO_MODELS = {"AB": "the adapter, the same in both models", "epsilon": "the bound on the difference of the two models"}


def function_setting(placement: Placement | None, *, second: bool = False) -> Setting:
    """Return the setting of App. A.2 for one placement or, for None, that of Lemma 3, which needs no AB.

    Except for LoRA, the two models differ in hidden width. ``second`` puts LoRA on W₂ (footnote 1); AB is then h x d.
    """
    hidden = "h" if placement is Placement.LORA else "k"
    ab = "h d" if second else {None: "a b", "lora": "c h", "input": "c c", "output": "d d"}[placement]
    axes = {"W1": "c h", "W2": "h d", "W1_target": f"c {hidden}", "W2_target": f"{hidden} d", "AB": ab, "sigma": ""}
    sizes = {"c": 3, "h": 4, "k": 5, "d": 2, "a": 1, "b": 1}
    drawn = matrices(f"setting A.2 ({placement or 'no adapter'})", axes, sizes, build=SharedFunction)
    letters = [replace(x, optional=x.key == "AB" and placement is None) for x in drawn.letters]
    return with_epsilon(replace(drawn, letters=tuple(letters)), nonnegative=True)


def with_epsilon(setting: Setting, *, nonnegative: bool = False) -> Setting:
    """Return a setting of two models whose instances may say ε."""
    epsilon = Letter("epsilon", "given_epsilon", optional=True, nonnegative=nonnegative)
    return replace(setting, letters=(*setting.letters, epsilon), meanings={**setting.meanings, **TWO_MODELS})
