"""What adapters add to a frozen nn.Linear as one autograd function: less is kept, in fewer passes over memory.

It gives what the families' plain forms give, to any order of derivatives; where ``plan_for`` says no, those are used.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.functional import linear

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.fast.products import gained, packed, ungained
from ioadapt_theory.adapters.matrices import Linear

TENSORS = frozenset({Tensor, nn.Parameter})
CASTABLE = frozenset({torch.float16, torch.bfloat16, torch.float32})
DROPOUTS = frozenset({nn.Identity, nn.Dropout})
_lock = threading.Lock()
_unfused = 0  # blocks that are open, in whatever threads


@contextmanager
def unfused() -> Iterator[None]:
    """The plain forms for the duration, in all threads: the same results, slower; to compare with, or to debug.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from ioadapt_theory import adapt, unfused
        >>> model, x = adapt(nn.Sequential(nn.Linear(16, 8)), target_modules=["0"], init="random"), torch.randn(2, 16)
        >>> with unfused():
        ...     plain = model(x)
        >>> torch.allclose(model(x), plain, atol=1e-5)
        True
    """
    global _unfused
    with _lock:
        _unfused += 1
    try:
        yield
    finally:
        with _lock:
            _unfused -= 1


def is_eager(x: Any) -> bool:
    """Whether this is a plain call on a plain tensor: not traced, compiled, transformed or ``unfused``.

    Torch has no public way to ask for transforms of functions, forward-mode derivatives and modes that look at every
    operation (fake tensors, selective checkpoints); none of them can follow what is written in place.
    """
    return (
        not _unfused
        and not torch.compiler.is_compiling()  # first: torch 2.7 cannot compile the next lines
        and type(x) in TENSORS
        and torch._C._get_tracing_state() is None
        and not torch._C._are_functorch_transforms_active()
        and torch._C._len_torch_dispatch_stack() == 0
        and forward_ad._current_level < 0
    )


class Plan(NamedTuple):
    """What is computed with: the dtype, and the layer's stored weight and bias, None for an identity."""

    dtype: torch.dtype
    w: Tensor | None
    bias: Tensor | None

    def rows(self, x: Tensor) -> Tensor:
        """X as n x c; left as it is where possible, since autograd cannot add gradients in place behind a view."""
        x = x.to(self.dtype)
        return (x if x.ndim == 2 else x.reshape(-1, x.shape[-1])).contiguous()


def plan_for(phi: Any, x: Tensor, base: Base) -> Plan | None:
    """How to do in an eager call what the plain form of phi would; None where hooks or mixed dtypes forbid it."""
    if base.axis != -1 or type(phi.dropout) not in DROPOUTS:
        return None
    w = bias = None
    if type(base) is not Identity:
        if type(base) is not Linear or not base.is_open:
            return None
        w, bias = base.module.weight, base.module.bias
        if type(w) is not nn.Parameter or w.requires_grad or (bias is not None and bias.requires_grad):
            return None
    if not x.is_meta and torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
        if x.dtype not in CASTABLE or (w is None and x.dtype != dtype):
            return None
        return Plan(dtype, w if w is None else w.to(dtype), bias if bias is None else bias.to(dtype))
    if any(t is not None and t.dtype != x.dtype for t in (w, *phi._parameters.values())):
        return None
    return Plan(x.dtype, w, bias)


def fused(plan: Plan, phi: Any, kind: Any, x: Tensor, factors: Sequence[Tensor], *gain: Tensor | None) -> Tensor:
    """F(X) diag(g) + s dropout(X) Δ with the ``kind`` of Δ, and g a ``gain``; without g the bias is as it is.

    Or m, and what is known already: the norms ‖V_j‖ above m_j / ‖V_j‖, as constants.
    """
    g, norms = (*gain, None, None)[:2]
    rows, dropped = plan.rows(x), phi.dropout(x)
    d = rows if dropped is x else plan.rows(dropped)
    p = [m.to(plan.dtype) for m in factors]
    apply: Any = Fused.apply
    if not torch.is_grad_enabled():  # a token takes less time than a call through autograd
        apply = partial(Fused.forward, SimpleNamespace(save_for_backward=lambda *_: None))
    return like_rows(apply(kind, phi.scaling, rows, d, plan.w, plan.bias, g, norms, *p), x)


def like_rows(y: Tensor, x: Tensor) -> Tensor:
    """Y in the shape that X came in."""
    return y if x.ndim == 2 else y.view(*x.shape[:-1], y.shape[-1])


class Fused(torch.autograd.Function):
    """Y = V diag(g) + b with V = Z + s DΔ and Z = XW, or X without W; D is X, or what dropout leaves of it."""

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any, kind: Any, s: float, x: Tensor, d: Tensor, w: Any, bias: Any, g: Any, norms: Any, *p: Tensor
    ) -> Tensor:
        z = x if w is None else linear(x, w, bias if g is None else None)
        v, kept = kind.add(z, d, s, *p, into=None if w is None else z)
        ctx.kind, ctx.s, ctx.count, ctx.one, ctx.owns_gradient = kind, s, len(p), d is x, False
        has_v = g is not None and w is not None
        ctx.save_for_backward(d, w, g, norms, None if g is None else x, v if has_v else None, *p, *kept)
        if g is None:
            return v
        y = gained(v, g if norms is None else norms[1], v if w is None or isinstance(ctx, SimpleNamespace) else None)
        return y if bias is None else y.add_(bias)

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:  # noqa: D102
        d, w, g, norms, x, v, *rest = ctx.saved_tensors
        p, kept, kind, s = rest[: ctx.count], rest[ctx.count :], ctx.kind, ctx.s
        with_x, with_d, gx, gd, gg = ctx.needs_input_grad[2], not ctx.one and ctx.needs_input_grad[3], None, None, None
        with without_autocast(gy):
            gy = gy.contiguous()
            gb = gy.sum(0) if ctx.needs_input_grad[5] else None
            if torch.is_grad_enabled():  # what was kept has no graph, the inputs have
                gz = gy
                if g is not None:
                    g = g if norms is None else g / norms[0]
                    v, _ = kind.add(x if w is None else linear(x, w), d, s, *p)
                    gg, gz = (gy * v).sum(0, dtype=g.dtype), gained(gy, g)
                t, m, gp = kind.pull(gz, d, s, (), *p)
                gx = gz.clone() if w is None else gz @ w
            elif g is None:
                t, m, gp = kind.pull(gy, d, s, kept, *p)
                if with_x:
                    gx = gy @ w if w is not None else gy if ctx.owns_gradient else gy.clone()
            else:
                a, b = p
                g = g if norms is None else norms[1]
                t, m, (ga, h) = kind.pull(gy, d, s, kept, a, b * g.to(b.dtype))
                if with_x:
                    gx = gy if ctx.owns_gradient else torch.empty_like(x)
                gg = ungained(gy, x if w is None else v, g, w, gx, (h, b) if w is None else None)
                gp = ga, h.mul_(g)
            if norms is not None:
                gg = gg / norms[0]
            if with_x and ctx.one:
                gx.view(-1, len(m)).addmm_(t, packed(m.mT), alpha=s)  # type: ignore[union-attr]
            elif with_d:
                gd = ((t if s == 1 else t * s) @ m.mT).view(d.shape)
        return None, None, gx, gd, None, gb, gg, None, *gp


def give_gradient(y: Tensor) -> None:
    """Let the function that made Y work in the memory of Y's gradient, which nobody else may see."""
    node: Any = y.grad_fn
    if node is not None and y.ndim != 2:  # behind a view
        node = node.next_functions[0][0]
    if hasattr(node, "owns_gradient"):
        node.owns_gradient = True


def without_autocast(x: Tensor) -> AbstractContextManager[Any]:
    """For a way back that is begun under autocast: dtypes are those of the way there."""
    off = x.is_meta or not torch.is_autocast_enabled(x.device.type)
    return nullcontext() if off else torch.autocast(x.device.type, enabled=False)
