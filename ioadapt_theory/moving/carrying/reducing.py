"""Low-rank matrices that replace the change D of a layer, so that its effect changes least.

The effect is ‖C^½ D K^½‖², with the Gram matrices C of the rows that D multiplies and K of the gradients of what it
writes. It is of first order and neglects the other layers' changes, so both matrices, scaled to a mean eigenvalue of 1,
are shrunk by s towards the identity: (1 - s)C + sI. With s = 1, this is the plain SVD of D.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import torch
from torch import nn

from ioadapt_theory.adapters.model import disable, layers
from ioadapt_theory.effect.passes import record
from ioadapt_theory.effect.reads_writes import Rows
from ioadapt_theory.maps.solve import eigen
from ioadapt_theory.moving.carrying.fitting import base_layers
from ioadapt_theory.moving.carrying.parts import BIAS, Part
from ioadapt_theory.moving.carrying.trial import Trial, only

FAINT, PLAIN = 1e-8, 1.0
"""Shrinkage that only keeps C and K invertible, and that of a plain SVD."""


class Reduction:
    """A change D = QT of a layer (or its transpose), with the columns of Q orthonormal, and the rows seen so far.

    Only rQ and gTᵀ are needed of the rows r that D multiplies and of the gradients g of what it writes, so that no
    matrix is larger than the smaller side of D, or than its rank if that is known to be low.
    """

    def __init__(self, part: Part) -> None:
        a, b = part.factors
        self.part, self.q, self.flipped = part, None, not part.low and len(a) > a.shape[1]
        self.t = a.mT if self.flipped else a
        if part.low:
            self.q, rest = torch.linalg.qr(a)
            self.t = rest @ b
        self.read = self.written = self.t.new_zeros(len(self.t), len(self.t))
        self.sizes, self.called = [0.0, 0.0], False

    def add(self, rows: Rows) -> None:
        r, g = (x.flatten(0, -2).float() for x in rows.both(self.part.placement))
        r, g = (g, r) if self.flipped else (r, g)
        self.sizes = [size + float(x.square().sum()) / x.shape[1] for size, x in zip(self.sizes, (r, g), strict=True)]
        x, y = r if self.q is None else r @ self.q, g @ self.t.mT
        self.called = True
        self.read, self.written = self.read + x.mT @ x, self.written + y.mT @ y

    def lower(self, shrinkage: float, *, rank: int | None = None, share: float | None = None) -> tuple[Part, float]:
        """Return the change at a lower rank, and the share of its squared effect that it keeps.

        ``share`` is the least share to keep, and ``rank`` the largest rank, which takes precedence.
        """
        t, identity = self.t.double(), torch.eye(len(self.t)).to(self.t.device, torch.float64)
        read, written = self.read.double(), self.written.double()
        if not all(self.sizes):  # nothing is read, or nothing that it writes has an effect
            shrinkage, read, written = PLAIN, identity, t @ t.mT
        else:
            read, written = read / self.sizes[0], written / self.sizes[1]
        values, u = eigen((1 - shrinkage) * read + shrinkage * identity)
        root = values.clamp_min(FAINT * shrinkage).sqrt()
        into = root[:, None] * u.mT
        energy, x = eigen(into @ ((1 - shrinkage) * written + shrinkage * t @ t.mT) @ into.mT)
        energy, x = energy.flip(0), x.flip(1)
        reached = energy.cumsum(0) / energy.sum().clamp_min(1e-300)
        least = len(energy) if share is None else int((reached < share).sum()) + 1
        r = max(1, min(least, len(energy) if rank is None else rank, len(energy)))
        left, right = u @ (x[:, :r] / root[:, None]), x[:, :r].mT @ into
        rest = identity - left @ right
        lost, whole = (float((read * (z @ written @ z.mT)).sum()) for z in (rest, identity))
        balance = energy[:r].clamp_min(1e-300) ** 0.25
        a, b = left * balance, (right / balance[:, None]) @ t
        a, b = (b.mT, a.mT) if self.flipped else (a if self.q is None else self.q.double() @ a, b)
        return replace(self.part, factors=(a.float(), b.float()), low=True), 1 - lost / whole if whole else 1.0


def reductions(parts: list[Part], trial: Trial, *models: nn.Module) -> Iterator[Reduction]:
    """Yield the reductions of parts, with the rows of all ``models``."""
    groups, used = [list[Part]()], 0.0
    for part in parts:
        size = 8.0 * min(*part.factors[0].shape) ** 2
        if groups[-1] and used + size > trial.options.memory * 1e9:
            groups.append([])
            used = 0.0
        groups[-1].append(part)
        used += size
    for group in groups:
        made = [Reduction(part) for part in group]
        for rows in observed(trial, {part.layer for part in group}, *models):
            for one in made:
                if one.part.layer in rows:
                    one.add(rows[one.part.layer])
        yield from made


def observed(trial: Trial, names: Collection[str], *models: nn.Module) -> Iterator[dict[str, Rows]]:
    """Yield what is recorded of layers on each batch to fit; of a model that is resized, also with its adapter."""
    # a strong adapter changes what the layers read and write, and its effect depends on both
    for number, pair in enumerate(trial.rows.fit if names else ()):
        trial.progress("recording", number, len(trial.rows.fit))
        options = trial.recording(pair, number)
        for model in models:
            plain = base_layers(model, names)
            with disable(model):
                yield record(model, plain, pair[0], **options).rows
            if model is trial.target and trial.tuned is None:
                adapted = layers(model, trial.name)
                with only(adapted, trial.name):
                    rows = record(model, {n: adapted[n] for n in names}, pair[0], **options).rows
                for name, found in rows.items():
                    found.module = plain[name]
                yield rows


def reduced(parts: list[Part], trial: Trial, *models: nn.Module) -> tuple[dict[str, Part], dict[str, float]]:
    """Return parts as low-rank factors, and the share of its squared effect that each truncated part keeps, by key.

    Parts of full rank, or of a higher rank than the option ``rank``, are truncated so that their effect on ``models``
    changes least; those of layers that are never called are left out.
    """
    rank, share = trial.options.rank, None if trial.options.rank else trial.options.share
    todo = [p for p in parts if not p.low or (rank and p.placement != BIAS and p.rank > rank)]
    made = {part.key: part for part in parts if part not in todo}
    kept = {}
    for one in (one for one in reductions(todo, trial, *models) if one.called):
        made[one.part.key], kept[one.part.key] = one.lower(FAINT, rank=rank, share=share)
    return made, kept
