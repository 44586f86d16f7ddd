"""Attention: two symmetries of the weights, and the placements that do not notice them.

A head sees q = xW_q, k = xW_k, v = xW_v through the scores qkᵀ and the output (attention · v)W_o. In non-commuting
symbols, with Q = W_q, K = W_kᵀ, V = W_v, O = W_o, T an adapter I + AB and R an invertible matrix with inverse S.
"""

from collections.abc import Iterator

from ioadapt_theory.claims.proofs.argument import Step, proves, sympy
from ioadapt_theory.claims.proofs.reachable import equal

PLACEMENTS = ("lora", "input", "output")


@proves(
    "W_q R, W_k R⁻ᵀ, W_v R, R⁻¹W_o is the same head; input on q, k, v and output on o do not notice R, the others do"
)
def head_symmetry() -> Iterator[Step]:
    """Each placement's adapted product before and after the change of basis inside the head."""
    sp = sympy()
    q, k, t, u, r, s = sp.symbols("Q K T U R S", commutative=False)
    yield Step("scores W_q W_kᵀ and W_v W_o stay: QR·SK = QK", equal(q * r * s * k, q * k, ones=[r * s]))
    yield Step("input on q and k: TQR·SKU = TQK·U", equal(t * q * r * s * k * u, t * q * k * u, ones=[r * s]))
    yield Step("output on o: VR·SO·T = VO·T", equal(q * r * s * k * t, q * k * t, ones=[r * s]))
    # what the others leave behind depends on R unless it commutes with the adapter: a rational example
    turn, m = sp.Matrix([[0, 1], [-1, 0]]), sp.Matrix([[0, 1], [0, 0]])
    first, second = sp.Matrix([[1, 2], [0, 1]]), sp.Matrix([[1, 0], [3, 1]])
    old = {
        "output": first * (sp.eye(2) + m) * second,
        "lora": (first + m) * second,
        "input of o": first * (sp.eye(2) + m) * second,
    }
    a, b = first * turn, turn.T * second
    new = {"output": a * (sp.eye(2) + m) * b, "lora": (a + m) * b, "input of o": a * (sp.eye(2) + m) * b}
    yield Step("output and LoRA on q, k, v and input on o change", all(old[name] != new[name] for name in old))


@proves(
    "xR, R⁻¹W_q, R⁻¹W_k, R⁻¹W_v, W_o R (R orthogonal) is the same layer in a rotated residual stream; "
    "output on q, k, v and input on o do not notice R, the others do"
)
def residual_symmetry() -> Iterator[Step]:
    """The reverse of the head symmetry, so no placement survives both."""
    sp = sympy()
    x, q, o, t, r, s = sp.symbols("X Q O T R S", commutative=False)
    yield Step("queries stay: XR·SQ = XQ", equal(x * r * s * q, x * q, ones=[r * s]))
    yield Step("output on q, k, v: XR·SQ·T = XQ·T", equal(x * r * s * q * t, x * q * t, ones=[r * s]))
    yield Step("input on o: (T·O)R is the old output, rotated with the stream", equal((t * o) * r, t * (o * r)))
    turn, m = sp.Matrix([[0, 1], [-1, 0]]), sp.Matrix([[0, 1], [0, 0]])
    w = sp.Matrix([[1, 2], [0, 1]])
    t_ = sp.eye(2) + m
    yield Step("input on q changes: R·T·R⁻¹W ≠ T·W", turn * t_ * turn.T * w != t_ * w)
    yield Step("LoRA on q changes: R(R⁻¹W + M) ≠ W + M", turn * (turn.T * w + m) != w + m)
    yield Step("output on o changes: O·R·T ≠ O·T·R", w * turn * t_ != w * t_ * turn)
    yield Step("LoRA on o changes: O·R + M ≠ (O + M)R", w * turn + m != (w + m) * turn)
