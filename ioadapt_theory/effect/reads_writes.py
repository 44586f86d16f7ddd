"""The inputs and output gradients of one layer as rows, samples x positions x features, for each side.

A layer y = zW + b acts on the network's output through the Jacobian J of the later layers. A change of its weight
(W + M), input (z + zM), output (y + yM) or bias (b + m) multiplies the reader, and adds the update in the table to the
network's output, to first order. For the weight of a grouped convolution, each group is a separate position.

| side | update | reader r | writer |
|---|---|---|---|
| weight | zMJ | z; for a convolution, its patches | g, the gradient of y |
| input | zMWJ | z | gWᵀ, the gradient of z through this layer |
| output | yMJ | y, bias included | g |
| bias | mJ | 1 | g |
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ioadapt_theory.effect.undisturbed import undisturbed
from ioadapt_theory.errors import InvalidValueError, UnsupportedError

MOST_GROUPS = 32
"""Largest number of groups of a convolution; the limit saves memory, since each group is a separate position."""
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
Call = tuple[Tensor, Tensor, list[Tensor]]


@dataclass(slots=True)
class Rows:
    """The calls of one layer on one batch: the input z, the output y, and a gradient of y for each backward pass.

    ``draws`` is the number of backward passes. If the number of rows of each call is a multiple of ``samples``, the
    number of samples in the model's output, the rows are grouped by sample.
    """

    module: nn.Module
    calls: list[Call]
    draws: int
    samples: int

    def reader(self, side: str) -> Tensor:
        """Return what a change on this side of the layer multiplies, samples x positions (of all calls) x features."""
        return self._joined([self._read(side, z, y)[None] for z, y, _ in self.calls])[0]

    def writer(self, side: str) -> Tensor:
        """Return the gradients of z (side "input") or y (other sides), draws x samples x positions x features."""
        return self._joined([self._written(side, *call) for call in self.calls])

    def both(self, side: str) -> tuple[Tensor, Tensor]:
        return self.reader(side), self.writer(side)

    def _joined(self, calls: list[Tensor]) -> Tensor:
        """Concatenate the calls along their positions; the result is draws x samples x positions x features."""
        count = self.samples if all(x.shape[1] * x.shape[2] % self.samples == 0 for x in calls) else 0
        if not count and len({x.shape[1] for x in calls}) > 1:
            count = 1
        shaped = [x.reshape(len(x), count, -1, x.shape[-1]) if count else x for x in calls]
        return torch.cat(shaped, 2) if len(shaped) > 1 else shaped[0]

    def _read(self, side: str, z: Tensor, y: Tensor) -> Tensor:
        if side in {"output", "bias"}:
            flat = _flat(y, self.axis)
            return flat if side == "output" else torch.ones_like(flat[..., :1])
        return patches(self.module, z) if side == "weight" and self.axis == 1 else _flat(z, self.axis)

    def _written(self, side: str, z: Tensor, y: Tensor, gradients: list[Tensor]) -> Tensor:
        filled = gradients or [torch.zeros_like(y)] * self.draws
        if self.axis < 0 and side != "bias":  # where nothing is read, a change has no effect, however large a gradient
            idle = ~(y if side == "output" else z).any(-1, keepdim=True)
            filled = [g.masked_fill(idle, 0.0) for g in filled] if bool(idle.any()) else filled
        if not all(bool(g.isfinite().all()) for g in filled):
            msg = "The gradients of a layer contain NaN or infinity on these inputs; check the model and the inputs."
            raise InvalidValueError(msg)
        if side == "input":
            filled = self._through(z, filled)
        g = torch.stack([_flat(g, self.axis) for g in filled])
        groups = getattr(self.module, "groups", 1) if side == "weight" else 1
        if groups == 1:
            return g
        own = torch.eye(groups, device=g.device, dtype=g.dtype).repeat_interleave(g.shape[-1] // groups, 1)
        return (g[..., None, :] * own).flatten(-3, -2)

    def _through(self, z: Tensor, gradients: list[Tensor]) -> list[Tensor]:
        """Return the gradients of z from those of y, through this layer only, since other layers may share z."""
        precise = z.dtype == torch.float32  # the model may be in half precision again
        with torch.inference_mode(False), torch.enable_grad(), undisturbed(self.module, precise=precise):
            z = z.clone().requires_grad_()
            y = self.module(z)
            return [torch.autograd.grad(y, z, g.to(y), retain_graph=True)[0] for g in gradients]

    @property
    def axis(self) -> int:
        """The feature axis: 1 for a convolution, else -1."""
        return 1 if hasattr(self.module, "kernel_size") else -1


def _flat(x: Tensor, axis: int) -> Tensor:
    """Reshape to samples x positions x features; a matrix has one position per sample."""
    x = x.movedim(axis, -1)
    return x[:, None] if x.ndim == 2 else x.flatten(1, -2)


def patches(module: nn.Module, x: Tensor) -> Tensor:
    """Return a convolution's input patches, samples x (positions · groups) x (channels per group · taps)."""
    if not isinstance(module, CONVOLUTIONS) or module.groups > MOST_GROUPS:
        many = f"with more than {MOST_GROUPS} groups"
        what = many if isinstance(module, CONVOLUTIONS) else "of an unknown type"
        msg = f"An adapter on a convolution {what} can only be copied, not fitted to inputs."
        raise UnsupportedError(msg)
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    x = pad(x, module._reversed_padding_repeated_twice, mode)
    for dim, (k, s, d) in enumerate(zip(module.kernel_size, module.stride, module.dilation, strict=True), start=2):
        x = x.unfold(dim, (k - 1) * d + 1, s)[..., ::d]
    places = x.ndim // 2 - 1
    x = x.movedim(1, 1 + places).flatten(1, places)
    return x.reshape(len(x), x.shape[1] * module.groups, -1)
