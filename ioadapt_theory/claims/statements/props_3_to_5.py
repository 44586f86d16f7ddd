"""Lemma 3 and Propositions 3, 4 and 5 (App. A.2): the expected distance of two models of nearly the same function.

LoRA adds a term to the gap W₁W₂ − W₁'W₂' between the models; an adapter before or after the model multiplies the
squared distance by at most ‖I + AB‖₂².
"""

from ioadapt_theory.claims.language import *

SECOND = mean_square(X @ W1 @ (W2 + AB) - X @ W1_TARGET @ (W2_TARGET + AB), SIGMA)
INFLATED = SIGMA**2 * spectral(T) ** 2 * EPSILON
EXACT = {
    LORA: SIGMA**2 * fro(GAP + AB @ (W2 - W2_TARGET)) ** 2,
    INPUT: SIGMA**2 * fro(T @ GAP) ** 2,
    OUTPUT: SIGMA**2 * fro(GAP @ T) ** 2,
}
SAYS = {
    LORA: "E‖xD‖² = σ²‖D‖_F², and the gap split off",
    INPUT: "E‖xD‖² = σ²‖D‖_F², and I + AB factored out on the left",
    OUTPUT: "E‖xD‖² = σ²‖D‖_F², and I + AB factored out on the right",
}
LAST = "the hypothesis on the models"


def split_off(exact: Term, change: Term) -> tuple[Link, ...]:
    """Return proof steps that bound ``exact`` by ε and the norm of ``change``, which AB adds to W₁W₂ − W₁'W₂'."""
    return (
        Link(SAYS[LORA], exact),
        Link("triangle inequality", SIGMA**2 * (fro(GAP) + fro(change)) ** 2),
        Link(LAST, SIGMA**2 * (sqrt(EPSILON) + fro(change)) ** 2),
    )


def exact_value(number: int, placement: Placement) -> Claim:
    return Claim(
        id=f"prop-{number}-exact", source=f"Proposition {number} (App. A.2)", origin=PRINTED,
        reading="exact value, in its proof", amends=f"prop-{number}",
        **equal(discrepancy(placement), Link(SAYS[placement], EXACT[placement])),
        setting=function_setting(placement),
    )  # fmt: skip


attained_bound = partial(Claim, origin=PRINTED, given=(NEARLY_SAME,), words=(ATTAINED,), strategies=SEARCHES)


def inflation(number: int, placement: Placement, product: Term, says: str) -> tuple[Claim, Claim]:
    return (
        attained_bound(
            id=f"prop-{number}", source=f"Proposition {number} (App. A.2)",
            **at_most(
                discrepancy(placement), Link(SAYS[placement], EXACT[placement]), Link(says, SIGMA**2 * product**2),
                Link(LAST, INFLATED),
            ),
            attained=("r1",), setting=function_setting(placement),
        ),
        exact_value(number, placement),
    )  # fmt: skip


CLAIMS = (
    attained_bound(
        id="lemma-3", source="Lemma 3 (App. A.2)", attained=("lemma-3",),
        **at_most(
            discrepancy(None), Link("E‖xD‖² = σ²‖D‖_F²", SIGMA**2 * fro(GAP) ** 2), Link(LAST, SIGMA**2 * EPSILON),
        ),
        setting=function_setting(None),
    ),
    Claim(
        id="lemma-3-exact", source="Lemma 3 (App. A.2)", origin=PRINTED, reading="exact value, in its proof",
        amends="lemma-3", concludes=(discrepancy(None).equals(SIGMA**2 * fro(GAP) ** 2),), proofs=(Expanded(),),
        setting=function_setting(None),
    ),
    attained_bound(
        id="prop-3", source="Proposition 3 (App. A.2)", attained=("p3-attained",),
        **at_most(
            discrepancy(LORA), *split_off(EXACT[LORA], AB @ (W2 - W2_TARGET)),
            Link("‖MN‖_F ≤ ‖M‖₂‖N‖_F", SIGMA**2 * (sqrt(EPSILON) + spectral(AB) * fro(W2 - W2_TARGET)) ** 2),
        ),
        setting=function_setting(LORA),
    ),
    exact_value(3, LORA),
    attained_bound(
        id="prop-3-second", source="Proposition 3, footnote 1 (App. A.2)", origin=IN_WORDS, reading="LoRA on W₂",
        attained=("prop-3-second",),
        **at_most(
            SECOND, *split_off(SIGMA**2 * fro(GAP + (W1 - W1_TARGET) @ AB) ** 2, (W1 - W1_TARGET) @ AB),
            Link("‖MN‖_F ≤ ‖M‖_F‖N‖₂", SIGMA**2 * (sqrt(EPSILON) + spectral(AB) * fro(W1 - W1_TARGET)) ** 2),
        ),
        setting=function_setting(LORA, second=True),
    ),
    *inflation(4, INPUT, spectral(T) * fro(GAP), "‖MN‖_F ≤ ‖M‖₂‖N‖_F"),
    *inflation(5, OUTPUT, fro(GAP) * spectral(T), "‖MN‖_F ≤ ‖M‖_F‖N‖₂"),
)  # fmt: skip
