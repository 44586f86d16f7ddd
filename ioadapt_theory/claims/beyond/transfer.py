"""Who transfers better in the setting of App. A.2, and what becomes of it with nonlinear layers and in attention."""

from functools import partial

from ioadapt_theory.claims.arithmetic import Array
from ioadapt_theory.claims.claim import Claim, Proof
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.evidence.inequality import Inequality
from ioadapt_theory.claims.evidence.searches import RandomInstances, Replay
from ioadapt_theory.claims.instances import Letter, Setting
from ioadapt_theory.claims.proofs import attention, nonlinear, transfer
from ioadapt_theory.claims.settings.placement import Placement
from ioadapt_theory.claims.settings.shared_function import SharedFunction, expected_distance, parametrise, start

MATRICES = ("W1", "W2", "W1_target", "W2_target", "AB")
BEYOND = "beyond the paper"

SQUARE = Setting(
    name="setting A.2 with c = h = d",
    build=SharedFunction,
    letters=(*(Letter(key, key.lower(), "c c") for key in MATRICES), Letter("sigma", "sigma", positive=True)),
    start=partial(start, shapes={**dict.fromkeys(map(str.lower, MATRICES), (3, 3)), "sigma": ()}),
    parametrise=parametrise,
)
"""One AB that fits all three placements."""


def discrepancy(i: SharedFunction, *, placement: Placement) -> Array:
    """E‖x(source − target)‖₂² with the same AB in both."""
    return expected_distance(i, placement)


def no_worse_than_lora(placement: Placement, symbol: str) -> Claim:
    """The claim that one placement's discrepancy is never above that of LoRA."""
    worse = tuple(
        Proof(f"{name} in rational arithmetic", partial(transfer.exceeds, name, str(placement), "lora"), refutes=True)
        for name in ("r1", "r2", "r3")
    )
    return Claim(
        id=f"transfer-{placement}",
        source="Sections 1 and 4, App. A.2 (in words)",
        statement=f"E‖source − target‖² is no larger for {symbol} than for LoRA x(W₁ + AB)W₂ with the same AB",
        expected=Verdict.REFUTED,
        remark="true for equal functions; W₁ = W₂ = W₂' = I, W₁' = diag(0, 1), AB = 9 e₁e₁ᵀ: LoRA 1, this one 100",
        witnesses=("r1", "r2", "r3"),
        inequality=Inequality(
            setting=SQUARE,
            lhs=partial(discrepancy, placement=placement),
            rhs=partial(discrepancy, placement=Placement.LORA),
        ),
        strategies=(Replay(), RandomInstances(), *worse),
    )


TRANSFER_INPUT = no_worse_than_lora(Placement.INPUT, "x(I + AB)W₁W₂")
TRANSFER_OUTPUT = no_worse_than_lora(Placement.OUTPUT, "xW₁W₂(I + AB)")
TRANSFER_SAME_FUNCTION = Claim(
    id="transfer-same-function",
    source="App. A.2 and Fig. 8",
    reading="equal functions",
    amends="transfer-input",
    statement="W₁W₂ = W₁'W₂' ⇒ input and output adapters keep it so; LoRA adds σ²‖AB(W₂ − W₂')‖_F²",
    expected=Verdict.PROVED,
    remark="without bound: W₁' = r, W₂' = 1/r, r → 0",
    strategies=(Proof("the gap factors out", transfer.same_function),),
)
TRANSFER_SUFFICIENT = Claim(
    id="transfer-sufficient",
    source="App. A.2",
    reading="a sufficient condition",
    amends="transfer-input",
    statement="(‖I + AB‖₂ + 1)√ε ≤ ‖AB(W₂ − W₂')‖_F ⇒ input and output transfer no worse than LoRA",
    expected=Verdict.PROVED,
    remark="functions closer than layers; with W₂ = W₂' it never applies and LoRA's discrepancy is ε for every AB",
    strategies=(Proof("Props. 4, 5 and the triangle inequality", transfer.sufficient),),
)
TRANSFER_SINGLE_LAYER = Claim(
    id="transfer-single-layer",
    source=BEYOND,
    reading="one layer, as in App. A.1",
    amends="transfer-input",
    statement="one layer: LoRA keeps W − W' for every AB; input makes it (I + AB)(W − W'), output (W − W')(I + AB)",
    expected=Verdict.PROVED,
    strategies=(Proof("(W + AB) - (W' + AB) = W - W'", transfer.single_layer),),
)
NONLINEAR_OUTPUT = Claim(
    id="nonlinear-output",
    source=BEYOND,
    reading="Prop. 5 for any f, f' and any law of x",
    amends="prop-5",
    statement="E‖f(x)(I + AB) − f'(x)(I + AB)‖² ≤ ‖I + AB‖₂² E‖f(x) − f'(x)‖²",
    expected=Verdict.PROVED,
    remark="output adaptation needs neither linear models nor Gaussian inputs",
    strategies=(Proof("sample by sample", nonlinear.output),),
)
NONLINEAR_INPUT = Claim(
    id="nonlinear-input",
    source=BEYOND,
    reading="Prop. 4 for ReLU networks",
    amends="prop-4",
    statement="E‖f(x(I + AB)) − f'(x(I + AB))‖² ≤ ‖I + AB‖₂² E‖f(x) − f'(x)‖² for one hidden ReLU layer",
    expected=Verdict.REFUTED,
    remark="only a Lipschitz bound; f − f' = max(|x₁|, 10|x₂|) − 10|x₂|, AB = −e₂ᵀe₂ turns .0424 into 1, or worse",
    strategies=(Proof("six ReLUs, in closed form", nonlinear.input_fails, refutes=True),),
)
NONLINEAR_INPUT_LIPSCHITZ = Claim(
    id="nonlinear-input-lipschitz",
    source=BEYOND,
    reading="Prop. 4 for Lipschitz f − f' = g",
    amends="nonlinear-input",
    statement="E‖g(x(I + AB))‖² ≤ 2E‖g(x)‖² + 2 Lip(g)² σ²‖AB‖_F²",
    expected=Verdict.PROVED,
    remark="ReLU has Lipschitz constant 1, GELU Φ(√2) + √2φ(√2) = 1.1289…",
    strategies=(Proof("‖a + b‖² ≤ 2‖a‖² + 2‖b‖²", nonlinear.input_instead),),
)
ATTENTION_HEADS = Claim(
    id="attention-heads",
    source=BEYOND,
    statement="input adapters on q, k, v and output adapters on o ignore a change of basis in a head; no others do",
    expected=Verdict.PROVED,
    remark="which placement is safe depends on the symmetry that separates the models, and on the projection",
    strategies=(Proof("scores and values in non-commuting symbols", attention.head_symmetry),),
)
ATTENTION_RESIDUAL = Claim(
    id="attention-residual",
    source=BEYOND,
    statement="output adapters on q, k, v and input adapters on o ignore a rotated residual stream; no others do",
    expected=Verdict.PROVED,
    remark="the reverse of attention-heads: no placement survives both",
    strategies=(Proof("scores and values in non-commuting symbols", attention.residual_symmetry),),
)

TRANSFER: tuple[Claim, ...] = (
    TRANSFER_INPUT,
    TRANSFER_OUTPUT,
    TRANSFER_SAME_FUNCTION,
    TRANSFER_SUFFICIENT,
    TRANSFER_SINGLE_LAYER,
    NONLINEAR_OUTPUT,
    NONLINEAR_INPUT,
    NONLINEAR_INPUT_LIPSCHITZ,
    ATTENTION_HEADS,
    ATTENTION_RESIDUAL,
)
