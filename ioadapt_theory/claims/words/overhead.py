"""Section 3.2: multiply-adds of the three placements, counted by running forward, backward and merge.

The layer is c x d, the rank of the adapter is r, and there are n tokens.
"""

from itertools import product

import torch
from torch import Tensor

from ioadapt_theory.claims.language import *

GRID = tuple((n, c, d, r) for n, c, d, r in product((2, 3), repeat=4))
"""Sizes (n, c, d, r). The cost of a matrix product is the product of three of them, so every count is a polynomial of
degree at most one in each size, which its values on this grid determine."""


def multiply_adds(run: Callable[[], object]) -> int:
    """Return the multiply-adds of the matrix products that ``run`` executes."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops()) // 2


def forward(x: Tensor, w: Tensor, a: Tensor, b: Tensor, placement: Placement) -> Tensor:
    if placement is LORA:
        return x @ w + (x @ a) @ b
    if placement is INPUT:
        return (x + (x @ a) @ b) @ w
    y = x @ w
    return y + (y @ a) @ b


def merge(w: Tensor, a: Tensor, b: Tensor, placement: Placement) -> Tensor:
    """Return W + AB, W + A(BW) or W + (WA)B, multiplied in the order that is cheaper for a small rank."""
    return w + {LORA: lambda: a @ b, INPUT: lambda: a @ (b @ w), OUTPUT: lambda: (w @ a) @ b}[placement]()


def measured(what: str, n: int, c: int, d: int, r: int, placement: Placement) -> int:
    """Return the number of multiply-adds or, for "parameters", of parameters; ``what`` is a key of ``COSTS``."""
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


COSTS = {
    "forward": ("n(cd + r(c + d))", "n(cd + 2rc)", "n(cd + 2rd)"),
    "parameters": ("r(c + d)", "2rc", "2rd"),
    "merge": ("rcd", "2rcd", "2rcd"),
    "backward": ("nr(c + 2d)", "ncd + 3nrc", "3nrd"),
    "backward inside": ("ncd + nr(2c + 2d)", "ncd + 4nrc", "ncd + 4nrd"),
}
"""Costs of LoRA, input and output adapters; "backward" needs no gradient of X, but input adapters need dY Wᵀ."""
COUNTED = {"forward": ("forward", "parameters")}


def counted(what: str) -> Step:
    """Compare the counts of ``what`` for all placements with the formulas in ``COSTS``, at all sizes in ``GRID``."""
    formulas = [Reader()(formula) for formula in COSTS[what]]
    there = [
        tuple(f.subs(dict(zip((Reader()(x) for x in "ncdr"), sizes, strict=True))) for f in formulas) for sizes in GRID
    ]
    here = [tuple(measured(what, *sizes, p) for p in Placement) for sizes in GRID]
    return Step(f"{what.split()[0]}: {', '.join(COSTS[what])}", found(here, there))


def no_more(where: str) -> str:
    return f"for c = d input and output adapters cost no more than LoRA in {where}"


def claim(name: str, where: str, what: str, more: tuple[int, int], **others: Any) -> Claim:
    """Return the claim that input and output adapters cost no more than LoRA if c = d; ``more``: their extra cost."""
    verdict = PROVED if more == (0, 0) else REFUTED
    unit = "rcc" if what == "merge" else "ncc"

    @argued(Shown if verdict is PROVED else Refuted)
    def lines_(claim: Claim) -> Iterator[Step]:
        for kind in COUNTED.get(what, (what,)):
            yield counted(kind)
            lora, *others = COSTS[kind]
            for side, other, times in zip(("input", "output"), others, more, strict=True):
                yield line(f"c = d: {side} costs {times} times {unit} beyond LoRA, «{other} = {lora} + {times}{unit}»",
                           let={"d": "c"})  # fmt: skip
        yield Step(f"the claim says: {no_more(where)}", found(claim.prose, no_more(where)))

    return Claim(
        id=name,
        source="Section 3.2",
        **({"origin": READING, "amends": "overhead"} | others),
        prose=no_more(where),
        proofs=(lines_,),
        expected=verdict,
        remark=""
        if verdict is PROVED
        else "input and output adapters cost {} and {} times {} more".format(*more, unit),
    )


CLAIMS = (
    claim("overhead", "the forward pass", "forward", (0, 0), origin=PRINTED, amends=None),
    claim("overhead-merging", "merging", "merge", (1, 1)),
    claim("overhead-training", "training a layer behind frozen ones", "backward", (1, 0)),
    claim("overhead-training-inside", "training where earlier layers learn", "backward inside", (0, 0)),
)
