"""The error of an adapter on another model: a part due to a change of basis (gauge) and a part due to other weights.

f(x) = xW₁ … W_L, and the target f' has the weights W'_l. A gauge is a choice of orthogonal Q_l with Q₀ = Q_L = I; the
model f^Q has the layers Q_{l−1}ᵀW_lQ_l and equals f. The mismatch of a layer is R_l = W'_l − Q_{l−1}ᵀW_lQ_l. The
adapter T = I + M acts at one place. Not part of the claim: with a nonlinearity of Lipschitz constant λ that commutes
with the Q_l (permutations), the two parts bound the error, by Minkowski's inequality and a factor λ‖W_j‖ for each later
layer.
"""

from ioadapt_theory.claims.language import *

DEPTH = 3
"""Number of layers for which the proof is written out."""


def gauge_parts() -> dict[str, bool]:
    """Return, by place such as "input 2", whether T = QTQ⁻¹ for every adapter T and every change Q of basis there."""
    sp, t = sympy(), noncommuting("T")
    zero_there = {}
    for layer in range(1, DEPTH + 1):
        gauges = [(1, 1) if k in (0, DEPTH) else noncommuting(f"Q{k} Q{k}'") for k in (layer - 1, layer)]
        (p, p_), (q, q_) = gauges
        zero_there[f"input {layer}"] = sp.expand(t - p * t * p_) == 0
        zero_there[f"output {layer}"] = sp.expand(t - q * t * q_) == 0
    return zero_there


def sentence(zero_there: dict[str, bool]) -> str:
    name = {"input 1": "the first input", f"output {DEPTH}": "the last output"}
    safe = " and ".join(name.get(place, place) for place, zero_ in zero_there.items() if zero_)
    return (
        "for linear layers, T = I + AB at one place and a gauge Q, f_T − f'_T is the sum of a gauge part, z(T − QTQ')W "
        "at the input z of a layer or zW(T − QTQ') at its output, carried through f^Q, and of the mismatches "
        "R_j = W'_j − Q_{j−1}'W_jQ_j, layer by layer; the gauge part is zero for every gauge and every adapter at "
        f"{safe}, and nowhere else"
    )


@argued(Shown)
def two_parts(claim: Claim) -> Iterator[Step]:
    sp = sympy()
    yield from spelled(
        "in the gauge, the row Y = ZP meets the layer V = P⁻¹WQ: YV = «ZPP⁻¹WQ = ZWQ»",
        "T at the input is seen from there: YP⁻¹TPV = «ZP(P⁻¹TP)P⁻¹WQ = ZTWQ»",
        "T at the output is seen from there: YVQ⁻¹TQ = «ZPP⁻¹WQ(Q⁻¹TQ) = ZWTQ»",
        "the gauge part at the input: Y(P⁻¹TP − T)V = «ZP(P⁻¹TP − T)P⁻¹WQ = Z(T − PTP⁻¹)WQ»",
        "the one at the output: YV(Q⁻¹TQ − T) = «ZPP⁻¹WQ(Q⁻¹TQ − T) = ZW(T − QTQ⁻¹)Q»",
    )(claim)
    swap, unequal = sp.Matrix([[0, 1], [1, 0]]), sp.diag(2, 1)
    yield Step("which is not 0: where T = diag(2, 1) and Q = [0 1; 1 0], T − QTQ⁻¹ = diag(1, −1)",
               found(unequal - swap * unequal * swap.T, sp.diag(1, -1)))  # fmt: skip
    yield Step(f"the places of {DEPTH} layers where it is zero are those of the claim",
               found(claim.prose, sentence(gauge_parts())))  # fmt: skip
    layers, others = noncommuting(f"V_1:{DEPTH + 1}"), noncommuting(f"U_1:{DEPTH + 1}")
    changed = [sp.Mul(*layers[:j], layers[j] - others[j], *others[j + 1 :]) for j in range(DEPTH)]
    end = zero([sp.expand(sp.Mul(*layers) - sp.Mul(*others) - sp.Add(*changed))])
    yield Step(f"layers changed one by one: the changes add up ({DEPTH} layers)", end)


commutator = argued(Remarked, "iid entries of M, variance v: E‖z(MQ − QM)‖² = 2v(n‖z‖² − tr Q · zQzᵀ)")(
    spelled(
        "S = ‖z‖² = ‖zQ‖², t = tr Q, k = zQzᵀ: E‖zMQ‖² = E‖zQM‖² = E‖zM‖² = vnS and E⟨zMQ, zQM⟩ = vt · k, so "
        "E‖z(MQ − QM)‖² = «vnS + vnS − 2vtk = 2v(nS − tk)»",
        "planted networks with ReLU, z rectified Gaussians: E z_i = a = 1/√(2π), E z_i² = ½, «a²/½ = 1/π»",
        "Q a permutation that leaves the share τ, t = nτ: E zQzᵀ = «n(τ/2 + (1 − τ)a²) = (τ + (1 − τ)/π)n/2», and "
        "E S = n/2, so the share E‖z(MQ − QM)‖²/E‖zM‖² = «(2v(nS − nτ(τ + (1 − τ)/π)S))/(vnS) = "
        "2(1 − τ(τ + (1 − τ)/π))»",
        let={"a": "1/√(2π)"},
    ),
)
CLAIMS = (
    Claim(
        id="depth-two-parts",
        source="beyond App. A.2",
        amends="prop-4",
        prose=sentence({"input 1": True, f"output {DEPTH}": True}),
        proofs=(two_parts, commutator),
        expected=PROVED,
        remark="planted networks with ReLU whose hidden channels are permuted but for a share τ lose "
        "2(1 − τ(τ + (1 − τ)/π)) of the adapter's effect at an interior input",
    ),
)
