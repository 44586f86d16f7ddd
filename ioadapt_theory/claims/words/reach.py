"""Sections 2.2, 3.3, 4 and 6: what the adapters can express, and to what the adaptation function Φ can be applied."""

from ioadapt_theory.claims.language import *

W, A, B = matrix("w"), matrix("a"), matrix("b")
DIMENSIONS = {(3, 5): (9, 15), (5, 3): (15, 9), (3, 3): (9, 9)}
"""Dimensions of the sets of updates MW and WM, M of any rank, by the size (c, d) of W, which has full rank."""


@argued(Remarked, "both forms for invertible W")
def same_set(claim: Claim) -> Iterator[Step]:
    """Convert the LoRA M by W⁻¹ to an adapter on either side, and check ``DIMENSIONS`` for a W of each size."""
    sp = sympy()
    yield line("before W: «(I + MW⁻¹)W = W + M»")
    yield line("behind W: «W(I + W⁻¹M) = W + M»")
    for (c, d), sizes in DIMENSIONS.items():
        layer = generic(c, d)
        exact = tuple(int(sp.kronecker_product(*pair).rank()) for pair in ((sp.eye(c), layer), (layer, sp.eye(d))))
        yield Step(f"where c = {c} and d = {d}, dim MW = {sizes[0]}, dim WM = {sizes[1]}", found(exact, sizes))


as_maps = Shown(
    spelled(
        "where W = 0, (I + M)W = 0 and W + M = M, «(I + M)(W − W) + M = (W − W) + M»",
        "scaling by 2: «(I + M)(2W) − 2W = 2((I + M)W − W)», and what the other map adds stays, «2W + M − 2W = M»",
    ),
)
no_principal_subspace = Refuted(
    spelled(
        "all singular values of I are 1, so every orthonormal basis is one of singular vectors; squares of what two "
        "unequal parts leave: «(1 − 1)² + (1 − 0)² = (1 − ½)² + (0 − ½)² + (0 − ½)² + (1 − ½)²»",
    ),
)


@argued(Shown)
def bottleneck(claim: Claim) -> Iterator[Step]:
    """Compare r², the dimension of {ARB: R is r x r}, with r(c + d − r), that of the c x d matrices of rank r."""
    sp = sympy()
    yield line("«r(c + d − r) − r² = r((c − r) + (d − r))» ≥ 0; where r = c = d, r(c + d − r) − r² = 0")
    c, d, r = 4, 3, 2
    size = sp.kronecker_product(generic(c, r), generic(r, d).T).rank()
    yield Step(f"where c = {c} and d = {d} and r = {r}, there are r² = {size} dimensions", found(size, r**2))


def reach(placement: Placement) -> Claim:
    first, second, form, side = {
        INPUT: (A, B @ W, (EYE + A @ B) @ W, "c"), OUTPUT: (W @ A, B, W @ (EYE + A @ B), "d")}[placement]  # fmt: skip
    return Claim(
        id=f"reach-{placement}",
        source="Sections 4 and 6",
        reading=f"{placement}, on one layer",
        amends="broader-class",
        concludes=(rank(form - W) <= rows(B),),
        proofs=(
            derived(
                rank(form - W),
                Link("multiply out", rank(first @ second)),
                Link("a product through r columns", rows(B))
            ),
        ),
        expected=PROVED,
        setting=matrices(f"one layer, {placement}", {"W": "c d", "A": f"{side} r", "B": f"r {side}"}),
        strategies=(RandomInstances(),),
    )  # fmt: skip


REACH = {placement: reach(placement) for placement in (INPUT, OUTPUT)}
CLAIMS = (
    Claim(
        id="broader-class",
        source="Sections 4 and 6",
        origin=PRINTED,
        prose="input and output adapters express a broader class of linear transformations than LoRA",
        proofs=(
            RefutedBy(REACH[INPUT], rank((EYE + A @ B) @ W - W)),
            RefutedBy(REACH[OUTPUT], rank(W @ (EYE + A @ B) - W)),
            same_set,
        ),
        expected=REFUTED,
        remark="each is a LoRA of the same rank; for invertible W the sets are equal; for c = 3, d = 5 updates have "
        "9 dimensions (input) against 15 (output, LoRA); for c = 5, d = 3 updates have 9 dimensions (output) against "
        "15 (input, LoRA)",
    ),
    *REACH.values(),
    Claim(
        id="broader-class-maps",
        source="Sections 4 and 6",
        origin=READING,
        amends="broader-class",
        prose="as maps of W, neither W ↦ (I + AB)W nor W ↦ W + M includes the other",
        proofs=(as_maps,),
        expected=PROVED,
    ),
    Claim(
        id="any-phi",
        source="Section 3.3",
        origin=READING,
        prose="any adaptation function Φ can be applied to I in the same manner as to W, and its start is determined",
        proofs=(no_principal_subspace,),
        expected=REFUTED,
        remark="PiSSA starts from principal singular vectors, and every orthonormal basis is one of I",
    ),
    Claim(
        id="lora-x-capacity",
        source="Section 2.2",
        origin=READING,
        reading="dimensions at rank r < max(c, d)",
        prose="updates through an r x r bottleneck between fixed factors have fewer degrees of freedom than LoRA, "
        "unless r = c = d",
        proofs=(bottleneck,),
        expected=PROVED,
        remark="r² against r(c + d − r)",
    ),
)
