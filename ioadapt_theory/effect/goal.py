"""What an adapted target should do on one batch, from the outputs of the source with and without its adapter.

Outputs are processed in chunks, in float32 (float64 if they are) with sums in float64, so that neither the time nor the
memory of the largest vocabularies exceeds a forward pass by much. The labels are guessed once per batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.linalg import vecdot

from ioadapt_theory.effect.retained import RowSums, guessed

CHUNK, MOST_KEPT = 1 << 17, 1 << 27
"""Numbers of output entries in a chunk, and of guessed probabilities that are kept; more are guessed again."""


class Goal:
    """The aim for the target on one batch: to give the guessed labels, the source's change, or the source's outputs.

    It is made of the outputs (rows x ... x classes) of the plain source, the adapted source and the plain target, and
    computed on the target's device.

    Attributes:
        weight: weight of the target in the guessed labels, see ``retained.trust``.
        weights: this and, for the interval of a prediction (``spread``), 0 and twice as much.
        own: weight of the target's own probabilities in the labels of ``loss``, p_Sa (p_T/p_S)^own.
        known: log-likelihoods of the rows' own labels, of the plain and the adapted source and the plain target, if the
            rows have labels.
    """

    def __init__(
        self,
        s: Tensor,
        sa: Tensor,
        t: Tensor,
        need: str,
        weight: float = 0.0,
        *,
        spread: bool = True,
        own: float = 0.0,
        known: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> None:
        self.need, self.weight, self.own, self.known, self.shape = need, weight, own, known, t.shape
        self.in_images = need == "labels" and len(t.shape) > 3
        self.weights = (weight, 0.0, 2 * weight) if spread and weight else (weight,)
        self.s, self.sa, self.t = (self._flat(x.detach().to(t.device)) for x in (s, sa, t))
        self.kept: list[list[Tensor]] | None = None

    def _flat(self, x: Tensor) -> Tensor:
        """Return the outputs as positions x classes; in images, classes are in dimension 1, as in torch's losses."""
        x = x.movedim(1, -1) if self.in_images else x
        return x.reshape(-1, x.shape[-1])

    def _unflat(self, x: Tensor) -> Tensor:
        n, c, *rest = self.shape
        return x.reshape(n, *rest, c).movedim(-1, 1) if self.in_images else x.reshape(self.shape)

    def _chunks(self, *outputs: Tensor) -> Iterator[list[Tensor]]:
        size = max(1, CHUNK // outputs[0].shape[-1])
        wide = torch.promote_types(self.t.dtype, torch.float32)
        for parts in zip(*(torch.split(x, size) for x in outputs), strict=True):
            yield [x.to(wide) for x in parts]

    def _rows(self, x: Tensor) -> Tensor:
        """Return the sum over the positions of each row."""
        return x.double().reshape(self.shape[0], -1).sum(1)

    def _guesses(self) -> Iterator[list[Tensor]]:
        """Yield the guessed probabilities of each chunk, for each of the weights; they are kept unless too large."""
        chunks = self._chunks(self.s, self.sa, self.t)
        made = ([guessed(s, sa, t, weight) for weight in self.weights] for s, sa, t in chunks)
        if self.t.numel() * len(self.weights) > MOST_KEPT:
            return made
        if self.kept is None:
            self.kept = [*made]
        return iter(self.kept)

    def sums(self, adapted: Tensor, known: Tensor | None = None, *, learned: bool = False) -> RowSums:
        """Return the quantities of each row, for the outputs of the adapted target.

        ``known`` are its log-likelihoods of the rows' own labels, if the goal has those of the other models. If the
        target has ``learned`` labels from the source, so that it may know better, its own labels count, too.
        """
        ta, fixed = self._flat(adapted.detach().to(self.t.device)), self._fixed
        guesses, done = self._guesses() if self.need == "labels" else iter(()), 0
        found = []
        for s, sa, t, a in self._chunks(self.s, self.sa, self.t, ta):
            moved, d = a - t, sa - s
            sums = [vecdot(d, moved), vecdot(moved, moved)]
            if self.need != "labels":
                sums.append(vecdot(s - t, moved))
            else:
                rise = a.logsumexp(-1) - fixed.heights[done : done + len(a)]  # log p_Ta - log p_T = moved - rise
                sums += [vecdot(q, moved) - rise for q in next(guesses)]
                if learned:
                    p = a.softmax(-1)
                    sums += [vecdot(p, moved) - rise, vecdot(p, d) - (sa.logsumexp(-1) - s.logsumexp(-1))]
            done += len(a)
            found.append(torch.stack(sums).double())
        inner, target, *rest = (self._rows(x) for x in torch.cat(found, 1))
        none = torch.zeros_like(inner)
        rest, own = (rest[:-2], rest[-2:]) if learned and self.need == "labels" else (rest, [none, none])
        gained = torch.stack(rest if self.need == "labels" else [none], 1).expand(-1, 3)
        toward = rest[0] if self.need != "labels" else none
        told = torch.zeros_like(none[:, None].expand(-1, 2))
        if self.known is not None and known is not None:
            s, sa, t = (x.double() for x in self.known)
            told = torch.stack([known.double() - t, sa - s], 1)
        parts = (inner, fixed.source, target, toward, gained, fixed.wanted, fixed.agreeing, told, torch.stack(own, 1))
        return RowSums(*(x.cpu() for x in parts))

    @cached_property
    def _fixed(self) -> "_Fixed":
        found = []
        for s, sa, t in self._chunks(self.s, self.sa, self.t):
            d, counted = sa - s, (s != 0).any(-1)  # padding is all zeros
            agree = (s.argmax(-1) == t.argmax(-1)) & counted
            wanted = torch.zeros_like(t[:, 0])
            if self.need == "labels":
                wanted = vecdot(guessed(s, sa, t), d) - (sa.logsumexp(-1) - s.logsumexp(-1))
            found.append(torch.stack([x.double() for x in (vecdot(d, d), wanted, agree, counted, t.logsumexp(-1))]))
        *sums, heights = torch.cat(found, 1)
        source, wanted, agree, counted = (self._rows(x) for x in sums)
        return _Fixed(source, wanted, agree / counted.clamp_min(1), heights.to(wanted))

    def divergences(self) -> tuple[float, float]:
        """Return KL(s‖t) and KL(sa‖s), summed over rows and positions; see ``retained.trust``."""
        sums = [0.0, 0.0]
        for chunk in self._chunks(self.s, self.sa, self.t):
            s, sa, t = (x.log_softmax(-1) for x in chunk)
            for k, (a, b) in enumerate(((s, t), (sa, s))):
                sums[k] += float((a.exp() * (a - b)).sum(-1).sum(dtype=torch.float64).clamp_min(0))
        return sums[0], sums[1]

    def chances(self, _: Tensor | None = None) -> Tensor:
        """Return the mean class probabilities of the source with and without its adapter, in the outputs' shape."""
        parts = [(s.softmax(-1) + sa.softmax(-1)).div(2).to(self.t.dtype) for s, sa in self._chunks(self.s, self.sa)]
        return self._unflat(torch.cat(parts))

    def loss(self, adapted: Tensor) -> Tensor:
        """Return the loss of the adapted target's outputs, which may be differentiated: per row and position if labels.

        It is the cross-entropy with the adapted source's labels (see ``own``) for "labels",
        ‖(ta - t) - (sa - s)‖² / ‖sa - s‖² for "change", and ‖ta - sa‖² / ‖sa - s‖² for "outputs".
        """
        loss: Tensor = _Loss.apply(adapted, self)  # type: ignore[no-untyped-call]
        return loss

    def worse(self, loss: float) -> float:
        """Return how many times as large a loss is as without an adapter, both less the entropy of the labels."""
        plain, least = self._bounds
        return (loss - least) / max(plain - least, 1e-20)

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        """Return the losses of the plain target and, for labels, of the adapted source, which no target falls below."""
        plain, least = (float(self._loss(self._unflat(x))[0]) for x in (self.t, self.sa))
        return plain, least if self.need == "labels" else 0.0

    def _loss(self, adapted: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and its gradient."""
        ta, gradients = self._flat(adapted.to(self.t.device)), list[Tensor]()
        total, size = torch.zeros(2, dtype=torch.float64, device=self.t.device)
        for s, sa, t, a in self._chunks(self.s, self.sa, self.t, ta):
            if self.need == "labels":
                q, logs = (sa + self.own * (t - s) if self.own else sa).softmax(-1), a.log_softmax(-1)
                total, size = total - (q * logs).sum(-1).sum(dtype=torch.float64), size + len(a)
                g = logs.exp_().sub_(q)
            else:
                off = (a - t) - (sa - s) if self.need == "change" else a - sa
                total = total + off.square().sum(-1).sum(dtype=torch.float64)
                size = size + (sa - s).square().sum(-1).sum(dtype=torch.float64)
                g = 2 * off
            gradients.append(g)
        size = size.clamp_min(1e-20)
        flat = torch.cat([g.div_(size.to(g)).to(adapted.dtype) for g in gradients])
        return (total / size).to(adapted), self._unflat(flat).to(adapted.device)


@dataclass(frozen=True, slots=True)
class _Fixed:
    """Constants of all candidates: columns of ``RowSums``, and log Σ exp of the plain target's outputs by position."""

    source: Tensor
    wanted: Tensor
    agreeing: Tensor
    heights: Tensor


class _Loss(torch.autograd.Function):
    """The loss of a ``Goal``; the gradient is computed chunk by chunk in the forward pass."""

    @staticmethod
    def forward(ctx: Any, adapted: Tensor, goal: Goal) -> Tensor:
        loss, gradient = goal._loss(adapted.detach())
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * along[0], None
