"""Sections 2.2, 3.3, 4 and 6: what the adapters can express, and to what Φ can be applied."""

from collections.abc import Iterator

import numpy as np

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import (
    Chained,
    Check,
    Step,
    agree,
    chained,
    computed,
    found,
    resting_on,
    words,
    zero,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.searches import RandomInstances
from ioadapt_theory.claims.expression.algebra import noncommuting, sympy
from ioadapt_theory.claims.expression.deduction import ROWS, THROUGH, Link
from ioadapt_theory.claims.expression.tree import EYE, Term, matrix, rank, rows
from ioadapt_theory.claims.settings.matrices import matrices

W, A, B = matrix("w"), matrix("a"), matrix("b")
INPUT = matrices("one layer, input", {"W": "c d", "A": "c r", "B": "r c"}, {"c": 5, "d": 6, "r": 2})
OUTPUT = matrices("one layer, output", {"W": "c d", "A": "d r", "B": "r d"}, {"c": 5, "d": 6, "r": 2})
INPUT_UPDATE, OUTPUT_UPDATE = (EYE + A @ B) @ W - W, W @ (EYE + A @ B) - W
SIZES = ((3, 5), (5, 3), (3, 3))


def dimensions(c: int, d: int) -> tuple[int, int, int]:
    """Dimension of the updates AB·W, W·AB and AB of unlimited rank, for a layer W (c x d) of full rank."""
    layer = np.vander(np.arange(2, c + 2), d, increasing=True)  # so of full rank
    ranks = (np.linalg.matrix_rank(np.kron(a, b.T)) for a, b in ((np.eye(c), layer), (layer, np.eye(d))))
    return (*map(int, ranks), c * d)  # type: ignore[return-value]


def rank_one(c: int, d: int) -> tuple[int, int, int]:
    """Parameters of a rank-one update of either kind: length of columns + of rows − 1, on W's own spaces."""
    r = min(c, d)
    return c + r - 1, r + d - 1, c + d - 1


def where_smaller() -> str:
    """The dimensions in words, computed."""
    (c, d), (e, f) = SIZES[:2]
    wide, tall = dimensions(c, d), dimensions(e, f)
    ones = rank_one(c, d)
    return (
        f"each is a LoRA of the same rank; the same set for invertible W, else one side is smaller: c = {c}, "
        f"d = {d} input {wide[0]}, output and LoRA {wide[1]} = {wide[2]} dimensions at any rank, {ones[0]}, "
        f"{ones[1]} = {ones[2]} at rank 1; c = {e}, d = {f} output {tall[1]}, input and LoRA {tall[0]} = {tall[2]}"
    )


@computed("W invertible: (I + MW⁻¹)W and W(I + W⁻¹M) reach every W + M", prose=True)
def same_set(claim: Claim) -> Iterator[Step]:
    """Insert, and count dimensions exactly where W is not square."""
    sp = sympy()
    w, p, m = noncommuting("W P M")
    yield Step("input", words((1 + m * p) * w, w + m, ones=(p * w,)))
    yield Step("output", words(w * (1 + p * m), w + m, ones=(w * p,)))
    for c, d in SIZES:
        layer = sp.Matrix(c, d, lambda i, j: (i + 2) ** j)
        exact = tuple(int(sp.kronecker_product(*pair).rank()) for pair in ((sp.eye(c), layer), (layer, sp.eye(d))))
        yield Step(f"c = {c}, d = {d}: the dimensions that are printed", found(exact, dimensions(c, d)[:2]))


@computed("as maps of weights, W ↦ (I + AB)W and W ↦ W + AB: neither set contains the other", prose=True)
def as_maps(claim: Claim) -> Iterator[Step]:
    """At W = 0 the one is 0 and the other is not; the one commutes with scaling and the other does not."""
    sp = sympy()
    m = sp.Matrix([[1, 2], [0, 1]])
    zero_ = sp.zeros(2, 2)
    yield Step("W = 0: (I + M)W = 0 and W + M = M", found(((sp.eye(2) + m) * zero_, zero_ + m), (zero_, m)))
    w = sp.eye(2)
    linear = (sp.eye(2) + m) * (2 * w) - 2 * w == 2 * ((sp.eye(2) + m) * w - w)
    yield Step("scaling by 2: (I + M)(2W) − 2W = 2((I + M)W − W)", Check(linear))
    yield Step("and the change by W ↦ W + M stays M", Check((2 * w + m) - 2 * w == m))
    angle = sp.Symbol("t", real=True)
    turn = sp.Matrix([[sp.cos(angle), -sp.sin(angle)], [sp.sin(angle), sp.cos(angle)]])
    yield Step("I + M may be a rotation of every W at once", zero(sp.simplify(turn * turn.T - sp.eye(2))))


@computed("the best rank-one part of I is not unique: e₁e₁ᵀ and ½[[1, 1], [1, 1]] leave the same residual", prose=True)
def no_principal_subspace(claim: Claim) -> Iterator[Step]:
    """All singular values of I are 1, so every orthonormal basis is one of singular vectors."""
    sp = sympy()
    one, parts = sp.eye(2), (sp.diag(1, 0), sp.ones(2, 2) / 2)
    left = [sum(x**2 for x in one - part) for part in parts]
    yield Step("equal residuals", agree(left[0], left[1]))
    yield Step("and two different parts", Check(parts[0] != parts[1]))
    yield Step("singular values of I: all 1", found(one.singular_values(), [1, 1]))


@computed(
    "ARB with A, B fixed spans r² dimensions, a LoRA of rank r has r(c + d − r): fewer for r < max(c, d)", prose=True
)
def bottleneck(claim: Claim) -> Iterator[Step]:
    """Count parameters, and dimensions by the rank of a Kronecker product."""
    sp = sympy()
    c, d, r = sp.symbols("c d r", positive=True)
    yield Step("r(c + d − r) − r² = r((c − r) + (d − r))", agree(r * (c + d - r) - r**2, r * ((c - r) + (d - r))))
    a, b = sp.Matrix(4, 2, lambda i, j: (i + 2) ** j), sp.Matrix(2, 3, lambda i, j: (j + 2) ** i)
    yield Step("c = 4, d = 3, r = 2: r² = 4 dimensions", found(sp.kronecker_product(a, b.T).rank(), 4))


def through(update: Term, first: Term, second: Term) -> Chained:
    """A product through r columns."""
    return chained(
        rank(update),
        Link("multiply out", rank(first @ second)),
        Link("a product through r columns", rows(B), (THROUGH, ROWS)),
    )


CLAIMS = (
    Claim(
        id="broader-class",
        source="Sections 4 and 6",
        origin=Origin.PRINTED,
        prose="input and output adapters express a broader class of linear transformations than LoRA",
        expected=Verdict.REFUTED,
        remark=where_smaller,
        proofs=(
            Proof("each is a LoRA of the same rank", resting_on("reach-input", "reach-output"), refutes=True),
            Proof("AB·W = A(BW), W·AB = (WA)B", same_set, refutes=True),
        ),
    ),
    Claim(
        id="reach-input",
        source="Sections 4 and 6",
        origin=Origin.OURS,
        reading="input, on one layer",
        amends="broader-class",
        concludes=(rank(INPUT_UPDATE) <= rows(B),),
        expected=Verdict.PROVED,
        remark="A(BW) is a LoRA of rank r",
        setting=INPUT,
        strategies=(RandomInstances(),),
        proofs=(Proof("AB·W = A(BW)", through(INPUT_UPDATE, A, B @ W)),),
    ),
    Claim(
        id="reach-output",
        source="Sections 4 and 6",
        origin=Origin.OURS,
        reading="output, on one layer",
        amends="broader-class",
        concludes=(rank(OUTPUT_UPDATE) <= rows(B),),
        expected=Verdict.PROVED,
        remark="(WA)B is a LoRA of rank r",
        setting=OUTPUT,
        strategies=(RandomInstances(),),
        proofs=(Proof("W·AB = (WA)B", through(OUTPUT_UPDATE, W @ A, B)),),
    ),
    Claim(
        id="broader-class-maps",
        source="Sections 4 and 6",
        origin=Origin.READING,
        reading="as maps of weights: rotation and scaling beyond translation",
        amends="broader-class",
        prose="W ↦ (I + AB)W is no W ↦ W + M for all W at once, and the other way round: neither class is broader",
        expected=Verdict.PROVED,
        remark="in this reading the adapters are linear maps and LoRA is a translation, as Section 4 says; not broader",
        proofs=(Proof("at W = 0, and scaled", as_maps),),
    ),
    Claim(
        id="any-phi",
        source="Section 3.3",
        origin=Origin.PRINTED,
        prose="any adaptation function Φ can be applied to I in the same manner as to W",
        expected=Verdict.REFUTED,
        remark="PiSSA starts from principal singular vectors of what it is applied to, and those of I are not defined; "
        "MiLoRA and CorDA likewise; true of full, LoRA, DoRA, LoHa, LoKr; Table 6 uses PiSSA's code",
        proofs=(Proof("two principal parts of I", no_principal_subspace, refutes=True),),
    ),
    Claim(
        id="lora-x-capacity",
        source="Section 2.2",
        origin=Origin.PRINTED,
        reading="dimensions at rank r",
        prose="updates through an r x r bottleneck between fixed factors have fewer degrees of freedom than LoRA",
        expected=Verdict.PROVED,
        remark="r² against r(c + d − r); whether that limits a fine-tuned model is not a matter of counting",
        proofs=(Proof("count dimensions", bottleneck),),
    ),
)
