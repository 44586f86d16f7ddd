"""One autograd function around a frozen nn.Linear without hooks, for what ``steps`` computes.

Where ``plan_for`` says no, the families' plain forms do the same.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules import module as modules

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.fast.steps import Job, Step
from ioadapt_theory.adapters.matrices import Linear

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
GLOBAL_HOOKS = tuple(getattr(modules, f"_global{hooks}") for hooks in HOOKS)
TENSORS = frozenset({Tensor, nn.Parameter})
CASTABLE = frozenset({torch.float16, torch.bfloat16, torch.float32})
_enabled = True


@contextmanager
def unfused() -> Iterator[None]:
    """Plain autograd for the duration: slower, but it can be differentiated twice, forwards, and in batches."""
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


def is_eager(x: Any) -> bool:
    """Whether this is a plain call on a plain tensor: not traced, compiled, transformed or ``unfused``."""
    return (
        _enabled
        and not torch.compiler.is_compiling()  # first: torch 2.7 cannot compile the next line
        and type(x) in TENSORS
        and not torch._C._are_functorch_transforms_active()
        and torch._C._len_torch_dispatch_stack() == 0  # fake tensors, selective checkpoints
        and torch._C._get_tracing_state() is None
    )


def is_watched(module: nn.Module) -> bool:
    """Whether somebody listens to the module's calls or stands in for its ``forward``."""
    own = module.__dict__
    return "forward" in own or any(own[hooks] for hooks in HOOKS)


def plan_for(phi: Any, x: Tensor, base: Base) -> Plan | None:
    """How ``fused`` does what the plain form would; None where hooks, mixed dtypes, dropout or transforms forbid it.

    This runs in every call, beside products that take some tens of microseconds, hence the short ways to attributes.
    """
    if not is_eager(x) or base.axis != -1 or x.is_meta or _drops(phi.dropout) or is_watched(phi):
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


def fused(step: type[Step], plan: Plan, kind: Any, s: float, x: Tensor, g: Tensor | None, *factors: Tensor) -> Tensor:
    """What ``step`` says, with Δ the ``kind`` of ``factors`` and g the gains of the columns, None for ones."""
    dtype = plan.dtype
    rows = rows_of(x if x.dtype == dtype else x.to(dtype))
    if any(p.dtype != dtype for p in factors):
        factors = tuple(p.to(dtype) for p in factors)
    y: Tensor = Fused.apply(torch.is_grad_enabled(), step, kind, s, rows, plan.w, plan.bias, g, *factors)  # type: ignore[no-untyped-call, unused-ignore]
    return y if x.ndim == 2 else y.view(*x.shape[:-1], y.shape[-1])


def rows_of(x: Tensor) -> Tensor:
    """X as n x c; left as it is where possible, since autograd cannot add gradients in place behind a view."""
    return (x if x.ndim == 2 else x.reshape(-1, x.shape[-1])).contiguous()


class Fused(torch.autograd.Function):
    """A step as autograd sees it."""

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any, keep: bool, step: type[Step], kind: Any, s: float, x: Tensor, w: Any, bias: Any, g: Any, *p: Tensor
    ) -> Tensor:
        y, kept = step.forward(Job(kind, s, w, bias, g, p), x, keep)
        if keep:
            ctx.step, ctx.kind, ctx.s, ctx.count = step, kind, s, len(p)
            ctx.save_for_backward(w, g, *p, *kept)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        w, g, *rest = ctx.saved_tensors
        job = Job(ctx.kind, ctx.s, w, None, g, rest[: ctx.count])
        with without_autocast(gy):
            gx, gradients = ctx.step.backward(job, gy.contiguous(), rest[ctx.count :], ctx.needs_input_grad[4])
        return None, None, None, None, gx, None, None, *gradients


def _drops(dropout: nn.Module) -> bool:
    """Whether something other than nothing is done to the adapter's input."""
    return type(dropout) is not nn.Identity and (type(dropout) is not nn.Dropout or dropout.training)


def without_autocast(x: Tensor) -> AbstractContextManager[Any]:
    """For a way back that is begun under autocast: dtypes are those of the way there."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()


def _weight_and_bias(module: nn.Module) -> tuple[Tensor, Tensor | None] | None:
    """Those of a frozen nn.Linear that is not watched."""
    if type(module) is not nn.Linear or is_watched(module) or any(GLOBAL_HOOKS):
        return None
    own = module.__dict__
    w, bias = own["_parameters"].get("weight"), own["_parameters"].get("bias")
    if type(w) is not nn.Parameter or w.requires_grad or (bias is not None and bias.requires_grad):
        return None
    return w, bias
