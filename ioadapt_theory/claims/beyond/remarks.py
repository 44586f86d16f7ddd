"""What the paper says in words about bounds, reach, absorption and cost, where the words are mathematics."""

from ioadapt_theory.claims.claim import Claim, Proof
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.proofs import absorption, cost, input_adapter, output_adapter, reachable, transfer
from ioadapt_theory.claims.proofs.argument import together

INDEPENDENT = "Section 4, after Prop. 2"
ABSORBED = "Section 3.3"

INDEPENDENT_INPUT = Claim(
    id="independent-input",
    source=INDEPENDENT,
    statement="the bound on the similarity distance of input adapters is independent of the base weights",
    expected=Verdict.REFUTED,
    remark="the sharp constant (1 − s₀²)(k + 1/k + k' + 1/k'), k = cond(W), is not bounded over all W",
    strategies=(
        Proof("the sharp constant is attained for every k", input_adapter.sharp_constant, refutes=True),
        Proof("only scaled row isometries satisfy 4ε at s₀ = 0", input_adapter.printed_term, refutes=True),
    ),
)
INDEPENDENT_OUTPUT = Claim(
    id="independent-output",
    source=INDEPENDENT,
    statement="the bound on the similarity distance of output adapters is independent of the base weights",
    expected=Verdict.PROVED,
    remark="exactly 2τ(1 − s₀²)/(1 − s₀²τ²) with τ = 2ε/(1 + ε²), attained; no O(ε²) is needed",
    strategies=(
        Proof(
            "sinh addition theorem, and both ends of the interval",
            together(output_adapter.finite_theorem, output_adapter.condition_of_adapter, output_adapter.two_models),
        ),
    ),
)
BOUNDS_RANK = Claim(
    id="bounds-rank",
    source="Section 4 (in words)",
    statement="Props. 1 and 2 rank the methods: the bound of input and output adapters is below that of LoRA",
    expected=Verdict.REFUTED,
    remark="‖AB‖ is absolute for LoRA, relative else: W = W' = 10 I, ε = 1/100 gives .004 and .04, both attained",
    strategies=(Proof("W = W' = 10 I", transfer.bounds_do_not_rank, refutes=True),),
)
BROADER_CLASS = Claim(
    id="broader-class",
    source="Sections 4 and 6",
    statement="input and output adapters express a broader class of linear transformations than LoRA",
    expected=Verdict.REFUTED,
    remark="each is a LoRA of the same rank; the same set for invertible W, else fewer (c = 3, d = 5: 9, 15, 15)",
    strategies=(Proof("AB·W = A(BW), W·AB = (WA)B", reachable.no_broader_class, refutes=True),),
)
ABSORPTION_LINEAR = Claim(
    id="absorption-linear",
    source=ABSORBED,
    statement="if f is a linear layer, its adapters are absorbed into the weights at the cost of the base model",
    expected=Verdict.PROVED,
    remark="the output adapter acts on the bias, too: b becomes b(I + AB)",
    strategies=(Proof("one matrix of the old size", absorption.linear),),
)
ABSORPTION_CONVOLUTION = Claim(
    id="absorption-convolution",
    source=ABSORBED,
    statement="if f is a convolution, Φ(I) is absorbed into its kernel at the cost of the base model",
    expected=Verdict.REFUTED,
    remark="a 3 x 3 Φ(I) needs 5 x 5 and differs at zero-padded borders; bias before padding and groups break it, too",
    strategies=(Proof("width, border, bias, groups, stride", absorption.counterexamples, refutes=True),),
)
ABSORPTION_CHANNEL_MIX = Claim(
    id="absorption-channel-mix",
    source=ABSORBED,
    reading="Φ(I) a 1 x 1 channel mix without bias",
    amends="absorption-convolution",
    statement="a 1 x 1 channel mix on either side of an ungrouped convolution is absorbed exactly, at the same cost",
    expected=Verdict.PROVED,
    remark="for every stride, padding with zeros and dilation; this is how the adapters of this package work",
    strategies=(Proof("zero padding commutes with a channel mix", absorption.channel_mix),),
)
OVERHEAD = Claim(
    id="overhead",
    source="Section 3.2",
    reading="forward multiply-adds and parameters",
    statement="for c = d input and output adapters cost no more than LoRA",
    expected=Verdict.PROVED,
    remark="r(c + d), 2rc and 2rd beside the layer's cd a token, counted by running them; in this order for any c, d",
    strategies=(Proof("counted and compared with the formulas", cost.forward_overhead),),
)
OVERHEAD_TRAINING = Claim(
    id="overhead-training",
    source="Section 3.2",
    reading="a training step and merging",
    statement="for c = d input and output adapters cost no more than LoRA in training and merging",
    expected=Verdict.REFUTED,
    remark="merging costs twice; input adapters need dY Wᵀ, cd a token, as LoRA does only if earlier layers learn",
    strategies=(Proof("counted backward and merge", cost.training_overhead, refutes=True),),
)

REMARKS: tuple[Claim, ...] = (
    INDEPENDENT_INPUT,
    INDEPENDENT_OUTPUT,
    BOUNDS_RANK,
    BROADER_CLASS,
    ABSORPTION_LINEAR,
    ABSORPTION_CONVOLUTION,
    ABSORPTION_CHANNEL_MIX,
    OVERHEAD,
    OVERHEAD_TRAINING,
)
