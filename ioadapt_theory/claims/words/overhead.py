"""Section 3.2: multiply-adds of the three placements, counted by running forward, backward and merge.

n tokens, a layer c x d, rank r.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.claims.claim import Claim, Origin, Proof
from ioadapt_theory.claims.evidence.argument import Check, Step, agree, computed
from ioadapt_theory.claims.evidence.findings import Verdict
from ioadapt_theory.claims.expression.algebra import sympy

Size = Any
"""A number, or a symbol of the computer algebra system."""
GRID = tuple(product((2, 3), repeat=4))
"""(n, c, d, r). A product of matrices costs the product of three different ones of them, so every count is a polynomial
of degree at most one in each, and such a polynomial is determined by its values on this grid."""


@dataclass(frozen=True, slots=True)
class Work:
    """Multiply-adds of one training step and of one merge, and the number of learnable parameters."""

    forward: int
    backward: int
    merge: int
    parameters: int


def multiply_adds(run: Callable[[], object]) -> int:
    """Multiply-adds of the matrix products that ``run`` executes."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops()) // 2


def forward(x: Tensor, w: Tensor, a: Tensor, b: Tensor, placement: str) -> Tensor:
    """Eq. 1 and Eq. 2, the branch through the rank."""
    if placement == "lora":
        return x @ w + (x @ a) @ b
    if placement == "input":
        return (x + (x @ a) @ b) @ w
    y = x @ w
    return y + (y @ a) @ b


def merge(w: Tensor, a: Tensor, b: Tensor, placement: str) -> Tensor:
    """W + AB, W + A(BW) or W + (WA)B, the cheap order."""
    return w + {"lora": lambda: a @ b, "input": lambda: a @ (b @ w), "output": lambda: (w @ a) @ b}[placement]()


def work(n: int, c: int, d: int, r: int, placement: str, *, earlier_layers_learn: bool = False) -> Work:
    """Count one training step; where earlier layers learn, X needs a gradient, too."""
    rows, columns = {"lora": (c, d), "input": (c, c), "output": (d, d)}[placement]
    x, w = torch.ones(n, c, requires_grad=earlier_layers_learn), torch.ones(c, d)
    a, b = torch.ones(rows, r, requires_grad=True), torch.ones(r, columns, requires_grad=True)
    y = forward(x, w, a, b, placement)
    return Work(
        forward=multiply_adds(lambda: forward(x, w, a, b, placement)),
        backward=multiply_adds(lambda: torch.autograd.backward(y.sum())),
        merge=multiply_adds(lambda: merge(w, a.detach(), b.detach(), placement)),
        parameters=a.numel() + b.numel(),
    )


def counted(
    formula: Callable[[Size, Size, Size, Size], dict[str, Size]], what: str, *, earlier_layers_learn: bool = False
) -> Check:
    """The counts of all three placements agree with a formula on the grid, hence for all sizes."""
    counts = [
        (getattr(work(n, c, d, r, placement, earlier_layers_learn=earlier_layers_learn), what), value)
        for n, c, d, r in GRID
        for placement, value in formula(n, c, d, r).items()
    ]
    return Check(len(counts) == 3 * len(GRID) and all(measured == value for measured, value in counts))


def parameters(n: Size, c: Size, d: Size, r: Size) -> dict[str, Size]:
    """A and B."""
    return {"lora": r * (c + d), "input": 2 * r * c, "output": 2 * r * d}


def forward_cost(n: Size, c: Size, d: Size, r: Size) -> dict[str, Size]:
    """The layer itself and the branch."""
    return {placement: n * (c * d + size) for placement, size in parameters(n, c, d, r).items()}


def merge_cost(n: Size, c: Size, d: Size, r: Size) -> dict[str, Size]:
    """AB, A(BW), (WA)B."""
    return {"lora": r * c * d, "input": 2 * r * c * d, "output": 2 * r * c * d}


def backward_cost(n: Size, c: Size, d: Size, r: Size) -> dict[str, Size]:
    """Gradients of A and B; for the input adapter they need dY Wᵀ first."""
    return {"lora": n * r * (c + 2 * d), "input": n * c * d + 3 * n * r * c, "output": 3 * n * r * d}


def inner_backward_cost(n: Size, c: Size, d: Size, r: Size) -> dict[str, Size]:
    """The same where X needs its gradient, too."""
    own = backward_cost(n, c, d, r)
    return {
        "lora": own["lora"] + n * c * d + n * r * c,
        "input": own["input"] + n * r * c,
        "output": own["output"] + n * r * d + n * c * d,
    }


def square(formula: Callable[[Size, Size, Size, Size], dict[str, Size]]) -> tuple[Size, Size, Size]:
    """LoRA, input and output for c = d, in symbols."""
    n, c, r = sympy().symbols("n c r", positive=True)
    lora, inp, out = formula(n, c, c, r).values()
    return lora, inp, out


@computed("forward multiply-adds and parameters are r(c + d), 2rc and 2rd beside cd: equal when c = d", prose=True)
def forward_overhead(claim: Claim) -> Iterator[Step]:
    """Count, and set c = d in the formulas."""
    yield Step("forward: n(cd + r(c + d)), n(cd + 2rc), n(cd + 2rd)", counted(forward_cost, "forward"))
    yield Step("parameters: r(c + d), 2rc, 2rd", counted(parameters, "parameters"))
    for formula in (forward_cost, parameters):
        lora, inp, out = square(formula)
        yield Step(f"c = d: input as LoRA ({formula.__name__})", agree(lora, inp))
        yield Step(f"c = d: output as LoRA ({formula.__name__})", agree(lora, out))


@computed("c = d: merging costs twice as much", prose=True)
def merging(claim: Claim) -> Iterator[Step]:
    """Count, and compare."""
    yield Step("merging: rcd, 2rcd, 2rcd", counted(merge_cost, "merge"))
    lora, inp, out = square(merge_cost)
    yield Step("twice, input", agree(inp, 2 * lora))
    yield Step("twice, output", agree(out, 2 * lora))


@computed("c = d, in front of frozen layers: an input adapter needs dY Wᵀ, ncd more backward", prose=True)
def training(claim: Claim) -> Iterator[Step]:
    """Count, and compare."""
    n, c = sympy().symbols("n c", positive=True)
    yield Step("backward: nr(c + 2d), ncd + 3nrc, 3nrd", counted(backward_cost, "backward"))
    lora, inp, out = square(backward_cost)
    yield Step("the input adapter needs nc² more", agree(inp - lora, n * c**2))
    yield Step("the output adapter nothing", agree(out, lora))


@computed("c = d, where earlier layers learn: LoRA needs dY Wᵀ, too, and a step costs the same", prose=True)
def inner_training(claim: Claim) -> Iterator[Step]:
    """Count, and compare."""
    yield Step(
        "backward: ncd and a pass through the branch more",
        counted(inner_backward_cost, "backward", earlier_layers_learn=True),
    )
    lora, inp, out = square(inner_backward_cost)
    yield Step("input as LoRA", agree(inp, lora))
    yield Step("output as LoRA", agree(out, lora))


def claim(name: str, reading: str, what: str, verdict: Verdict, remark: str, proof: Proof, origin: Origin) -> Claim:
    """What is said of cost, in one reading."""
    return Claim(
        id=name,
        source="Section 3.2",
        origin=origin,
        reading=reading,
        amends=None if name == "overhead" else "overhead",
        prose=f"for c = d input and output adapters cost no more than LoRA in {what}",
        expected=verdict,
        remark=remark,
        proofs=(proof,),
    )


CLAIMS = (
    claim(
        "overhead",
        "multiply-adds and parameters",
        "the forward pass",
        Verdict.PROVED,
        "r(c + d), 2rc and 2rd beside the layer's cd a token, counted by running them; in this order for any c, d",
        Proof("counted and compared with the formulas", forward_overhead),
        Origin.PRINTED,
    ),
    claim(
        "overhead-merging",
        "merging",
        "merging",
        Verdict.REFUTED,
        "twice as much: A(BW) and (WA)B against AB",
        Proof("counted merges", merging, refutes=True),
        Origin.READING,
    ),
    claim(
        "overhead-training",
        "a training step, earlier layers frozen",
        "training a layer behind frozen ones",
        Verdict.REFUTED,
        "input adapters need dY Wᵀ, cd a token, as LoRA does if earlier layers learn; output adapters cost the same",
        Proof("counted backward", training, refutes=True),
        Origin.READING,
    ),
    claim(
        "overhead-training-inside",
        "a training step, earlier layers learn",
        "training where earlier layers learn",
        Verdict.PROVED,
        "there every placement needs the gradient of the layer's input",
        Proof("counted backward", inner_training),
        Origin.READING,
    ),
)
