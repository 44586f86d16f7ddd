"""Several adapted layers on one X as one autograd function: their products X A are one, and so is the gradient of X."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ioadapt_theory.adapters.fast.autograd import Plan, rows_of, without_autocast
from ioadapt_theory.adapters.fast.products import Known, LowRank, lift, thin
from ioadapt_theory.adapters.fast.steps import Job, OnOutput, Step


class Member(NamedTuple):
    """One of the layers: Δ = AB, with ``s``, gains g or None, and a step on what ``plan`` holds."""

    step: type[Step]
    plan: Plan
    s: float
    g: Tensor | None
    a: Tensor
    b: Tensor


def together(members: Sequence[Member], x: Tensor, run: Callable[[], Any]) -> list[Tensor]:
    """What ``fused`` gives for each of the members, of equal dtypes; the way back clears ``run().outputs``."""
    dtype = members[0].plan.dtype
    rows = rows_of(x.to(dtype))
    heads = [(m.step, m.plan.w, m.plan.bias, m.s) for m in members]
    tensors = [t for m in members for t in (m.g, m.a.to(dtype), m.b.to(dtype))]
    ys: Sequence[Tensor] = Together.apply(torch.is_grad_enabled(), run, heads, rows, *tensors)  # type: ignore[no-untyped-call, unused-ignore]
    return [y if x.ndim == 2 else y.view(*x.shape[:-1], y.shape[-1]) for y in ys]


class Together(torch.autograd.Function):
    """The steps one after the other; those that read X with their A are given their part of X [A₁ A₂ ...]."""

    @staticmethod
    def forward(ctx: Any, keep: bool, run: Any, heads: Any, x: Tensor, *tensors: Any) -> tuple[Tensor, ...]:  # noqa: D102
        triples = list(zip(tensors[::3], tensors[1::3], tensors[2::3], strict=True))
        reading = [a for (step, *_), (_, a, _) in zip(heads, triples, strict=True) if step is not OnOutput]
        us = iter(torch.split(thin(x, torch.cat(reading, 1)), [a.shape[1] for a in reading], 1) if reading else ())
        ys, saved, ctx.heads = [], [x if reading else None], []
        for (step, w, bias, s), (g, a, b) in zip(heads, triples, strict=True):
            kind, first = (LowRank, a) if step is OnOutput else (Known, next(us))
            y, kept = step.forward(Job(kind, s, w, bias, g, (first, b)), x, keep)
            ys.append(y)
            ctx.heads.append((step, kind, s, len(kept)))
            saved += [w, g, a, first, b, *kept]
        if keep:
            ctx.run = run
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(*saved)
        return tuple(ys)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gys: Tensor | None) -> tuple[Tensor | None, ...]:  # noqa: D102
        if (run := ctx.run()) is not None:
            run.outputs.clear()  # they are of a graph that is spent
        saved = ctx.saved_tensors
        with without_autocast(saved[1]):  # the first layer's weight
            return None, None, None, *_gradients(ctx, saved, gys)


def _gradients(ctx: Any, tensors: Sequence[Any], gys: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Of X and, for each member, of g, A and B."""
    x, *saved = tensors
    wanted, gx = ctx.needs_input_grad[3], None
    found: list[Tensor | None] = []
    lifted: dict[int, tuple[Tensor, Tensor]] = {}  # where in ``found`` the gradient of A belongs: those of U, and A
    for (step, kind, s, count), gy in zip(ctx.heads, gys, strict=True):
        (w, g, a, first, b), kept, saved = saved[:5], saved[5 : 5 + count], saved[5 + count :]
        if gy is None:
            found += [None, None, None]
            continue
        job = Job(kind, s, w, None, g, (first, b))
        gx, (gg, gfirst, gb) = step.backward(job, gy.contiguous(), kept, wanted, gx)
        if kind is Known and gfirst is not None:
            lifted[len(found) + 1] = gfirst, a
        found += [gg, gfirst, gb]
    if lifted:
        gus, parts = zip(*lifted.values(), strict=True)
        ga = lift(gx if wanted else None, torch.cat([gu.mT for gu in gus]).mT, x, torch.cat(parts, 1))
        for i, part in zip(lifted, torch.split(ga, [a.shape[1] for a in parts], 1), strict=True):
            found[i] = part
    return [gx if wanted else None, *found]
