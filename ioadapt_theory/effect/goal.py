"""What an adapted target should do on one batch, from the outputs of the source with and without its adapter.

Outputs are processed in chunks, in float32 (float64 if they are) with sums in float64, so that neither the time nor the
memory of the largest vocabularies exceeds a forward pass by much. The labels are guessed once per batch.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.effect.retained import RowSums, guessed

CHUNK, MOST_KEPT = 1 << 21, 1 << 27
"""Numbers of output entries in a chunk, and of guessed probabilities that are kept; more are guessed again."""


class Goal:
    """What the target should do on one batch: give the guessed labels, the source's change, or the source's outputs.

    Attributes:
        need: what both models need, "labels", "change" or "outputs".
        weight: weight of the target in the guessed labels, see ``retained.trust``.
    """

    def __init__(
        self, s: Tensor, sa: Tensor, t: Tensor, need: str, weight: float = 0.0, *, spread: bool = True
    ) -> None:
        """Set the goal.

        Args:
            s: outputs of the plain source, rows x ... x classes.
            sa: outputs of the adapted source.
            t: outputs of the plain target, on whose device the goal is computed.
            need: what both models need.
            weight: weight of the target in the guessed labels.
            spread: whether ``sums`` also covers the weights 0 and twice ``weight``, for the interval of a prediction.
        """
        self.need, self.weight, self.shape = need, weight, t.shape
        self.in_images = need == "labels" and len(t.shape) > 3
        self.weights = (weight, 0.0, 2 * weight) if spread and weight else (weight,)
        self.s, self.sa, self.t = (self._flat(x.detach().to(t.device)) for x in (s, sa, t))
        self.kept: list[list[Tensor]] | None = None
        self.fixed: tuple[Tensor, Tensor] | None = None

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
        """Yield the guessed probabilities of a chunk, for each of the weights."""
        if self.kept is not None:
            yield from self.kept
            return
        keep = self.t.numel() * len(self.weights) <= MOST_KEPT
        made = []
        for chunk in self._chunks(self.s, self.sa, self.t):
            s, sa, t = (x.log_softmax(-1) for x in chunk)
            one = [guessed(s, sa, t, weight) for weight in self.weights]
            if keep:
                made.append(one)
            yield one
        self.kept = made if keep else None

    def sums(self, adapted: Tensor) -> RowSums:
        """Return the quantities of each row, for the outputs of the adapted target."""
        ta, labels = self._flat(adapted.detach().to(self.t.device)), self.need == "labels"
        guesses = self._guesses() if labels else iter(())
        found = []
        for s, sa, t, a in self._chunks(self.s, self.sa, self.t, ta):
            d, moved = sa - s, a - t
            sums = [(d * moved).sum(-1), d.square().sum(-1), moved.square().sum(-1), (moved * (s - t)).sum(-1)]
            if labels:
                rise = a.logsumexp(-1).double() - t.logsumexp(-1)  # log p_Ta - log p_T = moved - rise
                sums += [(q * moved).sum(-1) - rise for q in next(guesses)]
            found.append(torch.stack([x.double() for x in sums]))
        every = [self._rows(x) for x in torch.cat(found, 1)]
        gained = torch.stack(every[4:] or [torch.zeros_like(every[0])], 1).expand(-1, 3)
        wanted, agreeing = self._fixed()
        return RowSums(*(x.cpu() for x in (*every[:4], gained, wanted, agreeing)))

    def _fixed(self) -> tuple[Tensor, Tensor]:
        """Return what no candidate changes: the source's gain and the share of agreeing positions, for each row."""
        if self.fixed is None:
            rows: list[list[Tensor]] = [[], [], []]
            for s, sa, t in self._chunks(self.s, self.sa, self.t):
                counted = (s != 0).any(-1)  # padding is all zeros
                rows[0].append((s.argmax(-1) == t.argmax(-1)) & counted)
                rows[1].append(counted)
                if self.need == "labels":
                    s, sa, t = (x.log_softmax(-1) for x in (s, sa, t))
                    rows[2].append((guessed(s, sa, t) * (sa - s)).sum(-1))
            agree, counted = (self._rows(torch.cat(x)) for x in rows[:2])
            wanted = self._rows(torch.cat(rows[2])) if rows[2] else torch.zeros_like(agree)
            self.fixed = wanted, agree / counted.clamp_min(1)
        return self.fixed

    def divergences(self) -> tuple[float, float]:
        """Return KL(s‖t) and KL(sa‖s), summed over rows and positions; see ``retained.trust``."""
        sums = [0.0, 0.0]
        for chunk in self._chunks(self.s, self.sa, self.t):
            s, sa, t = (x.log_softmax(-1) for x in chunk)
            for k, (a, b) in enumerate(((s, t), (sa, s))):
                sums[k] += float((a.exp() * (a - b)).sum(-1).sum(dtype=torch.float64).clamp_min(0))
        return sums[0], sums[1]

    def chances(self) -> Tensor:
        """Return the mean class probabilities of the source with and without its adapter, in the outputs' shape."""
        parts = [(s.softmax(-1) + sa.softmax(-1)).div(2).to(self.t.dtype) for s, sa in self._chunks(self.s, self.sa)]
        return self._unflat(torch.cat(parts))

    def loss(self, adapted: Tensor) -> Tensor:
        """Return the loss of the adapted target's outputs, which may be differentiated: per row and position if labels.

        It is the cross-entropy with the guessed labels, ‖(ta - t) - (sa - s)‖² / ‖sa - s‖² for "change", and
        ‖ta - sa‖² / ‖sa - s‖² for "outputs".
        """
        loss: Tensor = _Loss.apply(adapted, self)  # type: ignore[no-untyped-call]
        return loss

    def _loss(self, adapted: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and its gradient."""
        ta, gradients = self._flat(adapted.to(self.t.device)), list[Tensor]()
        total, size = torch.zeros(2, dtype=torch.float64, device=self.t.device)
        for s, sa, t, a in self._chunks(self.s, self.sa, self.t, ta):
            if self.need == "labels":
                s, sa, t, logs = (x.log_softmax(-1) for x in (s, sa, t, a))
                q = guessed(s, sa, t, self.weight, (1.0,))
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
