"""Section 3.2: multiply-adds of the three placements, counted by running forward, backward and merge.

n tokens, a layer c x d, rank r.
"""

from itertools import product

import torch
from torch import Tensor

from ioadapt_theory.claims.language import *

Size = Any
"""A number, or a symbol of the computer algebra system."""
Formula = Callable[[Size, Size, Size, Size], tuple[Size, Size, Size]]
"""n, c, d, r -> what LoRA, input and output adapters cost."""
GRID = tuple((n, c, d, r) for n, c, d, r in product((2, 3), repeat=4))
"""(n, c, d, r). A product of matrices costs the product of three different ones of them, so every count is a polynomial
of degree at most one in each, and such a polynomial is determined by its values on this grid."""


def multiply_adds(run: Callable[[], object]) -> int:
    """Return the multiply-adds of the matrix products that ``run`` executes."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops()) // 2


def forward(x: Tensor, w: Tensor, a: Tensor, b: Tensor, placement: Placement) -> Tensor:
    """Run Eq. 1 or Eq. 2, the branch through the rank."""
    if placement is LORA:
        return x @ w + (x @ a) @ b
    if placement is INPUT:
        return (x + (x @ a) @ b) @ w
    y = x @ w
    return y + (y @ a) @ b


def merge(w: Tensor, a: Tensor, b: Tensor, placement: Placement) -> Tensor:
    """Return W + AB, W + A(BW) or W + (WA)B, the cheap order."""
    return w + {LORA: lambda: a @ b, INPUT: lambda: a @ (b @ w), OUTPUT: lambda: (w @ a) @ b}[placement]()


def measured(what: str, n: int, c: int, d: int, r: int, placement: Placement) -> int:
    """Count a forward pass, a merge, parameters, or a backward pass, "inside" the model with a gradient of X, too."""
    rows_, columns = {LORA: (c, d), INPUT: (c, c), OUTPUT: (d, d)}[placement]
    x, w = torch.ones(n, c, requires_grad=what == "backward inside"), torch.ones(c, d)
    a, b = torch.ones(rows_, r, requires_grad=True), torch.ones(r, columns, requires_grad=True)
    if what == "parameters":
        return a.numel() + b.numel()
    if what == "merge":
        return multiply_adds(lambda: merge(w, a.detach(), b.detach(), placement))
    if what == "forward":
        return multiply_adds(lambda: forward(x, w, a, b, placement))
    y = forward(x, w, a, b, placement)
    return multiply_adds(lambda: torch.autograd.backward(y.sum()))


def counted(what: str, formula: Formula) -> Check:
    """Compare the counts of all three placements with a formula on the grid, hence for all sizes."""
    return found([tuple(measured(what, *sizes, p) for p in Placement) for sizes in GRID], [formula(*s) for s in GRID])


def parameters(n: Size, c: Size, d: Size, r: Size) -> tuple[Size, Size, Size]:
    """Return the sizes of A and B."""
    return r * (c + d), 2 * r * c, 2 * r * d


def forward_cost(n: Size, c: Size, d: Size, r: Size) -> tuple[Size, Size, Size]:
    """Return the cost of the layer itself and the branch."""
    lora, input_, output = parameters(n, c, d, r)
    return n * (c * d + lora), n * (c * d + input_), n * (c * d + output)


def merge_cost(n: Size, c: Size, d: Size, r: Size) -> tuple[Size, Size, Size]:
    """Return the cost of AB, A(BW) and (WA)B."""
    return r * c * d, 2 * r * c * d, 2 * r * c * d


def backward_cost(n: Size, c: Size, d: Size, r: Size) -> tuple[Size, Size, Size]:
    """Return the cost of the gradients of A and B; for the input adapter they need dY Wᵀ first."""
    return n * r * (c + 2 * d), n * c * d + 3 * n * r * c, 3 * n * r * d


def inner_backward_cost(n: Size, c: Size, d: Size, r: Size) -> tuple[Size, Size, Size]:
    """Return the same where X needs its gradient, too."""
    lora, input_, output = backward_cost(n, c, d, r)
    return lora + n * c * d + n * r * c, input_ + n * r * c, output + n * r * d + n * c * d


def no_more(where: str) -> str:
    """Return the sentence on one kind of work."""
    return f"for c = d input and output adapters cost no more than LoRA in {where}"


def claim(
    name: str, reading: str, where: str, what: str, formula: Formula, printed: str, more: tuple[int, int], remark: str
) -> Claim:
    """Return what is said of cost, in one reading.

    Args:
        name: id of the claim.
        reading: which reading it is.
        where: kind of work, in words.
        what: is counted.
        formula: that the counts follow.
        printed: the formula in words.
        more: what input and output adapters cost beyond LoRA for c = d, in units of rcc for merging and of ncc for a
            pass; the verdict follows from it.
        remark: of the claim.
    """
    verdict = PROVED if more == (0, 0) else REFUTED

    @argued(Shown if verdict is PROVED else Refuted, f"counted: {printed}", "count by running, and set c = d")
    def lines_(claim: Claim) -> Iterator[Step]:
        yield Step(f"{what.split()[0]}: {printed}", counted(what, formula))
        n, c, r = sympy().symbols("n c r", positive=True)
        unit, name_ = (r * c * c, "rcc") if what == "merge" else (n * c * c, "ncc")
        lora, *others = formula(n, c, c, r)
        for side, other, times in zip(("input", "output"), others, more, strict=True):
            yield Step(f"c = d: {side} costs {times} times {name_} more than LoRA", agree(other, lora + times * unit))
        if what == "forward":
            yield Step("parameters: r(c + d), 2rc, 2rd", counted("parameters", parameters))
            lora, *others = parameters(n, c, c, r)
            yield Step("c = d: as many parameters", both(agree(others[0], lora), agree(others[1], lora)))
        yield Step(f"the claim says: {no_more(where)}", found(claim.prose, no_more(where)))

    printed_there = name == "overhead"
    return Claim(
        id=name,
        source="Section 3.2",
        origin=PRINTED if printed_there else READING,
        reading=reading,
        amends=None if printed_there else "overhead",
        prose=no_more(where),
        proofs=(lines_,),
        expected=verdict,
        remark=remark,
    )


CLAIMS = (
    claim("overhead", "multiply-adds and parameters", "the forward pass", "forward", forward_cost,
          "n(cd + r(c + d)), n(cd + 2rc), n(cd + 2rd)", (0, 0),
          "for any c and d, LoRA, input and output add r(c + d), 2rc and 2rd to the layer's cd a token, as counted"),
    claim("overhead-merging", "merging", "merging", "merge", merge_cost, "rcd, 2rcd, 2rcd", (1, 1),
          "twice as much: A(BW) and (WA)B against AB"),
    claim("overhead-training", "a training step, earlier layers frozen", "training a layer behind frozen ones",
          "backward", backward_cost, "nr(c + 2d), ncd + 3nrc, 3nrd", (1, 0),
          "input adapters need dY Wᵀ, cd a token; so does LoRA if earlier layers learn; output adapters cost the same"),
    claim("overhead-training-inside", "a training step, earlier layers learn", "training where earlier layers learn",
          "backward inside", inner_backward_cost, "ncd and a pass through the branch more", (0, 0),
          "there every placement needs the gradient of the layer's input"),
)  # fmt: skip
