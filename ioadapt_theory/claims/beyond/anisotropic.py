"""Props. 4 and 5 for inputs that are not isotropic: x = zF with z ~ N(0, I), so that E[xᵀx] = FᵀF."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.arithmetic import rank as rank_of
from ioadapt_theory.claims.claim import Claim, Given, Origin, Proof
from ioadapt_theory.claims.evidence.argument import chained, contradicted
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Hypothesis
from ioadapt_theory.claims.expression.deduction import LEFT, RIGHT, Link
from ioadapt_theory.claims.expression.tree import fro, inverse, matrix, rank, rows, spectral
from ioadapt_theory.claims.instances import Letter, Setting, normals
from ioadapt_theory.claims.settings.letters import GAP, T, discrepancy
from ioadapt_theory.claims.settings.placement import Placement
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


F = matrix("factor")
REGULAR = Given(
    rank(F).equals(rows(F)),
    Hypothesis("F is regular", lambda i: i.factor.shape[-1] - rank_of(i.factor), exact=True),
)
BEFORE = discrepancy(None, F)
"""E‖xW₁W₂ − xW₁'W₂'‖²."""
INPUT, OUTPUT = discrepancy(Placement.INPUT, F), discrepancy(Placement.OUTPUT, F)
RHS = spectral(T) ** 2 * BEFORE
WHITENED = F @ T @ inverse(F)
RHS_WHITENED = spectral(WHITENED) ** 2 * BEFORE
CHAIN_WHITENED = chained(
    INPUT,
    Link("x = zF, and F⁻¹F put in the middle", fro(WHITENED @ (F @ GAP)) ** 2, (REGULAR.relation,)),
    Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", (spectral(WHITENED) * fro(F @ GAP)) ** 2, (LEFT,)),
    Link("expand, z again x", RHS_WHITENED),
)
CHAIN_OUTPUT = chained(
    OUTPUT,
    Link("x = zF, and I + AB factored out on the right", fro((F @ GAP) @ T) ** 2),
    Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", (fro(F @ GAP) * spectral(T)) ** 2, (RIGHT,)),
    Link("expand, z again x", RHS),
)

PROP_4_ANISOTROPIC = Claim(
    id="prop-4-anisotropic",
    source=SOURCE,
    origin=Origin.OURS,
    reading="x ~ N(0, Σ)",
    given=(REGULAR,),
    concludes=(INPUT <= RHS,),
    prose="for every Σ",
    expected=Verdict.REFUTED,
    remark="AB moves what varies much to where the models differ",
    witnesses=("anisotropic",),
    setting=setting(Placement.INPUT),
    strategies=SEARCHES,
    proofs=contradicted("anisotropic"),
)
PROP_4_WHITENED = Claim(
    id="prop-4-whitened",
    source=SOURCE,
    origin=Origin.OURS,
    reading="x ~ N(0, Σ)",
    amends="prop-4-anisotropic",
    given=(REGULAR,),
    concludes=(INPUT <= RHS_WHITENED,),
    prose="Σ = FᵀF",
    expected=Verdict.PROVED,
    remark="Prop. 4 for whitened inputs",
    setting=setting(Placement.INPUT),
    strategies=SEARCHES,
    proofs=(Proof("x = zF", CHAIN_WHITENED),),
)
PROP_5_ANISOTROPIC = Claim(
    id="prop-5-anisotropic",
    source=SOURCE,
    origin=Origin.OURS,
    reading="x ~ N(0, Σ)",
    given=(REGULAR,),
    concludes=(OUTPUT <= RHS,),
    prose="for every Σ",
    expected=Verdict.PROVED,
    remark="output adaptation does not care about the law of the inputs",
    setting=setting(Placement.OUTPUT),
    strategies=SEARCHES,
    proofs=(Proof("sample by sample", CHAIN_OUTPUT),),
)
CLAIMS = (PROP_4_ANISOTROPIC, PROP_4_WHITENED, PROP_5_ANISOTROPIC)
