"""Who transfers better in the setting of App. A.2: nobody always; input and output adapters do for equal functions."""

from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor

from ioadapt_theory.claims.arithmetic import excess, frobenius_sq, operator_norm, plus_identity, sqrt
from ioadapt_theory.claims.claim import Claim, Given, Origin, Proof
from ioadapt_theory.claims.evidence.argument import (
    Chained,
    Check,
    Step,
    agree,
    computed,
    contradicted,
    found,
    nonnegative,
    vanishes,
)
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Hypothesis
from ioadapt_theory.claims.evidence.searches import RandomInstances, Replay
from ioadapt_theory.claims.expression.algebra import symbolic, sympy
from ioadapt_theory.claims.expression.deduction import Deduction, Link
from ioadapt_theory.claims.expression.tree import NOTHING, Term, fro, matrix, opened, spectral
from ioadapt_theory.claims.expression.tree import sqrt as root
from ioadapt_theory.claims.instances import Letter, Setting
from ioadapt_theory.claims.settings.letters import (
    AB,
    EPSILON,
    GAP,
    SIGMA,
    W1,
    W1_TARGET,
    W2,
    W2_TARGET,
    T,
    discrepancy,
)
from ioadapt_theory.claims.settings.matrices import matrices
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import NEARLY_SAME, SharedFunction, parametrise, start

MATRICES = ("W1", "W2", "W1_target", "W2_target", "AB")
SQUARE = Setting(
    name="setting A.2 with c = h = d",
    build=SharedFunction,
    letters=(*(Letter(key, key.lower(), "c c") for key in MATRICES), Letter("sigma", "sigma", positive=True)),
    start=partial(start, shapes={**dict.fromkeys(map(str.lower, MATRICES), (3, 3)), "sigma": ()}),
    parametrise=parametrise,
)
"""One AB that fits all three placements."""
NEAR = 1e-3


def nearly_the_same(raw: Mapping[str, Tensor]) -> SharedFunction:
    """The target is W₁R, R⁻¹W₂ with a little noise, R near an orthogonal matrix: functions closer than layers."""
    turn = torch.linalg.matrix_exp(raw["w1_target"] - raw["w1_target"].mT)
    target = {"w1_target": raw["w1"] @ turn, "w2_target": turn.mT @ raw["w2"] + NEAR * raw["w2_target"]}
    return parametrise({**raw, **target})


INPUT, OUTPUT, LORA = (discrepancy(p) for p in (Placement.INPUT, Placement.OUTPUT, Placement.LORA))
CHANGE = AB @ (W2 - W2_TARGET)
SAME = Given(
    (W1 @ W2).equals(W1_TARGET @ W2_TARGET),
    Hypothesis("W1 W2 = W1' W2'", lambda i: frobenius_sq(i.gap), exact=True),
)
CLOSER = Given(
    (spectral(T) + 1) * root(EPSILON) <= fro(CHANGE),
    Hypothesis(
        "(||I + AB||_2 + 1) sqrt(epsilon) <= ||AB (W2 - W2')||_F",
        lambda i: excess(
            (operator_norm(plus_identity(i.ab)) + 1) * sqrt(i.epsilon),
            sqrt(frobenius_sq(i.ab @ (i.w2 - i.w2_target))),
        ),
    ),
)


def factored(first: Term, product: Term, last: Term) -> Deduction:
    """Split off the gap, which is 0."""
    return Deduction(
        first,
        (
            Link("E‖xD‖² = σ²‖D‖_F², and the gap split off", SIGMA**2 * fro(product) ** 2),
            Link("W₁W₂ = W₁'W₂'", last, (SAME.relation,)),
        ),
    )


SAME_FUNCTION = Chained(
    (
        factored(INPUT, T @ GAP, NOTHING),
        factored(OUTPUT, GAP @ T, NOTHING),
        factored(LORA, GAP + CHANGE, SIGMA**2 * fro(CHANGE) ** 2),
    )
)


@computed("W₁ = W₂ = 1, W₁' = r, W₂' = 1/r, AB = 1: equal functions, and LoRA's discrepancy has no bound")
def unbounded(claim: Claim) -> Iterator[Step]:
    """One-dimensional layers, r → 0."""
    sp = sympy()
    r = sp.Symbol("r", positive=True)
    one = sp.Integer(1)
    there = {W1: one, W2: one, W1_TARGET: r, W2_TARGET: 1 / r, AB: one}
    yield Step("the functions are equal", agree(symbolic(W1 @ W2, there), symbolic(W1_TARGET @ W2_TARGET, there)))
    value = symbolic(CHANGE, there) ** 2
    yield Step("‖AB(W₂ − W₂')‖² = (1 − 1/r)²", vanishes(value - (1 - 1 / r) ** 2))
    yield Step("→ ∞", found(sp.limit(value, r, 0), sp.oo))
    yield Step(
        "it is what the claim adds",
        Check(opened(claim.goals[2].right) == opened(SIGMA**2 * fro(CHANGE) ** 2)),
        reaches=True,
    )


@computed("(‖I + AB‖₂ + 1)√ε ≤ ‖AB(W₂ − W₂')‖_F is enough for input and output to transfer no worse than LoRA")
def sufficient(claim: Claim) -> Iterator[Step]:
    """Proposition 4 or 5 on one side, the reversed triangle inequality on the other."""
    sp = sympy()
    e, n, slack = sp.symbols("e n g", nonnegative=True)
    known = {root(EPSILON): e, spectral(T): n}
    needed = symbolic(claim.given[-1].relation.left, known)
    change = needed + slack  # ‖AB(W₂ − W₂')‖_F by hypothesis
    lora_at_least, input_at_most = change - e, n * e
    yield Step("‖D₀ + AB(W₂ − W₂')‖_F ≥ ‖AB(W₂ − W₂')‖_F − √ε", nonnegative(sp.expand(lora_at_least)))
    yield Step("and ‖I + AB‖₂√ε is smaller by the slack", vanishes(lora_at_least - input_at_most - slack))
    yield Step("which is ≥ 0", nonnegative(slack))
    wanted = [(opened(goal.left), opened(goal.right)) for goal in claim.goals]
    yield Step(
        "for both sides", Check(wanted == [(opened(INPUT), opened(LORA)), (opened(OUTPUT), opened(LORA))]), reaches=True
    )


W, W_TARGET = matrix("w"), matrix("w_target")
LAYER_INPUT = matrices("one layer", {"W": "c d", "W_target": "c d", "AB": "c c"}, {"c": 3, "d": 4})
LAYER_OUTPUT = matrices("one layer", {"W": "c d", "W_target": "c d", "AB": "d d"}, {"c": 3, "d": 4})
LAYER_LORA = matrices("one layer", {"W": "c d", "W_target": "c d", "AB": "c d"}, {"c": 3, "d": 4})


def single_layer(name: str, reading: str, left: Term, right: Term, setting: Setting) -> Claim:
    """The difference of two adapted layers with one AB."""
    return Claim(
        id=f"transfer-single-layer{name}",
        source="beyond the paper",
        origin=Origin.OURS,
        reading=f"one layer, as in App. A.1: {reading}",
        amends="transfer-input",
        concludes=(left.equals(right),),
        expected=Verdict.PROVED,
        remark="what LoRA cannot change, for better or worse, the others multiply",
        setting=setting,
        strategies=(RandomInstances(),),
        proofs=(Proof("subtract", Chained((Deduction(left, (Link("subtract", right),)),))),),
    )


def no_worse_than_lora(placement: Placement, left: Term) -> Claim:
    """The claim that one placement's discrepancy is never above that of LoRA."""
    return Claim(
        id=f"transfer-{placement}",
        source="Sections 1 and 4, App. A.2",
        origin=Origin.IN_WORDS,
        concludes=(left <= LORA,),
        prose="with the same AB",
        expected=Verdict.REFUTED,
        remark="true for equal functions; W₁ = W₂ = W₂' = I, W₁' = diag(0, 1), AB = 9e₁e₁ᵀ: "
        "LoRA {rhs of r1}, this one {lhs of r1}",
        witnesses=("r1", "r2", "r3"),
        setting=SQUARE,
        strategies=(Replay(), RandomInstances()),
        proofs=contradicted("r1", "r2", "r3"),
    )


CLAIMS = (
    no_worse_than_lora(Placement.INPUT, INPUT),
    no_worse_than_lora(Placement.OUTPUT, OUTPUT),
    Claim(
        id="transfer-same-function",
        source="App. A.2 and Fig. 8",
        origin=Origin.IN_WORDS,
        reading="equal functions",
        amends="transfer-input",
        given=(SAME,),
        concludes=(INPUT.equals(NOTHING), OUTPUT.equals(NOTHING), LORA.equals(SIGMA**2 * fro(CHANGE) ** 2)),
        expected=Verdict.PROVED,
        remark="without bound: W₁' = r, W₂' = 1/r, r → 0",
        attained=("g1", "g2"),
        setting=SQUARE,
        strategies=(Replay(),),
        proofs=(Proof("the gap factors out", SAME_FUNCTION), Proof("scalars", unbounded, aside=True)),
    ),
    Claim(
        id="transfer-sufficient",
        source="App. A.2",
        origin=Origin.OURS,
        reading="a sufficient condition",
        amends="transfer-input",
        given=(NEARLY_SAME, CLOSER),
        concludes=(INPUT <= LORA, OUTPUT <= LORA),
        expected=Verdict.PROVED,
        remark="functions closer than layers; with W₂ = W₂' it never applies and LoRA's discrepancy is ε for every AB",
        setting=SQUARE.parametrised(nearly_the_same),
        strategies=(RandomInstances(),),
        proofs=(Proof("Props. 4, 5 and the triangle inequality", sufficient),),
    ),
    single_layer("", "LoRA keeps W − W'", (W + AB) - (W_TARGET + AB), W - W_TARGET, LAYER_LORA),
    single_layer("-input", "input", T @ W - T @ W_TARGET, T @ (W - W_TARGET), LAYER_INPUT),
    single_layer("-output", "output", W @ T - W_TARGET @ T, (W - W_TARGET) @ T, LAYER_OUTPUT),
)
