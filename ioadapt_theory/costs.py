"""What training an adapter costs, counted without running it: a model on the meta device has shapes and no numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

STATES = {"sgd": 0, "adamw": 2, "prodigy": 4}
"""Numbers that an optimizer keeps for each one that it trains."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step costs.

    Attributes:
        operations: floating-point additions and multiplications, forward and backward.
        trained: numbers that are trained.
        weights: bytes of all parameters and buffers.
        kept: bytes that are kept from the forward for the backward pass, parameters not counted; not those that
            gradient checkpointing keeps.

    Example:
        >>> from ioadapt_theory.costs import Cost
        >>> step = Cost(operations=7_100_000_000_000, trained=800_000, weights=2 * 10**9, kept=3 * 10**9)
        >>> round(step.memory("adamw") / 2**30, 2), round(step.hours(500, 1e14), 3)
        (4.67, 0.01)
    """

    operations: int
    trained: int
    weights: int
    kept: int

    def memory(self, optimizer: str = "adamw") -> int:
        """Bytes: weights, what is kept, and for what is trained a gradient and the optimizer's numbers, in float32."""
        return self.weights + self.kept + 4 * self.trained * (1 + STATES[optimizer])

    def hours(self, steps: int, per_second: float) -> float:
        """Of ``steps`` steps where ``per_second`` operations are done in fact, not on the data sheet."""
        return self.operations * steps / per_second / 3600


class _Flash(TorchFunctionMode):
    """Attention as accelerators compute it, without keeping the matrix of n² weights that the meta device would."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {**dict(zip(("query", "key", "value"), args, strict=False)), **(kwargs or {})}
        if func is not scaled_dot_product_attention or given["query"].device.type != "meta":
            return func(*args, **(kwargs or {}))
        q, k, v = given["query"], given["key"], given["value"]
        if (times := q.shape[-3] // k.shape[-3]) > 1:  # keys that several heads share
            k, v = k.repeat_interleave(times, -3), v.repeat_interleave(times, -3)
        causal = given.get("is_causal", False)
        return torch.ops.aten._scaled_dot_product_flash_attention(q, k, v, 0.0, causal)[0]


def cost(model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> Cost:
    """Count one step of training: the forward pass, ``loss``, and the backward pass.

    >>> import torch
    >>> from ioadapt_theory import adapt
    >>> from ioadapt_theory.costs import cost
    >>> with torch.device("meta"):
    ...     model, x = torch.nn.Sequential(torch.nn.Linear(768, 320, bias=False)), torch.empty(64, 768)
    >>> cost(adapt(model, target_modules=["0"], placement="output", rank=4), lambda m: m(x).sum()).trained
    2560

    Args:
        model: with what is to be trained; on the meta device it needs neither memory nor time.
        loss: runs the model on inputs of one step's size, on the same device, and returns a scalar.
    """
    fixed = {t.untyped_storage()._cdata for t in (*model.parameters(), *model.buffers())}
    kept: dict[int, Tensor] = {}  # alive, so that no two storages have one address

    def keep(t: Tensor) -> Tensor:
        if (where := t.untyped_storage()._cdata) not in fixed:
            kept[where] = t
        return t

    with FlopCounterMode(display=False) as counter:
        with saved_tensors_hooks(keep, lambda t: t), _Flash():
            value = loss(model)
        stored = sum(t.untyped_storage().nbytes() for t in kept.values())
        if value.requires_grad:
            value.backward()  # type: ignore[no-untyped-call]
    everything = {id(t): t for t in (*model.parameters(), *model.buffers())}.values()
    return Cost(
        operations=counter.get_total_flops(),
        trained=sum(p.numel() for p in model.parameters() if p.requires_grad),
        weights=sum(t.numel() * t.element_size() for t in everything),
        kept=stored,
    )
