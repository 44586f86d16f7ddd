"""Autograd functions for the two bases that need no generality: a frozen nn.Linear without hooks, and the identity.

They keep x for the backward pass, O(n r) numbers more, and with a gain on a linear layer what it multiplies; the rest
is recomputed, or accumulated in place. Where ``fits`` says no, the families' plain forms do the same by autograd.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear
from torch.nn.modules import module as modules

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.operators import Linear

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
TENSORS = frozenset({Tensor, nn.Parameter})
CASTABLE = frozenset({torch.float16, torch.bfloat16, torch.float32})
_enabled = True


@contextmanager
def unfused() -> Iterator[None]:
    """Plain autograd for the duration: slower, but it can be differentiated twice, and forwards."""
    global _enabled
    before, _enabled = _enabled, False
    try:
        yield
    finally:
        _enabled = before


class Plan(NamedTuple):
    """What ``fused`` computes with: the dtype, and the layer's stored weight and bias, None for an identity."""

    dtype: torch.dtype
    w: Tensor | None
    bias: Tensor | None


def fits(phi: Any, x: Tensor, base: Base) -> Plan | None:
    """How ``fused`` does what the plain form would; None where hooks, mixed dtypes, dropout or transforms forbid it.

    This runs in every call, beside products that take some tens of microseconds, hence the short ways to attributes.
    """
    if not _enabled or torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return None
    if base.axis != -1 or type(x) not in TENSORS or x.is_meta or (phi.training and phi.spec.dropout):
        return None
    w = bias = None
    if type(base) is not Identity:
        found = _weight_and_bias(base.module) if type(base) is Linear else None
        if found is None:
            return None
        w, bias = found
    dtype = x.dtype
    if torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
        if x.dtype not in CASTABLE or (w is None and x.dtype != dtype):
            return None
        w, bias = w if w is None else w.to(dtype), bias if bias is None else bias.to(dtype)
        return Plan(dtype, w, bias)
    if (w is not None and w.dtype != dtype) or any(p.dtype != dtype for p in phi._parameters.values()):
        return None
    return Plan(dtype, w, bias)


def fused(plan: Plan, kind: type[Any], s: float, x: Tensor, shift: Tensor | None, *factors: Tensor) -> Tensor:
    """(f(x) + s xΔ) diag(g) + b(1 - g); Δ is ``kind`` of ``factors``, ``shift`` is g - 1, None for 0."""
    if x.dtype != plan.dtype or factors[0].dtype != plan.dtype:
        x, factors = x.to(plan.dtype), tuple(p.to(plan.dtype) for p in factors)
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    function = kind if issubclass(kind, torch.autograd.Function) else Fused
    y: Tensor = function.apply(kind, s, rows, plan.w, plan.bias, shift, *factors)  # type: ignore[no-untyped-call]
    return y if x.ndim == 2 else y.view(*x.shape[:-1], y.shape[-1])


def _weight_and_bias(module: nn.Module) -> tuple[Tensor, Tensor | None] | None:
    """Those of a frozen nn.Linear, if nobody listens to its calls or stands in for it."""
    own = module.__dict__
    if type(module) is not nn.Linear or "forward" in own or any(own[hooks] for hooks in HOOKS):
        return None
    if modules._has_any_global_hook():  # type: ignore[no-untyped-call]
        return None
    w, bias = own["_parameters"].get("weight"), own["_parameters"].get("bias")
    if type(w) is not nn.Parameter or w.requires_grad or (bias is not None and bias.requires_grad):
        return None
    return w, bias


class Fused(torch.autograd.Function):
    """z + hz - hb with z = f(x) + s xΔ, h = g - 1: a gain does not scale the bias, and is nothing at all when it is 1.

    In float16 and bfloat16 the gain is thus not rounded to their resolution.
    """

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any, kind: Any, s: float, x: Tensor, w: Tensor | None, bias: Tensor | None, h: Tensor | None, *p: Tensor
    ) -> Tensor:
        y = x.clone() if w is None else linear(x, w, bias)
        kept = kind.add(y, x, s, *p)
        z = None
        if h is not None:
            low = h.to(x.dtype)
            if w is None:
                y.addcmul_(y, low)  # what it multiplies is known from x and ``kept``
            else:
                z, y = y, torch.addcmul(y, y, low)
            if bias is not None:
                y.sub_(bias * low)
        ctx.kind, ctx.s, ctx.count = kind, s, len(p)
        ctx.save_for_backward(x, w, bias, h, z, *p, *kept)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, w, bias, h, z, *rest = ctx.saved_tensors
        p, kept = rest[: ctx.count], tuple(rest[ctx.count :])
        gy, gh, mine = gy.contiguous(), None, False
        if h is not None:
            scaled = gy * (x if z is None else z)
            gh = scaled.sum(0, dtype=h.dtype)
            if z is None:
                gh += ctx.kind.through(gy, kept, ctx.s, *p)
            elif bias is not None:
                gh -= bias * gy.sum(0, dtype=h.dtype)
            gy, mine = torch.addcmul(gy, gy, h.to(gy.dtype), out=scaled), True
        gx = None
        if ctx.needs_input_grad[2]:
            gx = gy @ w if w is not None else gy if mine else gy.clone()
        return None, None, gx, None, None, gh, *ctx.kind.pull(gx, gy, x, ctx.s, kept, *p)
