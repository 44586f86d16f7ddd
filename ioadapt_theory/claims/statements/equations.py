"""Eqs. 2 to 6: equivalent forms of the maps, conversion of LoRA to an output adapter, and two adapters on one layer.

Eq. 5 (Section 5.2) uses the pseudoinverse of W; Eq. 6 combines LoRA with an input or output adapter.
"""

from ioadapt_theory.claims.language import *

DATA, W, W_TARGET = matrix("x"), matrix("w"), matrix("w_target")
A, B, A1, B1, A2, B2 = (matrix(name) for name in ("a", "b", "a1", "b1", "a2", "b2"))
WEIGHT_FORM, OUTPUT_FORM = DATA @ (W + AB), DATA @ W @ (EYE + pinv(W) @ AB)
INPUT_FORM = DATA @ (EYE + AB @ pinv(W)) @ W
LOST = DATA @ (EYE - W @ pinv(W)) @ AB
CONVERTED = spectral(pinv(W) @ AB) <= spectral(AB) / sigma(W, 1)
REGULAR_W = rank(W).equals(rows(W))
ROW_RANK, COLUMN_RANK = (W @ pinv(W)).equals(EYE), (pinv(W) @ W).equals(EYE)
EQ_5, EQ_6 = "Eq. 5 (Section 5.2)", "Eq. 6 (Section 5.2)"

WIDE, TALL = (matrices("conversion", {"X": "n c", "W": "c d", "AB": "c d"}, {"n": 2, "c": c, "d": d})
              for c, d in ((3, 4), (4, 3)))  # fmt: skip


def of_eq_6(name: str, *, more: bool = False) -> Setting:
    """Return the setting of Eq. 6, where A₁B₁ acts on the layer's "input" or "output"; ``more`` adds the weight W'."""
    side = "c" if name == "input" else "d"
    axes = {"W": "c d", **({"W_target": "c d"} if more else {}), "A1": f"{side} r", "B1": f"r {side}"}
    return matrices(f"both, {name}", {**axes, "A2": "c s", "B2": "s d"}, {"c": 5, "d": 6, "r": 2, "s": 1})


by_norms = argued(
    (spectral(pinv(W) @ AB) <= spectral(pinv(W)) * spectral(AB), "‖MN‖₂ ≤ ‖M‖₂‖N‖₂"),
    (spectral(pinv(W)).equals(1 / sigma(W, 1)), "the singular values of W⁺ are the inverses of those of W"),
    (CONVERTED, "so"),
)


def update(placement: Placement, w: Term) -> Term:
    """Return the update of ``w`` by both adapters of Eq. 6: A₁B₁ on its input or output side, and A₂B₂ beside it."""
    return {INPUT: (EYE + A1 @ B1) @ w, OUTPUT: w @ (EYE + A1 @ B1)}[placement] + A2 @ B2 - w


def rank_of_update(placement: Placement, first: Term, second: Term) -> Claim:
    parts = (first @ second, A2 @ B2)
    return Claim(
        id=f"eq-6-rank-{placement}", source=EQ_6, origin=READING,
        reading=f"complementary: on one model, the {placement} form has the reach of one LoRA of rank r₁ + r₂",
        **at_most(
            rank(update(placement, W)), Link("multiply out", rank(parts[0] + parts[1])),
            Link("rank of a sum", rank(parts[0]) + rank(parts[1])),
            Link("B₁W has as many rows as B₁", rows(B1) + rows(B2)),
        ),
        setting=of_eq_6(placement),
    )  # fmt: skip


FIRST, SECOND = A1 @ B1, A2 @ B2
"""The two updates, as products of their factors."""
REACHED = (
    ((EYE + A1 @ (B1 @ inverse(W))) @ W + SECOND).equals(W + FIRST + SECOND),
    (W @ (EYE + (inverse(W) @ A1) @ B1) + SECOND).equals(W + FIRST + SECOND),
)
SHIFT = A1 @ B1 @ (W_TARGET - W)
EXCHANGED = update(INPUT, W_TARGET) - update(INPUT, W)
WAYS = (
    ((DATA + DATA @ A1 @ B1) @ W, DATA @ (EYE + A1 @ B1) @ W),
    (DATA @ W + DATA @ W @ A2 @ B2, DATA @ W @ (EYE + A2 @ B2)),
    (DATA @ (W + A @ B), DATA @ W + DATA @ A @ B),
)
on_eq_5 = partial(Claim, source=EQ_5)
CLAIMS = (
    Claim(
        id="eq-2-3-4", source="Eqs. 2 and 3, and Eqs. 4a, 4b and 4c for LoRA", origin=PRINTED,
        **all_equal(*((one, Link("multiply out", other)) for one, other in WAYS)),
        setting=matrices(
            "three forms",
            {"X": "n c", "W": "c d", "A": "c r", "B": "r d", "A1": "c r", "B1": "r c", "A2": "d r", "B2": "r d"},
        ),
    ),
    on_eq_5(
        id="eq-5", origin=PRINTED, given=(ROW_RANK,), **equal(WEIGHT_FORM, Link("WW⁺ = I", OUTPUT_FORM)), setting=WIDE,
    ),
    on_eq_5(
        id="eq-5-scope", origin=READING, reading='for every layer W ("a vanilla LoRA in Eq. 1 satisfies")',
        concludes=(WEIGHT_FORM.equals(OUTPUT_FORM),), **refuted_by("eq-5-tall", "eq-5-singular"), setting=TALL,
    ),
    on_eq_5(
        id="eq-5-row-rank", amends="eq-5", concludes=((WEIGHT_FORM - OUTPUT_FORM).equals(LOST),), proofs=(Expanded(),),
        setting=TALL,
    ),
    on_eq_5(
        id="eq-5-column-rank", reading="for rank W = d, the input form", amends="eq-5", given=(COLUMN_RANK,),
        **equal(WEIGHT_FORM, Link("W⁺W = I", INPUT_FORM)), setting=TALL,
    ),
    on_eq_5(
        id="eq-5-rank", origin=PRINTED, reading="rank",
        **at_most(
            rank(pinv(W) @ (A @ B)), Link("W⁺(AB) = (W⁺A)B", rank((pinv(W) @ A) @ B)),
            Link("a product through r columns", rows(B)),
        ),
        setting=matrices("conversion", {"W": "c d", "A": "c r", "B": "r d"}),
    ),
    on_eq_5(
        id="eq-5-size", reading="size", amends="eq-5", given=(ROW_RANK,), concludes=(CONVERTED,), proofs=(by_norms,),
        attained=("eq-5-size",), words=(ATTAINED,), setting=WIDE, strategies=SEARCHES,
    ),
    rank_of_update(INPUT, A1, B1 @ W), rank_of_update(OUTPUT, W @ A1, B1),
    Claim(
        id="eq-6-same-set", source=EQ_6,
        reading="on one model with invertible W, both forms reach every update of LoRAs of ranks r₁ and r₂",
        amends="eq-6-rank-input", given=(REGULAR_W,), concludes=REACHED, proofs=(Expanded(),),
        setting=matrices(
            "square", {"W": "c c", "A1": "c r", "B1": "r c", "A2": "c s", "B2": "s c"}, {"c": 5, "r": 2, "s": 3},
        ),
    ),
    Claim(
        id="eq-6-exchanged", source=EQ_6, origin=READING, reading="when W is exchanged for W'",
        **equal(EXCHANGED, Link("multiply out", SHIFT)), setting=of_eq_6("input", more=True),
    ),
)  # fmt: skip
