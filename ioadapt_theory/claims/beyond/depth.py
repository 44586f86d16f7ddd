"""Depth L, Lipschitz layers: how far an adapter's move goes wrong is at most a gauge part and a mismatch part.

f(x) = φ(… φ(xW₁) …)W_L, φ with Lipschitz constant λ; f' with W'. A gauge is a choice of orthogonal Q_l that commute
with φ (permutations), Q₀ = Q_L = I; f^Q has the layers Q_{l−1}'W_lQ_l and is f. R_l = W'_l − Q_{l−1}'W_lQ_l, and
T = I + M stands at one place. The gauge part depends on the place: on Q_{l−1} for the input of layer l, on Q_l for its
output, on both for a weight adapter. The mismatch part, from R, depends on the place by the norm of the adapter only.
Only the input of the first layer and the output of the last are safe for every gauge.
"""

from collections.abc import Iterator

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import Step, agree, computed, found, vanishes, words
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import noncommuting, sympy

BEYOND = "beyond App. A.2"


@computed(
    "(E‖f_T − f'_T‖²)^½ ≤ Γ_l (E‖z(T − Q_{l−1}TQ_{l−1}')W_l‖²)^½ + Σ_j g_j (E‖ζ_jR_j‖²)^½, T at the input of layer l",
    prose=True,
)
def two_parts(claim: Claim) -> Iterator[Step]:
    """f_T is f^Q with T seen from there; then T itself, and the layers one by one from W^Q to W'.

    Behind each change stand Lipschitz layers, λ‖W_j‖ each; Minkowski's inequality adds the parts up.
    """
    sp = sympy()
    z, w, t, m = noncommuting("z W T M")
    p, q, p_, q_ = noncommuting("P Q P' Q'")  # Q_{l−1}, Q_l and their transposes
    ones = (p * p_, p_ * p, q * q_, q_ * q)
    layer = p_ * w * q
    yield Step("a hidden row zP, the layer P'WQ: zW seen in the next gauge", words(z * p * layer, z * w * q, ones=ones))
    yield Step("T at the input is P'TP from there", words(z * p * (p_ * t * p) * layer, z * t * w * q, ones=ones))
    yield Step("T at the output is Q'TQ from there", words(z * p * layer * (q_ * t * q), z * w * t * q, ones=ones))
    yield Step("a weight adapter M is P'MQ from there", words(z * p * (layer + p_ * m * q), z * (w + m) * q, ones=ones))
    yield Step("the gauge part at the input: zP(P'TP − T)P'WQ is z(T − PTP')WQ",
               words(z * p * (p_ * t * p - t) * layer, z * (t - p * t * p_) * w * q, ones=ones))  # fmt: skip
    yield Step("at the output: zP·P'WQ(Q'TQ − T) is zW(T − QTQ')Q",
               words(z * p * layer * (q_ * t * q - t), z * w * (t - q * t * q_) * q, ones=ones))  # fmt: skip
    yield Step("of a weight adapter: zP(P'MQ − M) is z(M − PMQ')Q",
               words(z * p * (p_ * m * q - m), z * (m - p * m * q_) * q, ones=ones))  # fmt: skip
    swap, unequal = sp.Matrix([[0, 1], [1, 0]]), sp.diag(2, 1)
    yield Step("which is not 0 for a swap of two channels and T = diag(2, 1)",
               found(unequal - swap * unequal * swap.T, sp.diag(1, -1)))  # fmt: skip
    yield Step("but is for P = I, at the first input", words((z * p * (p_ * t * p - t) * layer).subs({p: 1, p_: 1}), 0))
    layers, others = noncommuting("V_1:4"), noncommuting("U_1:4")
    product, telescope = sp.Integer(1), sp.Integer(0)
    for v in layers:
        product = product * v
    end = others[0] * others[1] * others[2]
    for j in range(3):
        head, tail = sp.Integer(1), sp.Integer(1)
        for v in layers[:j]:
            head = head * v
        for u in others[j + 1 :]:
            tail = tail * u
        telescope += head * (layers[j] - others[j]) * tail
    yield Step("layers changed one by one: the differences add up (three layers)", words(product - end, telescope))


@computed("iid entries of M, variance v: E‖z(MQ − QM)‖² = 2v(n‖z‖² − tr Q · zQzᵀ)", prose=True)
def commutator(claim: Claim) -> Iterator[Step]:
    """Second moments E M_ij M_kl = v at i = k, j = l; for width 3 and a rotation by any angle beside a fixed axis."""
    sp = sympy()
    n, v = 3, sp.Symbol("v", positive=True)
    c, s = sp.symbols("c s", real=True)
    z = sp.Matrix([sp.symbols("z:3", real=True)])
    q = sp.Matrix([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    entries = sp.symbols("m:9", real=True)
    m = sp.Matrix(n, n, entries)
    square = sp.Poly(sp.expand(sum(e**2 for e in z * (m * q - q * m))), *entries)
    mean = sum(coefficient * v for powers, coefficient in square.terms() if sorted(powers) == [0] * 8 + [2])
    right = 2 * v * (n * (z * z.T)[0] - q.trace() * (z * q * z.T)[0])
    yield Step("both sides, with c² + s² = 1", vanishes(sp.expand(mean - right), c**2 + s**2 - 1))
    tau = sp.Symbol("tau", real=True)
    size = sp.Symbol("Z", positive=True)  # ‖z‖² of isotropic z, whose zQzᵀ has the mean τ‖z‖²
    yield Step("isotropic z, τ = tr Q/n: 2vn‖z‖²(1 − τ²)",
               agree(2 * v * (n * size - n * tau * tau * size), 2 * v * n * size * (1 - tau**2)))  # fmt: skip
    g = sp.Symbol("g", real=True)
    law = sp.exp(-(g**2) / 2) / sp.sqrt(2 * sp.pi)
    first, second = (sp.integrate(g**k * law, (g, 0, sp.oo)) for k in (1, 2))
    yield Step("planted networks with ReLU, z a rectified Gaussian: (E z_i)²/E z_i² = 1/π",
               found(sp.simplify(first**2 / second), 1 / sp.pi))  # fmt: skip
    overlap = tau + (1 - tau) / sp.pi
    yield Step("Q a permutation that leaves the share τ: zQzᵀ has the mean (τ + (1 − τ)/π)E‖z‖²",
               vanishes(n * (tau * second + (1 - tau) * first**2) - overlap * n * second))  # fmt: skip
    part, effect = 2 * v * (n * size - n * tau * overlap * size), v * n * size
    yield Step("so the gauge part is 2(1 − τ(τ + (1 − τ)/π)) of E‖zM‖² = vnE‖z‖²",
               vanishes(part / effect - 2 * (1 - tau * (tau + (1 - tau) / sp.pi))))  # fmt: skip


DEPTH = Claim(
    id="depth-two-parts",
    source=BEYOND,
    origin=Origin.OURS,
    reading="L layers, nonlinearities of Lipschitz constant λ",
    amends="prop-4",
    prose="what a moved adapter does wrong is at most a gauge part, zero for every gauge only at the first input and "
    "the last output, and a mismatch part Σ g_j (E‖ζ_jR_j‖²)^½ that depends on the place by the adapter's norm only",
    expected=Verdict.PROVED,
    remark="planted networks with ReLU whose hidden channels are permuted but for a share τ lose "
    "2(1 − τ(τ + (1 − τ)/π)) of the adapter's effect at an interior input, measured within a tenth; "
    "in trained networks no such number ranks interior places",
    proofs=(
        Proof("the same function in another gauge, then layer by layer", two_parts),
        Proof("the size of the gauge part for a random adapter", commutator, aside=True),
    ),
)
CLAIMS = (DEPTH,)
