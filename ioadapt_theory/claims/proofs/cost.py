"""Multiply-adds of the three placements, counted by running forward, backward and merge; n tokens, c, d, rank r."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ioadapt_theory.claims.proofs.argument import Step, proves

SIZES = ((7, 5, 5, 2), (3, 8, 8, 1), (4, 6, 6, 3))
"""(n, c, d, r) with c = d."""


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


@proves("forward multiply-adds and parameters are r(c + d), 2rc and 2rd beside the layer's cd: equal when c = d")
def forward_overhead() -> Iterator[Step]:
    """Count, compare with the formulas, also at c != d."""
    for n, c, d, r in (*SIZES, (4, 3, 7, 2)):
        formula = {"lora": r * (c + d), "input": 2 * r * c, "output": 2 * r * d}
        counted = {p: work(n, c, d, r, p) for p in formula}
        agrees = all(
            (counted[p].forward, counted[p].parameters) == (n * (c * d + formula[p]), formula[p]) for p in formula
        )
        yield Step(f"n = {n}, c = {c}, d = {d}, r = {r}: counts are the formulas", agrees)
        if c == d:
            yield Step("and equal", len({(w.forward, w.parameters) for w in counted.values()}) == 1)


@proves(
    "c = d: merging costs twice as much, and an input adapter in front of frozen layers needs dY Wᵀ, ncd more backward"
)
def training_overhead() -> Iterator[Step]:
    """Where earlier layers learn, LoRA needs that product, too, and the difference is gone."""
    for n, c, d, r in SIZES:
        lora, inp, out = (work(n, c, d, r, p) for p in ("lora", "input", "output"))
        yield Step(
            f"c = d = {c}: merge {inp.merge} and {out.merge} against {lora.merge}",
            inp.merge == out.merge == 2 * lora.merge > 0,
        )
        yield Step(f"backward {inp.backward} against {lora.backward}", inp.backward == lora.backward + n * c * d)
        yield Step(f"and {out.backward} for the output adapter, no more", out.backward == lora.backward)
        inner = [work(n, c, d, r, p, earlier_layers_learn=True).backward for p in ("lora", "input", "output")]
        yield Step("earlier layers learn: no difference", len(set(inner)) == 1)
