"""Proposition 1 corrected: the closest true statement, and the sharp ones, in the data and in W.

α = ‖x₁‖/‖x₁W‖, β = ‖x₂‖/‖x₂W‖, θ₀ is the angle of y₁, y₂ and θ_x that of x₁, x₂.
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import (
    Step,
    agree,
    computed,
    general,
    reached,
    vanishes,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.gradients import dual_form, slope
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.tree import (
    Term,
    let,
    sigma,
    sim,
    sine,
    sqrt,
    total,
)
from ioadapt_theory.claims.settings.letters import (
    EPSILON,
    MODELS,
    SOURCE,
    TARGET,
    Model,
)
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.relative_similarity import (
    FULL_ROW_RANK,
    SPECTRAL,
)
from ioadapt_theory.claims.settings.relative_similarity_instances import TO_FIRST_ORDER, second_order
from ioadapt_theory.claims.statements.lemma_1 import BY_EQ_8_SHARP
from ioadapt_theory.claims.statements.prop_1.printed import APPENDIX, DISTANCE, LORA, by_norms


def alpha(m: Model) -> Term:
    """‖x₁‖/‖x₁W‖."""
    return let(f"α{m.prime}", m.stretches[0])


def beta(m: Model) -> Term:
    """‖x₂‖/‖x₂W‖."""
    return let(f"β{m.prime}", m.stretches[1])


def together(m: Model) -> Term:
    """cos(θ_x + θ₀)."""
    return let(f"cos(θ_x{m.prime} + θ₀{m.prime})", sim(m.x1, m.x2) * m.s0 - sine(m.x1, m.x2) * m.sine0)


def nuclear(m: Model) -> Term:
    """Sin θ₀ √(α² + β² − 2αβ cos(θ_x + θ₀))."""
    a, b = alpha(m), beta(m)
    return m.sine0 * sqrt((a - b) ** 2 + 2 * a * b * (1 - together(m)))


RHS_SINE = EPSILON * total(lambda m: m.sine0 * (m.stretches[0] + m.stretches[1]), *MODELS)


@computed("α² + β² − 2αβ cos(θ_x + θ₀) = (α + β)² − 2αβ(1 + cos(θ_x + θ₀)): equality iff sim(x₁, x₂) = −s₀")
def sine_from_sharp(claim: Claim) -> Iterator[Step]:
    """How much the corrected form gives away, for one model."""
    sp = sympy()
    al, be = sp.symbols("alpha beta", positive=True)
    c, s = sp.symbols("C s", real=True)
    known = {SOURCE.sine0: s, alpha(SOURCE): al, beta(SOURCE): be, together(SOURCE): c}
    sharp = symbolic(nuclear(SOURCE), known) ** 2 / s**2
    yield Step("(α + β)² − …² = 2αβ(1 + C)", vanishes((al + be) ** 2 - sharp - 2 * al * be * (1 + c)))
    stretches = dict(zip(SOURCE.stretches, (al, be), strict=True))
    eps = sp.Symbol("epsilon", positive=True)
    part = general(claim.goals[0].right)
    yield reached(claim, eps * s * (al + be), {SOURCE.sine0: s, **stretches}, part=part)


PROP_1_SINE = Claim(
    id="prop-1-sine",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="corrected",
    amends="prop-1",
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS_SINE).up_to(2),),
    expected=Verdict.PROVED,
    remark="the closest true statement; attained where sim(x₁, x₂) = −s₀ by W' = −W, and by W' = −2W as well",
    attained=("ce3", "ce3b", "ce3c", "ce3-double"),
    words=(Word.ATTAINED,),
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=(
        Proof("Eq. 8 sharpened, for both models", by_norms(SOURCE.sine0, TARGET.sine0, BY_EQ_8_SHARP, RHS_SINE)),
        Proof("what it gives away", sine_from_sharp, aside=True),
    ),
)
RHS_SHARP = EPSILON * total(nuclear, *MODELS)


@computed("sup |δ| = ε sin θ₀ √(α² + β² − 2αβ cos(θ_x + θ₀)) over ‖AB‖₂ ≤ ε, for one model")
def sharp_constant(claim: Claim) -> Iterator[Step]:
    """δ = ⟨M, G⟩ with G = x₁ᵀg₁ + x₂ᵀg₂ of rank two; its nuclear norm is the supremum."""
    sp = sympy()
    al, be, eps = sp.symbols("alpha beta epsilon", positive=True)
    c, s, cx, sx = sp.symbols("c s cx sx", real=True)  # cosine and sine of θ₀ and θ_x
    circles = (c**2 + s**2 - 1, cx**2 + sx**2 - 1)
    u, v = sp.Matrix([[1, 0]]), sp.Matrix([[c, s]])
    g1, g2 = v - c * u, u - c * v  # ‖y_i‖ times the gradients of Lemma 1
    x1, x2 = al * sp.Matrix([[1, 0]]), be * sp.Matrix([[cx, sx]])
    gram = (g1 * g1.T)[0], (g2 * g2.T)[0], (g1 * g2.T)[0]
    for k in (0, 1):
        yield Step(f"‖g_{k + 1}‖² = sin²θ₀", vanishes(gram[k] - s**2, *circles))
    yield Step("g₁·g₂ = −cos θ₀ sin²θ₀", vanishes(gram[2] + c * s**2, *circles))
    g = x1.T * g1 + x2.T * g2  # its two singular values depend on the Gram matrices only, so the plane is enough
    frobenius_sq = s**2 * (al**2 + be**2 - 2 * al * be * cx * c)
    yield Step("‖G‖_F² = sin²θ₀(α² + β² − 2αβ cos θ_x cos θ₀)", vanishes(sum(e**2 for e in g) - frobenius_sq, *circles))
    determinant = al * be * sx * s**3
    yield Step("σ₁σ₂ = |det G| = αβ sin θ_x sin³θ₀", vanishes(g.det() ** 2 - determinant**2, *circles))
    nuclear_sq = frobenius_sq + 2 * determinant
    known = {SOURCE.sine0: s, alpha(SOURCE): al, beta(SOURCE): be, together(SOURCE): cx * c - sx * s}
    part = symbolic(general(claim.goals[0].right), known)
    yield Step("ε‖G‖_* is the summand of the right side", agree(eps**2 * nuclear_sq, part**2), reaches=True)


@computed("for two models the suprema add up: W' = −W with the same inputs reverses the sign of δ for the same AB")
def two_models(claim: Claim) -> Iterator[Step]:
    """G' = −G, so one adapter is worst for both at once."""
    sp = sympy()
    c = sp.Symbol("c", real=True)
    u, v, du, dv = (sp.Matrix([sp.symbols(f"{name}:3", real=True)]) for name in ("u", "v", "p", "q"))

    def change(sign: int) -> Any:
        """Eq. 7 times ‖u‖‖v‖ at (±u, ±v), for the same Δu and Δv; c stands for the cosine, which keeps its value."""
        a, b = sign * u, sign * v
        return (du * b.T)[0] + (a * dv.T)[0] - c * ((a * du.T)[0] + (b * dv.T)[0])

    yield Step("y' = −y: the cosine stays, δ changes sign", agree(change(1), -change(-1)))
    eps, n = sp.symbols("epsilon N", positive=True)  # the supremum of each is εN, N the nuclear norm
    yield reached(claim, eps * n + eps * n, {nuclear(SOURCE): n, nuclear(TARGET): n})


PROP_1_SHARP = Claim(
    id="prop-1-sharp",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="sharp for given data",
    amends="prop-1",
    given=SPECTRAL.given,
    concludes=((DISTANCE <= RHS_SHARP).up_to(2),),
    expected=Verdict.PROVED,
    remark="attained by W' = −W, x' = x for every W, x₁, x₂; the hypothesis on sim(x₁, x₂) enters only here",
    attained=("ce3", "ce3b", "ce3c", "prop-1-weights"),
    words=(Word.ATTAINED, Word.SHARP),
    setting=LORA,
    strategies=(*TO_FIRST_ORDER, second_order(Placement.LORA)),
    proofs=(
        Proof("nuclear norm of the gradient", sharp_constant),
        Proof("W' = −W", two_models, shows=frozenset([Word.SHARP]), aside=True),
    ),
)
RHS_WEIGHTS = EPSILON * total(lambda m: m.sine0**2 * (1 / sigma(m.w, 1) + 1 / sigma(m.w, 2)), *MODELS)


@computed("sup |δ| ≤ (1 − s²)(1/s_c + 1/s_{c−1})ε, the two smallest singular values of W of full row rank; attained")
def weights_constant(claim: Claim) -> Iterator[Step]:
    """G = W⁺ᵀK, and K/(1 − s²) is an isometry on a plane, so ‖G‖_* is at most the two largest singular values of W⁺."""
    sp = sympy()
    yield from dual_form()
    p, m, k = sp.Matrix(3, 2, sp.symbols("p:6")), sp.Matrix(2, 3, sp.symbols("m:6")), sp.Matrix(3, 3, sp.symbols("k:9"))
    dual = sum((p * m).multiply_elementwise(k)) - sum(m.multiply_elementwise(p.T * k))
    yield Step("x = yW⁺, so LoRA is output adaptation by W⁺M: ⟨PM, K⟩ = ⟨M, PᵀK⟩", vanishes(dual))
    a, b, h, eps = sp.symbols("a b h epsilon", positive=True)
    u, v, w, m = sp.Matrix([[1, h]]), sp.Matrix([[1, -h]]), sp.diag(a, b), sp.diag(1, -1)
    s = (1 - h**2) / (1 + h**2)
    attained = sp.powdenest(slope(u, v, u * w.inv() * m, v * w.inv() * m), force=True)
    known = {SOURCE.sine0: 2 * h / (1 + h**2), sigma(SOURCE.w, 1): a, sigma(SOURCE.w, 2): b}
    yield Step("sin θ₀ = 2h/(1 + h²) for cos θ₀ = (1 − h²)/(1 + h²)", agree(known[SOURCE.sine0] ** 2, 1 - s**2))
    part = general(claim.goals[0].right)
    yield Step(
        "W = diag(a, b), y = (1, ±h), AB = ε diag(1, −1) attains the summand of the right side",
        vanishes(attained * eps - symbolic(part, known)),
        reaches=True,
    )


PROP_1_WEIGHTS = Claim(
    id="prop-1-weights",
    source=APPENDIX,
    origin=Origin.OURS,
    reading="sharp in terms of W",
    amends="prop-1",
    given=(*SPECTRAL.given, *FULL_ROW_RANK),
    concludes=((DISTANCE <= RHS_WEIGHTS).up_to(2),),
    expected=Verdict.PROVED,
    remark="W → tW divides this by t and leaves Prop. 2: the two propositions do not rank the methods",
    attained=("prop-1-weights",),
    words=(Word.ATTAINED, Word.SHARP),
    setting=LORA,
    strategies=TO_FIRST_ORDER,
    proofs=(Proof("nuclear norm of W⁺ᵀK", weights_constant, shows=frozenset([Word.SHARP])),),
)
CLAIMS = (
    PROP_1_SINE,
    PROP_1_SHARP,
    PROP_1_WEIGHTS,
)
