"""Attention heads: for each of two symmetries of the weights, the adapters whose effect it does not change.

The symmetries are a change of basis inside a head and a rotation of the residual stream. A head depends on W_q, W_k,
W_v and W_o only through W_qW_kᵀ and W_vW_o. For every placement on every projection, the effect is compared before and
after the symmetry, in non-commuting symbols or in a rational example.
"""

from ioadapt_theory.claims.language import *

PLACEMENTS, PROJECTIONS = ("lora", "input", "output"), ("q", "k", "v", "o")
EVERY = frozenset((placement, projection) for placement in PLACEMENTS for projection in PROJECTIONS)
SAFE = {
    "heads": frozenset({("input", "q"), ("input", "k"), ("input", "v"), ("output", "o")}),
    "residual": frozenset({("output", "q"), ("output", "k"), ("output", "v"), ("input", "o")}),
}
"""Pairs of placement and projection whose adapters have the same effect after a symmetry, by symmetry."""
CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "lora": lambda w, m: w + m,
    "input": lambda w, m: w + m * w,
    "output": lambda w, m: w + w * m,
}


def functions(w: dict[str, Any], into: Any, out: Any) -> tuple[Any, Any]:
    """Return ``into``·W_q(``into``·W_k)ᵀ and ``into``·W_vW_o·``out``, all the products on which a head depends."""
    return into * w["q"] * (into * w["k"]).T, into * w["v"] * w["o"] * out


def notices(symmetry: str) -> frozenset[tuple[str, str]]:
    """Return the (placement, projection) pairs where, in one rational example, the symmetry changes the effect."""
    sp = sympy()
    w = {x: generic(*shape, x) for x, shape in {"q": (3, 2), "k": (3, 2), "v": (3, 2), "o": (2, 3)}.items()}
    one = into = out = sp.eye(3)
    if symmetry == "heads":
        r, s = generic(2, 2, "r"), generic(2, 2, "s")
        new = {"q": w["q"] * r, "k": w["k"] * r.inv().T, "v": w["v"] * s, "o": s.inv() * w["o"]}
    else:  # the stream is xR; q, k and v read it through R⁻¹, and o writes into it
        into = sp.Matrix([[3, 4, 0], [-4, 3, 0], [0, 0, 5]]) / 5
        out = into.T
        new = {**{x: out * w[x] for x in "qkv"}, "o": w["o"] * into}
    if functions(w, one, one) != functions(new, into, out):
        msg = "The symmetry changes the function of the head."
        raise ArithmeticError(msg)
    changed = set()
    for placement, projection in EVERY:
        change, (c, d) = CHANGES[placement], w[projection].shape
        m = generic(*{"lora": (c, d), "input": (c, c), "output": (d, d)}[placement])
        before, after = ({**x, projection: change(x[projection], m)} for x in (w, new))
        if functions(before, one, one) != functions(after, into, out):
            changed.add((placement, projection))
    return frozenset(changed)


IGNORED = {
    "heads": {  # QR, SK, VR, SO with S = R⁻¹
        ("input", "q"): "«T(QR)(R⁻¹K) = TQK»",
        ("input", "k"): "K = W_kᵀ, T = (I + AB)ᵀ, «(QR)(R⁻¹K)T = QKT»",
        ("input", "v"): "«T(VR)(R⁻¹O) = TVO»",
        ("output", "o"): "«(VR)(R⁻¹O)T = VOT»",
    },
    "residual": {  # the stream is XR, and R⁻¹Q, R⁻¹K, R⁻¹V, OR
        ("output", "q"): "«(XR)(R⁻¹Q)T = XQT»",
        ("output", "k"): "«(XR)(R⁻¹K)T = XKT»",
        ("output", "v"): "«(XR)(R⁻¹V)T = XVT»",
        ("input", "o"): "«T(OR)R⁻¹ = TO»",  # R⁻¹ transforms the output back from the stream
    },
}
"""For every pair in ``SAFE``: the adapted product after the symmetry equals that before it; Q is W_q, and so on."""


def argument(symmetry: str) -> Callable[[Claim], Iterator[Step]]:
    def chain(claim: Claim) -> Iterator[Step]:
        proved = IGNORED[symmetry]
        for (placement, projection), says in proved.items():
            yield line(f"{placement} on {projection} does not notice it: {says}")
        others = EVERY - proved.keys()
        listed = ", ".join(f"{p} on {x}" for p, x in sorted(others))
        yield Step(f"every other one does: {listed}", found(notices(symmetry), others))
        yield Step("the claim names these placements", found(claim.prose, statement(symmetry, frozenset(proved))))
        if symmetry == "heads":
            (c, s), r = sympy().symbols("c s"), sympy().diag(1, 2)
            turn = sympy().Matrix([[c, s], [-s, c]])
            yield Step("with rotary positions the scores contain rotations D, with which R has to commute: where "
                       "R = diag(1, 2), ‖RDR⁻¹ − D‖_F > 0", true(r * turn * r.inv() != turn))  # fmt: skip

    return chain


NAMES = {
    "heads": "a change of basis in a head without rotary positions: W_qR, W_kR⁻ᵀ, W_vS, S⁻¹W_o",
    "residual": "a rotated residual stream: xR, R⁻¹W_q, R⁻¹W_k, R⁻¹W_v, W_oR",
}


def statement(symmetry: str, safe: frozenset[tuple[str, str]]) -> str:
    sides = {p: [x for x in PROJECTIONS if (p, x) in safe] for p in PLACEMENTS}
    listed = " and ".join(f"{p} adapters on {', '.join(names)}" for p, names in sides.items() if names)
    return f"{listed} do not notice {NAMES[symmetry]}; every other one of the {len(EVERY)} placements does"


def claim(symmetry: str, remark: str) -> Claim:
    return Claim(
        id=f"attention-{symmetry}",
        source=BEYOND,
        prose=statement(symmetry, SAFE[symmetry]),
        proofs=(Shown(argument(symmetry)),),
        expected=PROVED,
        remark=remark,
    )


CLAIMS = (
    claim("heads", "with rotary positions R has to commute with the rotations, and S is any"),
    claim("residual", "every placement notices this or the symmetry of attention-heads"),
)  # fmt: skip
