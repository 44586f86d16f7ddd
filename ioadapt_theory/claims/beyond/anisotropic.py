"""Props. 4 and 5 for inputs that are not isotropic: x = zF with z ~ N(0, I), so that E[xᵀx] = FᵀF."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ioadapt_theory.claims.arithmetic import (
    Array,
    frobenius_sq,
    inverse,
    operator_norm,
    plus_identity,
    rank,
)
from ioadapt_theory.claims.claim import Claim
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Hypothesis, Inequality
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import adapted
from ioadapt_theory.claims.statements.lemma_3 import SEARCHES

SOURCE = "beyond App. A.2"
C, H, D = 3, 4, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Anisotropic:
    """W₁, W₂, W₁', W₂', AB and the factor F (c x c) of E[xᵀx]."""

    w1: Array
    w2: Array
    w1_target: Array
    w2_target: Array
    ab: Array
    factor: Array


def parametrise(raw: Mapping[str, Tensor]) -> Anisotropic:
    """Nothing is constrained."""
    return Anisotropic(**raw)


def setting(placement: Placement) -> Setting:
    """Setting A.2 with the key F for σ."""
    axis, n = ("c", C) if placement is Placement.INPUT else ("d", D)
    shapes = {"w1": (C, H), "w2": (H, D), "w1_target": (C, H), "w2_target": (H, D), "ab": (n, n), "factor": (C, C)}
    return Setting(
        name=f"setting A.2 with E[x'x] = F'F ({placement})",
        build=Anisotropic,
        letters=(
            Letter("W1", "w1", "c h"),
            Letter("W2", "w2", "h d"),
            Letter("W1_target", "w1_target", "c k"),
            Letter("W2_target", "w2_target", "k d"),
            Letter("AB", "ab", f"{axis} {axis}"),
            Letter("F", "factor", "c c"),
        ),
        start=lambda n, generator: normals(n, shapes, generator),
        parametrise=parametrise,
    )


def distance(i: Anisotropic, placement: Placement | None) -> Array:
    """E‖xD‖₂² = ‖FD‖_F², D the difference of the adapted models; placement None: ε."""
    d = adapted(i.w1, i.w2, i.ab, placement) - adapted(i.w1_target, i.w2_target, i.ab, placement)
    return frobenius_sq(i.factor @ d)


def rhs(i: Anisotropic) -> Array:
    """‖I + AB‖₂² ε with ε = E‖xW₁W₂ − xW₁'W₂'‖²."""
    return operator_norm(plus_identity(i.ab)) ** 2 * distance(i, None)


def rhs_whitened(i: Anisotropic) -> Array:
    """‖F(I + AB)F⁻¹‖₂² ε."""
    whitened = i.factor @ plus_identity(i.ab) @ inverse(i.factor)
    return operator_norm(whitened) ** 2 * distance(i, None)


REGULAR = Hypothesis("F is regular", lambda i: i.factor.shape[-1] - rank(i.factor), exact=True)

PROP_4_ANISOTROPIC = Claim(
    id="prop-4-anisotropic",
    source=SOURCE,
    reading="x ~ N(0, Σ)",
    statement="E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ ‖I + AB‖₂² E‖xW₁W₂ − xW₁'W₂'‖² for every Σ",
    expected=Verdict.REFUTED,
    remark="AB moves what varies much to where the models differ",
    witnesses=("anisotropic",),
    inequality=Inequality(
        setting=setting(Placement.INPUT), lhs=lambda i: distance(i, Placement.INPUT), rhs=rhs, hypotheses=(REGULAR,)
    ),
    strategies=SEARCHES,
)
PROP_4_WHITENED = Claim(
    id="prop-4-whitened",
    source=SOURCE,
    reading="x ~ N(0, Σ)",
    amends="prop-4-anisotropic",
    statement="E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ ‖F(I + AB)F⁻¹‖₂² E‖xW₁W₂ − xW₁'W₂'‖², Σ = FᵀF",
    expected=Verdict.PROVED,
    remark="Prop. 4 for whitened inputs",
    inequality=Inequality(
        setting=setting(Placement.INPUT),
        lhs=lambda i: distance(i, Placement.INPUT),
        rhs=rhs_whitened,
        hypotheses=(REGULAR,),
    ),
    strategies=SEARCHES,
)
PROP_5_ANISOTROPIC = Claim(
    id="prop-5-anisotropic",
    source=SOURCE,
    reading="x ~ N(0, Σ)",
    statement="E‖xW₁W₂(I + AB) − xW₁'W₂'(I + AB)‖² ≤ ‖I + AB‖₂² E‖xW₁W₂ − xW₁'W₂'‖² for every Σ",
    expected=Verdict.PROVED,
    remark="output adaptation does not care about the law of the inputs",
    inequality=Inequality(
        setting=setting(Placement.OUTPUT), lhs=lambda i: distance(i, Placement.OUTPUT), rhs=rhs, hypotheses=(REGULAR,)
    ),
    strategies=SEARCHES,
)
