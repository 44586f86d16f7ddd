"""Section 3.2: multiply-adds of the three placements, counted by running forward, backward and merge.

n tokens, a layer c x d, rank r.
"""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from ioadapt_theory.claims.language import *

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


def cheaper(pass_: str, *, earlier_layers_learn: bool = False) -> str:
    """The statement in words: what is counted."""
    what = {"forward": "the forward pass", "merge": "merging", "backward": "training a layer behind frozen ones"}[pass_]
    what = "training where earlier layers learn" if earlier_layers_learn else what
    return f"for c = d input and output adapters cost no more than LoRA in {what}"


def claim(
    name: str,
    reading: str,
    formula: Callable[[Size, Size, Size, Size], dict[str, Size]],
    pass_: str,
    printed: str,
    more: tuple[int, int],
    remark: str,
    *,
    earlier_layers_learn: bool = False,
) -> Claim:
    """What is said of cost, in one reading; ``more`` is what input and output adapters cost beyond LoRA for c = d.

    The unit is rcc for merging and ncc for a pass; the verdict follows from it.
    """
    verdict = PROVED if more == (0, 0) else REFUTED

    @argued(Shown if verdict is PROVED else Refuted, f"counted: {printed}", "count by running, and set c = d")
    def lines_(claim: Claim) -> Iterator[Step]:
        yield Step(f"{pass_}: {printed}", counted(formula, pass_, earlier_layers_learn=earlier_layers_learn))
        n, c, r = sympy().symbols("n c r", positive=True)
        unit = r * c * c if pass_ == "merge" else n * c * c
        lora, *others = square(formula)
        for side, other, times in zip(("input", "output"), others, more, strict=True):
            yield Step(f"c = d: {side} as LoRA and {times} times {unit}", agree(other, lora + times * unit))
        if pass_ == "forward":
            yield Step("parameters: r(c + d), 2rc, 2rd", counted(parameters, "parameters"))
            lora, *others = square(parameters)
            yield Step("c = d: as many parameters", both(agree(others[0], lora), agree(others[1], lora)))
        yield Step("what is said", found(claim.prose, cheaper(pass_, earlier_layers_learn=earlier_layers_learn)))

    return Claim(
        id=name,
        source="Section 3.2",
        origin=PRINTED if name == "overhead" else READING,
        reading=reading,
        amends=None if name == "overhead" else "overhead",
        prose=cheaper(pass_, earlier_layers_learn=earlier_layers_learn),
        proofs=(lines_,),
        expected=verdict,
        remark=remark,
    )


CLAIMS = (
    claim("overhead", "multiply-adds and parameters", forward_cost, "forward",
          "n(cd + r(c + d)), n(cd + 2rc), n(cd + 2rd)", (0, 0),
          "r(c + d), 2rc and 2rd beside the layer's cd a token, counted by running them; in this order for any c, d"),
    claim("overhead-merging", "merging", merge_cost, "merge", "rcd, 2rcd, 2rcd", (1, 1),
          "twice as much: A(BW) and (WA)B against AB"),
    claim("overhead-training", "a training step, earlier layers frozen", backward_cost, "backward",
          "nr(c + 2d), ncd + 3nrc, 3nrd", (1, 0),
          "input adapters need dY Wᵀ, cd a token, as LoRA does if earlier layers learn; output adapters cost the same"),
    claim("overhead-training-inside", "a training step, earlier layers learn", inner_backward_cost, "backward",
          "ncd and a pass through the branch more", (0, 0),
          "there every placement needs the gradient of the layer's input", earlier_layers_learn=True),
)  # fmt: skip
