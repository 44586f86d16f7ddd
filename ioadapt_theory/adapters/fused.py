"""Autograd functions around a frozen nn.Linear without hooks: Eqs. 4a-4c in as few passes over memory as they take.

Each keeps x (or what f makes of it) for the backward pass and O(n r) numbers more; with a gain on what f gives also
what it multiplies. Temporaries live in ``scratch``. Where ``fits`` says no, the families' plain forms do the same.
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
from ioadapt_theory.adapters.kernels import gained, scratch
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


def fused(
    function: Any,
    plan: Plan,
    kind: Any,
    s: float,
    x: Tensor,
    g: Tensor | None,
    *factors: Tensor,
) -> Tensor:
    """What ``function`` says, with Δ the ``kind`` of ``factors`` and g the gains of the columns, None for ones."""
    if x.dtype != plan.dtype or factors[0].dtype != plan.dtype:
        x, factors = x.to(plan.dtype), tuple(p.to(plan.dtype) for p in factors)
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    y: Tensor = function.apply(torch.is_grad_enabled(), kind, s, rows, plan.w, plan.bias, g, *factors)
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


class OnWeight(torch.autograd.Function):
    """Eq. 4a: Y = Z diag(g) + b with Z = XW + s XΔ."""

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any,
        keep: bool,
        kind: Any,
        s: float,
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        g: Tensor | None,
        *p: Tensor,
    ) -> Tensor:
        z = linear(x, w, bias if g is None else None)
        kept = kind.add(z, x, s, *p)
        y = z if g is None else gained(z, g, None if keep else z)
        if g is not None and bias is not None:
            y.add_(bias)
        if keep:
            ctx.kind, ctx.s, ctx.count = kind, s, len(p)
            ctx.save_for_backward(x, w, g, z if g is not None else None, *p, *kept)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, w, g, z, *rest = ctx.saved_tensors
        p, kept = rest[: ctx.count], rest[ctx.count :]
        gy, gg = gy.contiguous(), None
        if g is not None:
            room = scratch(gy)
            gg = torch.mul(gy, z, out=room).sum(0, dtype=g.dtype)
            gy = gained(gy, g, room)
        gx = gy @ w if ctx.needs_input_grad[3] else None
        return None, None, None, gx, None, None, gg, *ctx.kind.pull(gx, gy, x, ctx.s, kept, *p)


class OnInput(torch.autograd.Function):
    """Eq. 4b: Y = ((X + s XΔ) diag(g)) W + b."""

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any,
        keep: bool,
        kind: Any,
        s: float,
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        g: Tensor | None,
        *p: Tensor,
    ) -> Tensor:
        adapted, kept = _side(kind, s, x, g, p, scratch(x))
        if keep:
            ctx.kind, ctx.s, ctx.count = kind, s, len(p)
            ctx.save_for_backward(x, w, g, *p, *kept)
        return linear(adapted, w, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        x, w, g, *rest = ctx.saved_tensors
        gx = gy @ w
        gradients = _side_back(ctx.kind, ctx.s, gx, x, g, rest[: ctx.count], rest[ctx.count :], gx)
        return None, None, None, gx, None, None, *gradients


class OnOutput(torch.autograd.Function):
    """Eq. 4c: Y = (Z + s ZΔ) diag(g) with Z = XW + b; without W, Z is X: an identity."""

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any,
        keep: bool,
        kind: Any,
        s: float,
        x: Tensor,
        w: Tensor | None,
        bias: Tensor | None,
        g: Tensor | None,
        *p: Tensor,
    ) -> Tensor:
        z = x if w is None else linear(x, w, bias)
        y, kept = _side(kind, s, z, g, p, torch.empty_like(z))
        if keep:
            ctx.kind, ctx.s, ctx.count = kind, s, len(p)
            ctx.save_for_backward(z, w, g, *p, *kept)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        z, w, g, *rest = ctx.saved_tensors
        gz = torch.empty_like(z) if w is None else scratch(z)
        gradients = _side_back(ctx.kind, ctx.s, gy.contiguous(), z, g, rest[: ctx.count], rest[ctx.count :], gz)
        gx = None
        if ctx.needs_input_grad[3]:
            gx = gz if w is None else gz @ w
        return None, None, None, gx, None, None, *gradients


def function_at(placement: str, plan: Plan) -> Any:
    """The one of Eqs. 4a-4c; on an identity they are the same."""
    if plan.w is None:
        return OnOutput
    return {"weight": OnWeight, "input": OnInput, "output": OnOutput}[placement]


def _side(kind: Any, s: float, x: Tensor, g: Tensor | None, p: Any, out: Tensor) -> tuple[Tensor, Any]:
    """(X + s XΔ) diag(g), and what the way back needs of it."""
    out.copy_(x)
    kept = kind.add(out, x, s, *p)
    return out if g is None else gained(out, g, out), kept


def _side_back(
    kind: Any, s: float, gy: Tensor, x: Tensor, g: Tensor | None, p: Any, kept: Any, out: Tensor
) -> tuple[Tensor | None, ...]:
    """The gradients of g and the factors; that of X goes to ``out``, which may be GY itself."""
    if g is None:
        if out is not gy:
            out.copy_(gy)
        return None, *kind.pull(out, out, x, s, kept, *p)
    gg, gb = kind.gain(gy, x, s, kept, p[1], g, scratch(x) if out is gy else out)
    gained(gy, g, out)
    return gg, *kind.pull(out, out, x, s, kept, *p, gb)
