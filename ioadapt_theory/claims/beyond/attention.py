"""Attention heads: for each of two symmetries of the weights, the adapters whose effect it does not change.

The symmetries are a change of basis inside a head (R for queries and keys, S for values) and a rotation R of the
residual stream. A head depends on its weights only through W_qW_kᵀ and W_vW_o: below, Q = W_q, K = W_kᵀ, V = W_v and
O = W_o.
"""

from functools import reduce

import torch

from ioadapt_theory.claims.language import *

X_, Q, K, V, O, R_, S_ = (matrix(name) for name in "xqkvors")  # noqa: E741
WEIGHTS = {"q": Q, "k": K, "v": V, "o": O}
SHAPES = {"q": "c h", "k": "h c", "v": "c e", "o": "e d"}
SAFE = {
    "heads": (("input", "q"), ("input", "k"), ("input", "v"), ("output", "o")),
    "residual": (("output", "q"), ("output", "k"), ("output", "v"), ("input", "o")),
}
"""Pairs of placement and projection whose adapters have the same effect after a symmetry."""
MEANINGS = {"Q": "W_q", "K": "W_kᵀ", "V": "W_v", "O": "W_o", "R": "basis of queries and keys, or of the stream",
            "S": "change of basis of values"}  # fmt: skip


def axes(placement: str, projection: str) -> str:
    """Return the axes of an adapter's matrix, which acts on the transposed side for K = W_kᵀ."""
    first, last = SHAPES[projection].split()
    if placement == "lora":
        return f"{first} {last}"
    return " ".join([first if (placement == "input") != (projection == "k") else last] * 2)


def adapted(w: Term, placement: str, projection: str) -> Term:
    m = matrix(f"{placement[0]}{projection}")
    if placement == "lora":
        return w + m
    return (EYE + m) @ w if (placement == "input") != (projection == "k") else w @ (EYE + m)


def turned(symmetry: str) -> tuple[dict[str, Term], Callable[[str, dict[str, Term]], Term]]:
    """Return the weights after a symmetry, and the product of a projection's pair of weights, as the models see it."""
    back = transpose(R_)
    if symmetry == "heads":
        new = {"q": Q @ R_, "k": inverse(R_) @ K, "v": V @ S_, "o": inverse(S_) @ O}
        return new, lambda x, w: w["q"] @ w["k"] if x in "qk" else w["v"] @ w["o"]
    new = {"q": back @ Q, "k": K @ R_, "v": back @ V, "o": O @ R_}  # the stream is XR
    return new, lambda x, w: R_ @ w["q"] @ w["k"] @ back if x in "qk" else R_ @ w["v"] @ w["o"] @ back


def change(symmetry: str, placement: str, projection: str) -> tuple[Term, Term]:
    """Return what the adapted head depends on, after the symmetry and before it."""
    new, product_ = turned(symmetry)
    there, here = ({**w, projection: adapted(w[projection], placement, projection)} for w in (new, WEIGHTS))
    return product_(projection, there), here["q"] @ here["k"] if projection in "qk" else here["v"] @ here["o"]


def setting(symmetry: str, pairs: tuple[tuple[str, str], ...]) -> Setting:
    sizes = {"heads": "h h", "residual": "c c"}[symmetry]
    shapes = SHAPES if symmetry == "heads" else SHAPES | {"o": "e c"}
    more = {f"{p[0]}{x}": axes(p, x).replace("d", "c") if symmetry == "residual" else axes(p, x) for p, x in pairs}
    turns = {"R": sizes, **({"S": "e e"} if symmetry == "heads" else {})}
    made = matrices(f"a head, {symmetry}", {**{k.upper(): a for k, a in shapes.items()}, **turns, **more},
                    {"c": 4, "h": 2, "e": 3, "d": 5},
                    meanings=MEANINGS | {f"{p[0]}{x}": f"{p} adapter on {x.upper()}" for p, x in pairs})  # fmt: skip
    return made if symmetry == "heads" else made.parametrised(lambda i: {"r": torch.linalg.qr(i.r)[0]})


EVERY = tuple((str(p), x) for p in Placement for x in WEIGHTS)


def others(symmetry: str) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in EVERY if pair not in SAFE[symmetry])


def least(symmetry: str) -> Term:
    """Return the least change of what the head depends on, over the adapters that are not in ``SAFE``."""
    changes = (change(symmetry, *pair) for pair in others(symmetry))
    return reduce(minimum, (fro(after - before) for after, before in changes))


def claims(symmetry: str, name: str) -> tuple[Claim, Claim]:
    regular = tuple(rank(x).equals(rows(x)) for x in (R_, S_))
    given = regular if symmetry == "heads" else ((R_ @ transpose(R_)).equals(EYE),)
    safe = ", ".join(f"{p} on {x}" for p, x in SAFE[symmetry])
    return (
        Claim(
            id=f"attention-{symmetry}", source=BEYOND, reading=f"{name} is not noticed by {safe}", given=given,
            concludes=tuple(after.equals(before) for after, before in (change(symmetry, *p) for p in SAFE[symmetry])),
            proofs=(Expanded(),), setting=setting(symmetry, SAFE[symmetry]),
        ),
        Claim(
            id=f"attention-{symmetry}-others", source=BEYOND, reading=f"nor by one more of the {len(EVERY)} placements",
            amends=f"attention-{symmetry}", given=given, concludes=(least(symmetry).equals(NOTHING),),
            **refuted_by(f"attention-{symmetry}"), setting=setting(symmetry, others(symmetry)),
        ),
    )  # fmt: skip


CLAIMS = (
    *claims("heads", "a change of basis in a head without rotary positions, QR, R⁻¹K, VS, S⁻¹O,"),
    *claims("residual", "a rotation of the residual stream, XR, RᵀQ, KR, RᵀV, OR,"),
)
