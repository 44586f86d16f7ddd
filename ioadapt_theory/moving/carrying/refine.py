"""Refinement of LoRAs on the target by gradient steps without labels, from a candidate or from zero."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.effect.goal import Goal
from ioadapt_theory.moving.carrying.trial import Adapters, Trial, tried

RATE, SHARE, DECAY = 0.01, 0.1, (0.8, 0.95)
"""Largest learning rate, absolute and relative to the size of a layer's factors, and Adam's decay rates."""
LOOKS = 5
"""Largest number of evaluations on the selection rows, and smallest number of steps between two evaluations."""


def refined(trial: Trial, adapters: Adapters, steps: int, progress: Callable[[int], Any]) -> tuple[Adapters, float]:
    """Return LoRAs trained on the target to match guessed labels or the source's effects, and their score.

    They are evaluated on the selection rows before training and a few times during it, and the best ones are returned.
    ``progress`` is called with 1 after each step.
    """
    work = {layer: balanced(adapter.float()) for layer, adapter in deepcopy(dict(adapters)).items()}
    best, best_score = deepcopy(work), trial.scores({"": work})[""]
    groups = []
    for adapter in work.values():
        size = max(float(p.detach().square().mean().sqrt()) for _, phi in adapter.parts() for p in phi.parameters())
        groups.append({"params": [p.requires_grad_() for p in adapter.parameters()], "lr": min(RATE, SHARE * size)})
    optimiser = torch.optim.Adam(groups, betas=DECAY)
    fit, stride = trial.rows.fit, max(-(-steps // LOOKS), LOOKS)
    for start in range(0, steps, stride):
        with tried(trial.target, {"refined": work}) as active:
            for step in range(start, min(steps, start + stride)):
                number = step % len(fit)
                goal = Goal(*trial.outputs(fit[number], number), trial.need, trial.weight)
                with torch.inference_mode(False), torch.enable_grad(), active("refined"):
                    optimiser.zero_grad()
                    ta = trial.run(trial.target, fit[number][1], number)
                    goal.loss(ta).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                progress(1)
        if (now := trial.scores({"": work})[""]) > best_score:
            best, best_score = deepcopy(work), now
    dtypes = {layer: next(adapter.parameters()).dtype for layer, adapter in adapters.items()}
    return {layer: adapter.to(dtypes[layer]) for layer, adapter in best.items()}, best_score


def from_zero(adapters: Adapters, seed: int) -> dict[str, Adapter]:
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for layer, adapter in adapters.items():
        made[layer] = new = deepcopy(adapter)
        phi: Any
        for _, phi in new.parts():
            a = phi.A.data
            a.copy_((torch.rand(a.shape, generator=generator) * 2 - 1) / a.shape[0] ** 0.5)
            phi.B.data.zero_()
        if new.shift is not None:
            new.shift.data.zero_()
    return made


def balanced(adapter: Adapter) -> Adapter:
    """Replace the factors of a LoRA, in place, by U√S and √S Vᵀ, where AB = USVᵀ; return the LoRA."""
    phi: Any
    for _, phi in adapter.parts():
        if phi.B.any():  # if B is zero, there is nothing to balance
            (q, r), (q2, r2) = torch.linalg.qr(phi.A.data), torch.linalg.qr(phi.B.data.mT)
            u, s, v = torch.linalg.svd(r @ r2.mT)
            phi.A.data.copy_(q @ (u * s.sqrt()))
            phi.B.data.copy_((s.sqrt()[:, None] * v) @ q2.mT)
    return adapter
