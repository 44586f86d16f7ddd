"""The setting of App. A.2: two-layer linear models XW₁W₂ and XW₁'W₂' of nearly the same function; x ~ N(0, σ²I)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import Array, frobenius_sq
from ioadapt_theory.claims.expression.tree import fro
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.claims.settings.letters import EPSILON, GAP, discrepancy
from ioadapt_theory.claims.settings.placement import Placement

C, H, D = 3, 4, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFunction:
    """W₁ (c x h), W₂ (h x d), W₁', W₂', AB, σ; a deeper stack is one of these with the product of its later layers."""

    w1: Array
    w2: Array
    w1_target: Array
    w2_target: Array
    sigma: Array
    ab: Array | None = None
    given_epsilon: Array | None = None

    @property
    def gap(self) -> Array:
        """W₁W₂ − W₁'W₂'."""
        return self.w1 @ self.w2 - self.w1_target @ self.w2_target

    @property
    def epsilon(self) -> Array:
        """ε = ‖W₁W₂ − W₁'W₂'‖_F², the smallest that the hypothesis allows, unless one is given."""
        return frobenius_sq(self.gap) if self.given_epsilon is None else self.given_epsilon


NEARLY_SAME = fro(GAP) ** 2 <= EPSILON


def expected_distance(i: SharedFunction, placement: Placement | None) -> Array:
    """E‖x(source − target)‖₂² = σ²‖source − target‖_F² for adapted models; only E[xᵀx] = σ²I is used."""
    return value(discrepancy(placement), i)


def start(n: int, generator: torch.Generator, *, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Gaussian weights and adapter; σ log-normal."""
    return normals(n, shapes, generator)


def parametrise(raw: Mapping[str, Tensor]) -> SharedFunction:
    """Nothing is constrained: ε is what the models have."""
    return SharedFunction(**{**raw, "sigma": raw["sigma"].exp()})


def setting(placement: Placement | None, *, second: bool = False) -> Setting:
    """Setting A.2 for one placement; hidden widths differ where they may. For Lemma 3 (None) AB is not used.

    With ``second``, LoRA is on W₂ (footnote 1), so that AB is h x d.
    """
    hidden = "h" if placement is Placement.LORA else "k"
    ab, shape = {None: ("a b", ()), "lora": ("c h", (C, H)), "input": ("c c", (C, C)), "output": ("d d", (D, D))}[
        placement
    ]
    if second:
        ab, shape = "h d", (H, D)
    k = H if placement is Placement.LORA else H + 1
    shapes = {"w1": (C, H), "w2": (H, D), "w1_target": (C, k), "w2_target": (k, D), "sigma": ()}
    if placement is not None:
        shapes["ab"] = shape
    weights = (Letter("W1", "w1", "c h"), Letter("W2", "w2", "h d"))
    targets = (Letter("W1_target", "w1_target", f"c {hidden}"), Letter("W2_target", "w2_target", f"{hidden} d"))
    return Setting(
        name=f"setting A.2 ({placement or 'no adapter'})",
        build=SharedFunction,
        letters=(
            *weights,
            *targets,
            Letter("AB", "ab", ab, optional=placement is None),
            Letter("sigma", "sigma", positive=True),
            Letter("epsilon", "given_epsilon", optional=True, nonnegative=True),
        ),
        start=partial(start, shapes=shapes),
        parametrise=parametrise,
    )
