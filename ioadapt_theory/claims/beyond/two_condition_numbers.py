"""Prop. 2, input adaptation of two models of different condition numbers: where the sharp constant K + K' is attained.

K = (κ + 1/κ)/2. From c = 4 on it is attained for every κ, κ' and s₀, by explicit matrices; for c = 2 and 3 iff κ = κ'
or s₀ = 0. V = sup|δ − δ'|/(2ε(1 − s₀²)), so that the sharp constant says V ≤ K + K'.
"""

from collections.abc import Iterator
from typing import Any

from ioadapt_theory.claims.claim import Claim, Origin, Proof, Word
from ioadapt_theory.claims.evidence.argument import Step, agree, both, computed, nonnegative, simplifies, vanishes
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.gradients import slope
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.settings.letters import SOURCE, TARGET
from ioadapt_theory.claims.settings.relative_similarity import FULL_ROW_RANK, SPECTRAL
from ioadapt_theory.claims.settings.relative_similarity_instances import TO_FIRST_ORDER
from ioadapt_theory.claims.statements.prop_2_input.sharp import INPUT, RHS_SHARP, kappa, sharp_constant, up_to
from ioadapt_theory.claims.statements.prop_2_output.printed import SOURCE_TEXT


@computed(
    "c = 4: M = ε[[0, I], [I, 0]], W = diag(κ, κ, 1, 1), W' = diag(κ', κ', 1, 1) attain K + K' for every κ, κ', s₀"
)
def attained(claim: Claim) -> Iterator[Step]:
    """y₁, y₂ = cos t a ± sin t b, with a, b on both singular spaces; the target's a, b have one sign changed."""
    sp = sympy()
    k, k_target, eps, h = sp.symbols("kappa lambda epsilon h", positive=True)  # h = tan t
    half = sp.Matrix([[1, 0, 1, 0]]), sp.Matrix([[0, 1, 0, -1]])
    other = sp.Matrix([[1, 0, -1, 0]]), sp.Matrix([[0, 1, 0, 1]])
    m = eps * sp.Matrix([[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]])
    s = (1 - h**2) / (1 + h**2)
    yield Step("MᵀM = ε²I, so ‖M‖₂ = ε", both(*(vanishes(e) for e in m.T * m - eps**2 * sp.eye(4))))
    slopes, cosines = [], []
    for name, kappa_, (a, b) in (("source", k, half), ("target", k_target, other)):
        w = sp.diag(kappa_, kappa_, 1, 1)
        u, v = a + h * b, a - h * b
        x1, x2 = u * w.inv(), v * w.inv()
        yield Step(f"{name}: sim(y₁, y₂) = s", agree((u * v.T)[0], s * (u * u.T)[0]))
        yield Step(f"{name}: ‖y₁‖ = ‖y₂‖", agree((u * u.T)[0], (v * v.T)[0]))
        yield Step(f"{name}: ‖x₁‖ = ‖x₂‖", agree((x1 * x1.T)[0], (x2 * x2.T)[0]))
        cosines.append((x1 * x2.T)[0] / (x1 * x1.T)[0])
        slopes.append(sp.simplify(slope(u, v, x1 * m * w, x2 * m * w)))
    yield Step("sim(x₁, x₂) = s = sim(x₁', x₂')", both(vanishes(cosines[0] - s), vanishes(cosines[1] - s)))
    known = dict.fromkeys((SOURCE.sine0, TARGET.sine0), 2 * h / (1 + h**2)) | {
        kappa(SOURCE): k,
        kappa(TARGET): k_target,
    }
    right = symbolic(claim.goals[0].right, known)
    yield Step("δ − δ' is the right side", simplifies(slopes[0] - slopes[1] - right), reaches=True)


def plane() -> Any:
    """C = 2 for one model: ‖P‖_* = 2√(K² − z²), z = Kτ cos 2β, and cot∠x = K(s₀ − τ cos 2β)/√(1 − s₀²).

    P = Σ⁻¹(aaᵀ − bbᵀ)Σ with a, b at angles β, β + 90° to the singular axes, τ = (κ² − 1)/(κ² + 1).
    """
    sp = sympy()
    k, c, s = sp.symbols("kappa c s", positive=True)  # cos and sin of β
    circle = c**2 + s**2 - 1
    d = sp.diag(k, 1)
    a, b = sp.Matrix([c, s]), sp.Matrix([-s, c])
    p = d.inv() * (a * a.T - b * b.T) * d
    mean, tau = (k + 1 / k) / 2, (k**2 - 1) / (k**2 + 1)
    z = mean * tau * (c**2 - s**2)
    yield Step("det P = −1", vanishes(p.det() + 1, circle))
    yield Step("‖P‖_F² + 2 = (2√(K² − z²))²", vanishes(sum(e**2 for e in p) + 2 - 4 * (mean**2 - z**2), circle))
    yield Step("K²τ² = K² − 1, so z² ≤ K² − 1", agree(mean**2 * tau**2, mean**2 - 1))
    x = d.inv()
    big_a, big_b = ((x * v).dot(x * v) for v in (a, b))
    inner = (x * a).dot(x * b)
    yield Step("‖Σ⁻¹a‖²‖Σ⁻¹b‖² − ⟨Σ⁻¹a, Σ⁻¹b⟩² = 1/κ²", vanishes(big_a * big_b - inner**2 - 1 / k**2, circle))
    t, r = sp.symbols("t r", positive=True)  # cos and sin of half the angle of y₁, y₂
    turn = t**2 + r**2 - 1
    cot = k * (big_a * t**2 - big_b * r**2)
    yield Step("cot∠x · sin∠y = K(s₀ − τ cos 2β) up to the label of the axes",
               vanishes(cot - mean * ((t**2 - r**2) - tau * (c**2 - s**2)), circle, turn))  # fmt: skip
    middle = cot.subs({c: sp.sqrt(2) / 2, s: sp.sqrt(2) / 2})
    yield Step("β = 45°: cot∠x = K cot∠y", vanishes(middle - mean * (t**2 - r**2), turn))


# c = 3: equality in Kantorovich's inequality makes a and b half each of the two extreme singular spaces, one of which
# is a line; a ⟂ b then puts both into one plane at 45 degrees, where cot∠x = K cot∠y. Two models with equal angles have
# K = K' or cot∠y = 0. The set of pairs is compact, so that V < K + K' otherwise.
@computed(
    "c = 2: V = √((K + K')² − (K − K')²s₀²), or an end of the range, so V < K + K' unless κ = κ' or s₀ = 0", prose=True
)
def value_in_the_plane(claim: Claim) -> Iterator[Step]:
    """Equal angles of the inputs say z − z' = (K − K')s₀; both polar factors are reflections, so one M serves both."""
    sp = sympy()
    yield from plane()
    k, other, s, z = sp.symbols("K K' s z", real=True)
    a, b = (k + other), (k - other)
    root = sp.sqrt(a**2 - b**2 * s**2)
    at = k * b * s / a  # z = K sin β, z' = −K' sin β with sin β = (K − K')s₀/(K + K')
    first, second = k**2 - at**2, other**2 - (at - b * s) ** 2
    yield Step("z' = z − (K − K')s₀ is −K' sin β there", agree(at - b * s, -other * b * s / a))
    yield Step("√(K² − z²) + √(K'² − z'²) is stationary there: z²(K'² − z'²) = z'²(K² − z²)",
               agree(at**2 * second, (at - b * s) ** 2 * first))  # fmt: skip
    yield Step("its value is K√(1 − sin²β) + K'√(1 − sin²β) = √((K + K')² − (K − K')²s₀²)",
               agree((a**2) * (1 - (b * s / a) ** 2), root**2))  # fmt: skip
    yield Step("√ is concave, so it is the maximum: second derivatives −K²/(K² − z²)^{3/2} < 0",
               simplifies(sp.diff(sp.sqrt(k**2 - z**2), z, 2) + k**2 / (k**2 - z**2) ** sp.Rational(3, 2)))  # fmt: skip
    p, q = sp.symbols("p q", nonnegative=True)
    yield Step("(K + K')² − V² = ((K − K')s₀)² ≥ 0, and 0 only for K = K' or s₀ = 0",
               both(agree(a**2 - root**2, (b * s) ** 2), nonnegative((p - q) ** 2 * p**2)))  # fmt: skip


CONSTANT = Claim(
    id="prop-2-input-sharp-two",
    source=SOURCE_TEXT,
    origin=Origin.OURS,
    reading="sharp for two condition numbers",
    amends="prop-2-input-sharp",
    given=(*SPECTRAL.given, *FULL_ROW_RANK),
    concludes=up_to(RHS_SHARP),
    expected=Verdict.PROVED,
    remark="attained for every κ, κ', s₀ from c = 4 on; for c = 2 and 3 iff κ = κ' or s₀ = 0",
    words=(Word.SHARP,),
    setting=INPUT,
    strategies=TO_FIRST_ORDER,
    proofs=(
        Proof("nuclear norm, Kantorovich", sharp_constant),
        Proof("explicit 4 x 4 matrices", attained, shows=frozenset([Word.SHARP]), aside=True),
        Proof("the value for c = 2", value_in_the_plane, aside=True),
    ),
)
CLAIMS = (CONSTANT,)
