"""Props. 4 and 5 inside a model, where adapters are in practice: they hold at its two ends only."""

from dataclasses import replace
from functools import partial

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import chained, contradicted
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.monte_carlo import StackMonteCarlo
from ioadapt_theory.claims.expression.deduction import LEFT, RIGHT, SPECTRAL_PRODUCT, TRIANGLE_FROBENIUS, Link
from ioadapt_theory.claims.expression.tree import fro, mean_square, spectral
from ioadapt_theory.claims.instances import Letter, Setting
from ioadapt_theory.claims.settings.letters import EPSILON, SIGMA, W1, W1_TARGET, W2, W2_TARGET, T, X
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, setting, start
from ioadapt_theory.claims.statements.lemma_3 import SEARCHES

SOURCE = "beyond App. A.2"


def between(*, everywhere: bool) -> Setting:
    """AB in front of W₂ (h x h), or in front of both layers (h = c)."""
    h, shapes = ("c", (3, 3)) if everywhere else ("h", (4, 4))
    weights = (Letter("W1", "w1", f"c {h}"), Letter("W2", "w2", f"{h} d"))
    targets = (Letter("W1_target", "w1_target", f"c {h}"), Letter("W2_target", "w2_target", f"{h} d"))
    n = shapes[0]
    raw = {"w1": (3, n), "w2": (n, 2), "w1_target": (3, n), "w2_target": (n, 2), "sigma": (), "ab": shapes}
    return replace(
        setting(Placement.INPUT),
        name="setting A.2 (interior)",
        letters=(*weights, *targets, Letter("AB", "ab", f"{h} {h}"), Letter("sigma", "sigma", positive=True)),
        start=partial(start, shapes=raw),
    )


LHS = mean_square(X @ W1 @ T @ W2 - X @ W1_TARGET @ T @ W2_TARGET, SIGMA)
RHS = SIGMA**2 * spectral(T) ** 2 * EPSILON
FIRST, SECOND = W1 - W1_TARGET, W2 - W2_TARGET
RHS_LAYERS = (SIGMA * spectral(T) * (fro(FIRST) * spectral(W2) + spectral(W1_TARGET) * fro(SECOND))) ** 2
LHS_EVERYWHERE = mean_square(X @ T @ W1 @ T @ W2 - X @ T @ W1_TARGET @ T @ W2_TARGET, SIGMA)
RHS_EVERYWHERE = SIGMA**2 * spectral(T) ** 4 * EPSILON
CHAIN = chained(
    LHS,
    Link("telescope", SIGMA**2 * fro(FIRST @ (T @ W2) + (W1_TARGET @ T) @ SECOND) ** 2),
    Link(
        "triangle inequality",
        SIGMA**2 * (fro(FIRST @ (T @ W2)) + fro((W1_TARGET @ T) @ SECOND)) ** 2,
        (TRIANGLE_FROBENIUS,),
    ),
    Link(
        "‖MN‖_F ≤ ‖M‖_F‖N‖₂ and ‖M‖₂‖N‖_F",
        SIGMA**2 * (fro(FIRST) * spectral(T @ W2) + spectral(W1_TARGET @ T) * fro(SECOND)) ** 2,
        (LEFT, RIGHT),
    ),
    Link(
        "‖MN‖₂ ≤ ‖M‖₂‖N‖₂",
        SIGMA**2 * (fro(FIRST) * (spectral(T) * spectral(W2)) + (spectral(W1_TARGET) * spectral(T)) * fro(SECOND)) ** 2,
        (SPECTRAL_PRODUCT,),
    ),
    Link("‖I + AB‖₂ in front", RHS_LAYERS),
)

PROP_4_INTERIOR = Claim(
    id="prop-4-interior",
    source=SOURCE,
    origin=Origin.OURS,
    reading="adapter between the layers",
    given=(NEARLY_SAME,),
    concludes=(LHS <= RHS,),
    expected=Verdict.REFUTED,
    remark="equal functions do not stay equal: {lhs of g1} from ε = 0, where LoRA on W₁ has {lhs of g1 in prop-3}",
    witnesses=("g1",),
    setting=between(everywhere=False),
    strategies=(*SEARCHES, StackMonteCarlo(Placement.INPUT, layer=1)),
    proofs=contradicted("g1"),
)
PROP_4_INTERIOR_LAYERS = Claim(
    id="prop-4-interior-layers",
    source=SOURCE,
    origin=Origin.OURS,
    reading="adapter between the layers",
    amends="prop-4-interior",
    concludes=(LHS <= RHS_LAYERS,),
    expected=Verdict.PROVED,
    remark="what is left inside a model depends on the layers, not on the function",
    attained=("interior-attained",),
    words=(Word.ATTAINED,),
    setting=between(everywhere=False),
    strategies=SEARCHES,
    proofs=(Proof("telescope, triangle inequality", CHAIN),),
)
PROP_4_EVERY_LAYER = Claim(
    id="prop-4-every-layer",
    source=SOURCE,
    origin=Origin.OURS,
    reading="adapter before every layer",
    given=(NEARLY_SAME,),
    concludes=(LHS_EVERYWHERE <= RHS_EVERYWHERE,),
    expected=Verdict.REFUTED,
    remark="one interior adapter among them suffices",
    witnesses=("g1",),
    setting=between(everywhere=True),
    strategies=SEARCHES,
    proofs=contradicted("g1"),
)
CLAIMS = (PROP_4_INTERIOR, PROP_4_INTERIOR_LAYERS, PROP_4_EVERY_LAYER)
