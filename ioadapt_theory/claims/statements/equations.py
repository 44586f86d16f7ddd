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
ROW_RANK, COLUMN_RANK = (W @ pinv(W)).equals(EYE), (pinv(W) @ W).equals(EYE)
TO_OUTPUT = rank(pinv(W) @ (A @ B))
TRIED = (Replay(), RandomInstances())
EQ_5, EQ_6 = "Eq. 5 (Section 5.2)", "Eq. 6 (Section 5.2)"


WIDE, TALL = (matrices("conversion", {"X": "n c", "W": "c d", "AB": "c d"}, {"n": 2, "c": c, "d": d})
              for c, d in ((3, 4), (4, 3)))  # fmt: skip


def of_eq_6(name: str, *, more: bool = False) -> Setting:
    """Return the setting of Eq. 6, where A₁B₁ acts on the layer's "input" or "output"; ``more`` adds the weight W'."""
    side = "c" if name == "input" else "d"
    axes = {"W": "c d", **({"W_target": "c d"} if more else {}), "A1": f"{side} r", "B1": f"r {side}"}
    return matrices(f"both, {name}", {**axes, "A2": "c s", "B2": "s d"}, {"c": 5, "d": 6, "r": 2, "s": 1})


only_if = argued(OnlyIf, "if rank W < c then Eq. 5 fails for some AB = (I − WW⁺)M")(
    spelled(
        "P = W⁺, WPW = W: «(I − WP)(I − WP)M = (I − WP)M», so (I − WW⁺)AB = AB is lost",
        "tr(I − WW⁺) = c − rank W > 0, so AB is nonzero for some M: where W = [1 1; 1 1], WW⁺ = [½ ½; ½ ½] and "
        "tr(I − WW⁺) = «(1 − ½) + (1 − ½) = 2 − 1»",
        given=("WPW = W",),
    ),
)


@reaching((WEIGHT_FORM - OUTPUT_FORM).equals(LOST))
def expanded(goal: Relation) -> Iterator[Step]:
    yield line("«X(W + M) − XW(I + PM) = X(I − WP)M» for M = AB, P = W⁺")
    sides = (sympy().expand(symbolic(side)) for side in (goal.left, goal.right))
    yield Step(f"this is {text(goal.right)}", found(*sides), reaches=True)


by_norms = told(
    "‖W⁺AB‖₂ ≤ ‖W⁺‖₂‖AB‖₂ = «1/σ · ε = ε/σ» for ε = ‖AB‖₂ and σ = the least singular value of W",
)


def update(placement: Placement, w: Term) -> Term:
    """Return the update of ``w`` by both adapters of Eq. 6: A₁B₁ on its input or output side, and A₂B₂ beside it."""
    return {INPUT: (EYE + A1 @ B1) @ w, OUTPUT: w @ (EYE + A1 @ B1)}[placement] + A2 @ B2 - w


RANKS = {placement: rank(update(placement, W)) for placement in (INPUT, OUTPUT)}


def rank_of_update(placement: Placement, first: Term, second: Term) -> Claim:
    parts = first @ second, A2 @ B2
    return Claim(
        id=f"eq-6-rank-{placement}",
        source=EQ_6,
        reading=f"{placement} form, on one model",
        amends="eq-6",
        concludes=(RANKS[placement] <= rows(B1) + rows(B2),),
        proofs=(
            derived(
                RANKS[placement],
                Link("multiply out", rank(parts[0] + parts[1])),
                Link("rank of a sum", rank(parts[0]) + rank(parts[1])),
                Link("B₁W has as many rows as B₁", rows(B1) + rows(B2)),
            ),
        ),
        expected=PROVED,
        setting=of_eq_6(placement),
        strategies=(RandomInstances(),),
    )


BOUNDED = {INPUT: rank_of_update(INPUT, A1, B1 @ W), OUTPUT: rank_of_update(OUTPUT, W @ A1, B1)}


def by_ranks(kind: type[ShownBy] | type[RefutedBy]) -> tuple[Any, ...]:
    return tuple(kind(BOUNDED[placement], x) for placement, x in RANKS.items())


every_update = argued(OnlyIf, "sums of updates of both ranks are reached")(
    spelled(
        "where A₁B₁ = M₁W⁻¹ and A₂B₂ = M₂, (I + A₁B₁)W + A₂B₂ = «(I + M₁W⁻¹)W + M₂ = W + M₁ + M₂»",
        "where A₁B₁ = W⁻¹M₁ and A₂B₂ = M₂, W(I + A₁B₁) + A₂B₂ = «W(I + W⁻¹M₁) + M₂ = W + M₁ + M₂»",
    ),
)
SHIFT = A1 @ B1 @ (W_TARGET - W)
EXCHANGED = update(INPUT, W_TARGET) - update(INPUT, W)
WAYS = (
    ((DATA + DATA @ A1 @ B1) @ W, DATA @ (EYE + A1 @ B1) @ W),
    (DATA @ W + DATA @ W @ A2 @ B2, DATA @ W @ (EYE + A2 @ B2)),
    (DATA @ (W + A @ B), DATA @ W + DATA @ A @ B),
)
on_eq_5 = partial(Claim, source=EQ_5, expected=PROVED, strategies=TRIED)
CLAIMS = (
    Claim(
        id="eq-2-3-4",
        source="Eqs. 2 and 3, and Eqs. 4a, 4b and 4c for LoRA",
        origin=PRINTED,
        concludes=tuple(one.equals(other) for one, other in WAYS),
        proofs=(Derived(tuple(Chain(one, (Link("multiply out", x),)) for one, x in WAYS)),),
        expected=PROVED,
        setting=matrices(
            "three forms",
            {"X": "n c", "W": "c d", "A": "c r", "B": "r d", "A1": "c r", "B1": "r c", "A2": "d r", "B2": "r d"},
        ),
        strategies=(RandomInstances(),),
    ),
    on_eq_5(
        id="eq-5",
        origin=PRINTED,
        given=(ROW_RANK,),
        concludes=(WEIGHT_FORM.equals(OUTPUT_FORM),),
        proofs=(derived(WEIGHT_FORM, Link("WW⁺ = I", OUTPUT_FORM)),),
        setting=WIDE,
    ),
    on_eq_5(
        id="eq-5-scope",
        origin=READING,
        reading='for every layer W ("a vanilla LoRA in Eq. 1 satisfies")',
        concludes=(WEIGHT_FORM.equals(OUTPUT_FORM),),
        **refuted_by("eq-5-tall", "eq-5-singular"),
        setting=TALL,
        remark="WW⁺ = I needs rank W = c ≤ d; W = [1 0, 0 1, 1 1], AB = e₃(1, 2) leaves ‖residual‖² = 5/3 of ‖AB‖² = 5",
    ),
    on_eq_5(
        id="eq-5-row-rank",
        amends="eq-5",
        concludes=((WEIGHT_FORM - OUTPUT_FORM).equals(LOST),),
        prose="Eq. 5 holds for this AB iff (I − WW⁺)AB = 0, and for every AB iff rank W = c",
        proofs=(expanded, only_if),
        words=(CONVERSE,),
        setting=TALL,
        remark="what survives of AB is WW⁺AB",
    ),
    on_eq_5(
        id="eq-5-column-rank",
        reading="for rank W = d, the input form",
        amends="eq-5",
        given=(COLUMN_RANK,),
        concludes=(WEIGHT_FORM.equals(INPUT_FORM),),
        proofs=(derived(WEIGHT_FORM, Link("W⁺W = I", INPUT_FORM)),),
        setting=TALL,
    ),
    on_eq_5(
        id="eq-5-rank",
        origin=PRINTED,
        reading="rank",
        concludes=(TO_OUTPUT <= rows(B),),
        prose="W⁺AB = A'B' with r columns in A'",
        proofs=(
            derived(
                TO_OUTPUT,
                Link("W⁺(AB) = (W⁺A)B", rank((pinv(W) @ A) @ B)),
                Link("a product through r columns", rows(B)),
            ),
        ),
        setting=matrices("conversion", {"W": "c d", "A": "c r", "B": "r d"}),
        remark="A' = W⁺A and B' = B",
    ),
    on_eq_5(
        id="eq-5-size",
        reading="size",
        amends="eq-5",
        given=(ROW_RANK,),
        concludes=(CONVERTED,),
        proofs=(by_norms,),
        attained=("eq-5-size",),
        words=(ATTAINED,),
        setting=WIDE,
        strategies=(*TRIED, GradientAscent()),
    ),
    Claim(
        id="eq-6",
        source=EQ_6,
        origin=READING,
        reading="on one model",
        prose="X((I + A₁B₁)W + A₂B₂) and X(W(I + A₁B₁) + A₂B₂) reach updates that LoRA of rank r₁ + r₂ does not",
        proofs=by_ranks(RefutedBy),
        expected=REFUTED,
        remark="on one W every such update is a LoRA of rank r₁ + r₂",
    ),
    *BOUNDED.values(),
    Claim(
        id="eq-6-same-set",
        source=EQ_6,
        reading="on one model",
        amends="eq-6",
        prose="for invertible W, Eq. 6 with ranks r₁, r₂ reaches exactly the updates of rank ≤ r₁ + r₂",
        proofs=(*by_ranks(ShownBy), every_update),
        words=(CONVERSE,),
        expected=PROVED,
    ),
    Claim(
        id="eq-6-exchanged",
        source=EQ_6,
        origin=READING,
        reading="when W is exchanged for W'",
        concludes=(EXCHANGED.equals(SHIFT),),
        proofs=(derived(EXCHANGED, Link("multiply out", SHIFT)),),
        expected=PROVED,
        setting=of_eq_6("input", more=True),
        strategies=(RandomInstances(),),
    ),
)
