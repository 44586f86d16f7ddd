"""Section 4, after Prop. 2: whether the bounds are independent of the base weights, and whether they rank methods."""

from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.statements import prop_1, prop_2, prop_2_input_sharp, prop_2_output_sharp

PLACE = "Section 4, after Prop. 2"
S0 = scalar("s")
DISPLAYED = f"the displayed linear term {text(prop_2.RHS)} does not contain the base weights, but through s₀"


def weights_in(x: Term) -> set[str]:
    """Return the names of a formula's symbols, except for ε and those that occur only in cosines of the outputs."""
    sines = {m.sine0: S0 for m in (SOURCE, TARGET)}
    known = {SOURCE.s0: S0, TARGET.s0: S0, abs(SOURCE.s0): S0, **sines}
    letters = {y.name for y in replaced(x, known).walk() if y.op in {"scalar", "row", "matrix"}}
    return letters - {"s", "epsilon"}


def independent(placement: Placement) -> str:
    return f"the bound on the similarity distance of {placement} adapters is independent of the base weights"


def letters(right: Term, sentence: str) -> Shown:
    """Return the argument that a bound is independent of the weights since ``right`` has no symbol for them."""

    @argued(Shown)
    def lines_(claim: Claim) -> Iterator[Step]:
        yield Step("the right side has no weights among its letters", Check(not weights_in(right)))
        yield Step("this is the sentence of the claim", found(claim.prose, sentence))

    return lines_


@argued(Refuted)
def grows_with_condition(claim: Claim) -> Iterator[Step]:
    sp, right = sympy(), prop_2_input_sharp.RHS_SHARP
    yield Step("it contains the weights otherwise than through s₀", found(weights_in(right), {"w", "w_target"}))
    k = positives("k")
    known = {prop_2_input_sharp.kappa(m): k for m in (SOURCE, TARGET)}
    known |= {m.sine0: sp.S.One for m in (SOURCE, TARGET)}
    yield Step("it is unbounded in κ", found(sp.limit(symbolic(right, known), k, sp.oo), sp.oo))
    yield Step("this denies the sentence of the claim", found(claim.prose, independent(INPUT)))


W, W_TARGET, X1, X2 = matrix("w"), matrix("w_target"), row("x1"), row("x2")
SHARED = matrices("two models", {"W": "c d", "W_target": "c d", "x1": "c", "x2": "c", "epsilon": ""})
EQUAL = W.equals(W_TARGET)
SIMILAR = sim(X1 @ W, X2 @ W).equals(sim(X1 @ W_TARGET, X2 @ W_TARGET))
CLAIMS = (
    Claim(
        id="independent-printed",
        source=PLACE,
        origin=READING,
        reading="the displayed term",
        prose=DISPLAYED,
        proofs=(letters(prop_2.RHS, DISPLAYED),),
        expected=PROVED,
    ),
    Claim(
        id="independent-input",
        source=PLACE,
        origin=IN_WORDS,
        prose=independent(INPUT),
        proofs=(
            grows_with_condition,
            RefutedBy(prop_2_input_sharp.INPUT_SHARP, distance(INPUT)),
        ),
        expected=REFUTED,
        remark="the sharp constant (1 − s₀²)(κ + 1/κ + κ' + 1/κ'), κ = cond(W), is attained and not bounded over all W",
    ),
    Claim(
        id="independent-output",
        source=PLACE,
        origin=IN_WORDS,
        prose=independent(OUTPUT),
        proofs=(
            letters(prop_2_output_sharp.RHS_FINITE, independent(OUTPUT)),
            ShownBy(prop_2_output_sharp.OUTPUT_FINITE, distance(OUTPUT)),
        ),
        expected=PROVED,
        remark="exactly 2τ(1 − s₀²)/(1 − s₀²τ²) with τ = 2ε/(1 + ε²), attained",
    ),
    Claim(
        id="bounds-rank",
        source="Section 4",
        origin=READING,
        reading="Props. 1 and 2 rank the methods, for all models",
        given=SPECTRAL.given,
        concludes=(prop_2.RHS <= prop_1.RHS,),
        **refuted_by("scaled"),
        remark="W = W' = 10 I, ε = 1/100 gives {rhs of scaled} for LoRA and {lhs of scaled} for the others",
        setting=similarity_setting(LORA),
        strategies=(Replay(), RandomInstances()),
    ),
    Claim(
        id="stronger-requirement",
        source="Section 4",
        origin=READING,
        reading="nearly equal functions have equal similarities",
        given=(fro(W - W_TARGET) ** 2 <= EPSILON,),
        concludes=(SIMILAR,),
        **refuted_by("stronger"),
        remark="true for equal functions (stronger-requirement-equal); nearly equal ones move s by at most "
        "√(1 − s²)√ε(‖x₁‖/‖x₁W‖ + ‖x₂‖/‖x₂W‖) + O(ε)",
        setting=SHARED.parametrised(
            lambda raw: SHARED.build(**{**raw, "epsilon": (raw["w"] - raw["w_target"]).square().sum((-2, -1))})
        ),
        strategies=(Replay(), RandomInstances()),
    ),
    Claim(
        id="stronger-requirement-equal",
        source="Section 4",
        origin=READING,
        reading="equal functions have equal similarities",
        amends="stronger-requirement",
        given=(EQUAL,),
        concludes=(SIMILAR,),
        proofs=(derived(SIMILAR.left, Link("W = W'", SIMILAR.right)),),
        expected=PROVED,
        setting=SHARED.parametrised(lambda raw: SHARED.parametrise({**raw, "w_target": raw["w"]})),
        strategies=(RandomInstances(),),
    ),
)
