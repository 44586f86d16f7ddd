"""Sections 2.2, 3.3, 4 and 6: what the adapters can express, and to what the adaptation function Φ can be applied."""

from ioadapt_theory.claims.language import *

W, A, B, M = matrix("w"), matrix("a"), matrix("b"), matrix("m")
P, Q = row("p"), row("q")
C, D, RANK = scalar("c"), scalar("d"), scalar("r")
SPAN = pinv(W) @ W
"""Projection on the span of the rows of W."""


def reach(placement: Placement) -> Claim:
    first, second, form, side = {
        INPUT: (A, B @ W, (EYE + A @ B) @ W, "c"), OUTPUT: (W @ A, B, W @ (EYE + A @ B), "d")}[placement]  # fmt: skip
    return Claim(
        id=f"reach-{placement}", source="Sections 4 and 6", origin=READING,
        reading=f'"a broader class of linear transformations": the {placement} form is a LoRA of the same rank',
        **at_most(
            rank(form - W), Link("multiply out", rank(first @ second)), Link("a product through r columns", rows(B)),
        ),
        setting=matrices(f"one layer, {placement}", {"W": "c d", "A": f"{side} r", "B": f"r {side}"}),
    )  # fmt: skip


UNITS = matrices("two unit vectors", {"p": "c", "q": "c"}, meanings=dict.fromkeys("pq", "a start of Φ"))


def on_the_sphere(i: Any) -> dict[str, Any]:
    return {key: x / x.square().sum(-1, keepdim=True).sqrt() for key, x in vars(i).items()}


CLAIMS = (
    Claim(
        id="broader-class", source="Sections 4 and 6", origin=READING,
        reading="the converse for invertible W: every LoRA is an input and an output adapter with as many columns",
        concludes=(
            ((EYE + A @ (B @ inverse(W))) @ W).equals(W + A @ B), (W @ (EYE + (inverse(W) @ A) @ B)).equals(W + A @ B),
        ),
        given=(rank(W).equals(rows(W)),), proofs=(Expanded(),),
        setting=matrices("an invertible layer", {"W": "c c", "A": "c r", "B": "r c"}),
    ),
    reach(INPUT), reach(OUTPUT),
    Claim(
        id="narrower-class", source="Sections 4 and 6", origin=READING,
        reading="an input adapter changes W by MW, within the span of its rows",
        concludes=((M @ W @ SPAN).equals(M @ W),), proofs=(Expanded(),),
        setting=matrices("a layer of fewer inputs than outputs", {"W": "c d", "M": "c c"}, meanings={"M": "adapter"}),
    ),
    Claim(
        id="narrower-class-lora", source="Sections 4 and 6", origin=READING,
        reading="LoRA changes W by M, within this span, too", amends="narrower-class",
        concludes=((M @ SPAN).equals(M),), **refuted_by("outside-the-rows"),
        setting=matrices("a layer of fewer inputs than outputs", {"W": "c d", "M": "c d"}, meanings={"M": "adapter"}),
    ),
    Claim(
        id="any-phi", source="Section 3.3", origin=READING,
        reading="any Φ with its start: PiSSA starts from singular vectors of I, any unit vectors, with one I − pᵀp",
        given=(norm(P).equals(1), norm(Q).equals(1)), concludes=((EYE - outer(P, P)).equals(EYE - outer(Q, Q)),),
        **refuted_by("two-axes"), setting=UNITS.parametrised(on_the_sphere),
    ),
    Claim(
        id="any-phi-weaker", source="Section 3.3", origin=READING,
        reading="any Φ from a given start AB or M, which is taken off: the layer stays as it is", amends="any-phi",
        concludes=(((EYE - A @ B + A @ B) @ W).equals(W), (W @ (EYE - M + M)).equals(W)), proofs=(Expanded(),),
        setting=matrices("a start of Φ", {"W": "c d", "A": "c r", "B": "r c", "M": "d d"},
                                           meanings={"M": "a start that is not a product"}),
    ),
    Claim(
        id="lora-x-capacity", source="Section 2.2", origin=READING,
        reading="dimensions: r(c + d − r) of the c x d matrices of rank r, r² through an r x r bottleneck, less by "
        "two products that are not negative for r ≤ c, d, and zero only for r = c = d",
        concludes=((RANK * (C + D - RANK) - RANK**2).equals(RANK * (C - RANK) + RANK * (D - RANK)),),
        proofs=(Expanded(),),
        setting=matrices(
            "sizes of a layer", dict.fromkeys(("c", "d", "r"), ""),
            meanings={"c": "inputs", "d": "outputs", "r": "rank"},
        ),
    ),
)  # fmt: skip
