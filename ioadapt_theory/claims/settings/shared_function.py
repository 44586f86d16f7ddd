"""The setting of App. A.2: linear models xW₁W₂ and xW₁'W₂' of nearly the same function, for random x ~ N(0, σ²I)."""

from dataclasses import dataclass, replace

from ioadapt_theory.claims.arithmetic import Array, frobenius_sq
from ioadapt_theory.claims.expression.tree import fro
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.instances import Letter, Setting
from ioadapt_theory.claims.settings.letters import EPSILON, GAP, Placement, discrepancy
from ioadapt_theory.claims.settings.matrices import matrices


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFunction:
    """An instance: W₁ (c x h), W₂ (h x d), the target's W₁', W₂', AB, σ. In deeper models W₂ is a product of layers."""

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


def expected_distance(i: SharedFunction, placement: Placement | None) -> Array:
    """Return E‖source(x) − target(x)‖² if E[xᵀx] = σ²I; both models are adapted unless ``placement`` is None."""
    return value(discrepancy(placement), i)


MEANINGS = {"AB": "the adapter, the same in both models", "epsilon": "the bound on the difference of the two models"}


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
    return replace(setting, letters=(*setting.letters, epsilon), meanings={**setting.meanings, **MEANINGS})
