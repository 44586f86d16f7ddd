"""Multiply-adds of the three placements, counted by running forward, backward and merge; n tokens, c, d, rank r."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.claims.proofs.argument import Step, proves, sympy, vanishes

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


def counted_is(
    formula: Callable[[Size, Size, Size, Size], dict[str, Size]], what: str, *, earlier_layers_learn: bool = False
) -> bool:
    """Whether the counts of all three placements agree with a formula on the grid, hence for all sizes."""
    return all(
        getattr(work(n, c, d, r, placement, earlier_layers_learn=earlier_layers_learn), what) == value
        for n, c, d, r in GRID
        for placement, value in formula(n, c, d, r).items()
    )


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


@proves("forward multiply-adds and parameters are r(c + d), 2rc and 2rd beside the layer's cd: equal when c = d")
def forward_overhead() -> Iterator[Step]:
    """Count, and set c = d in the formulas."""
    yield Step("forward: n(cd + r(c + d)), n(cd + 2rc), n(cd + 2rd)", counted_is(forward_cost, "forward"))
    yield Step("parameters: r(c + d), 2rc, 2rd", counted_is(parameters, "parameters"))
    n, c, r = sympy().symbols("n c r", positive=True)
    for formula in (forward_cost, parameters):
        lora, inp, out = formula(n, c, c, r).values()
        yield Step(f"c = d: equal ({formula.__name__})", vanishes(lora - inp) and vanishes(lora - out))


@proves(
    "c = d: merging costs twice as much, and an input adapter in front of frozen layers needs dY Wᵀ, ncd more backward"
)
def training_overhead() -> Iterator[Step]:
    """Where earlier layers learn, LoRA needs that product, too, and the difference is gone."""
    yield Step("merging: rcd, 2rcd, 2rcd", counted_is(merge_cost, "merge"))
    yield Step("backward: nr(c + 2d), ncd + 3nrc, 3nrd", counted_is(backward_cost, "backward"))
    yield Step(
        "where earlier layers learn: ncd and a pass through the branch more",
        counted_is(inner_backward_cost, "backward", earlier_layers_learn=True),
    )
    n, c, r = sympy().symbols("n c r", positive=True)
    lora, inp, out = backward_cost(n, c, c, r).values()
    yield Step(
        "c = d: the input adapter needs nc² more, the output adapter nothing",
        vanishes(inp - lora - n * c**2) and vanishes(out - lora),
    )
    lora, inp, out = inner_backward_cost(n, c, c, r).values()
    yield Step("c = d, earlier layers learn: no difference", vanishes(inp - lora) and vanishes(out - lora))
