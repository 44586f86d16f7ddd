"""Refinement without labels: gradient steps on the same inputs, from the closed form and from zero."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.carrying.parts import balanced
from ioadapt_theory.adapters.carrying.trial import Adapters, Trial, only, tried
from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.passes import run

RATE = 0.01
"""Adam's step, for parameters whose factors are balanced."""
LOOKS = 5
"""How often the rows to choose by are looked at."""
MOST_KEPT = 1 << 26
"""Numbers of the source's outputs that are kept between steps; beyond they are computed again."""


def refined(
    trial: Trial,
    adapters: Adapters,
    fit: list[Pair],
    score: Callable[[Adapters], float],
    *,
    need: str,
    steps: int,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Adapters, float]:
    """Train LoRAs on the target towards the source's adapted outputs, or its effects; return the best on other rows.

    Args:
        trial: the two models.
        adapters: where to begin.
        fit: batches to train on.
        score: what adapters keep on the rows to choose by.
        need: "labels": KL to the adapted source; "change": the effects matched.
        steps: of Adam.
        progress: called after each step.
    """
    work = {layer: balanced_lora(adapter) for layer, adapter in adapters.items()}
    best, best_score = deepcopy(work), score(work)
    optimiser = torch.optim.Adam([p.requires_grad_() for adapter in work.values() for p in adapter.parameters()], RATE)
    kept: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
    stride = -(-steps // LOOKS)
    for start in range(0, steps, stride):
        with tried(trial.target, {"refined": work}) as names:
            for step in range(start, min(steps, start + stride)):
                number = step % len(fit)
                one, two = fit[number]
                wanted = kept.get(number) or (*trial.wanted(one, number), trial.plain(two, number))
                if sum(x.numel() for x in wanted) * len(fit) < MOST_KEPT:
                    kept[number] = wanted
                with torch.inference_mode(False), torch.enable_grad(), only(trial.target, names["refined"]):
                    output = run(trial.target, two, trial.call, trial.seed + number)
                    optimiser.zero_grad()
                    distance(*wanted, output, need).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                progress(step)
        if (now := score(work)) > best_score:
            best, best_score = deepcopy(work), now
    return best, best_score


def from_zero(adapters: Adapters, seed: int) -> dict[str, Adapter]:
    """Return adapters of the same sizes that change nothing yet."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for layer, adapter in adapters.items():
        made[layer] = new = deepcopy(adapter)
        phi: Any
        for _, phi in new.parts():
            a = phi.A.data
            a.copy_((torch.rand(a.shape, generator=generator) * 2 - 1) / a.shape[0] ** 0.5)
            phi.B.data.zero_()
    return made


def balanced_lora(adapter: Adapter) -> Adapter:
    """Return the same LoRA with factors of equal sizes; one that changes nothing stays as it is."""
    new = deepcopy(adapter)
    phi: Any
    for _, phi in new.parts():
        if not phi.B.any():
            continue
        a, b = balanced((phi.A.data.float(), phi.B.data.float()))
        phi.A.data.copy_(a)
        phi.B.data.copy_(b)
    return new


def distance(s: Tensor, sa: Tensor, t: Tensor, ta: Tensor, need: str) -> Tensor:
    """Return the KL to the adapted source, or the squared distance of the effects by the square of the source's."""
    s, sa, t = (x.to(ta.device) for x in (s, sa, t))
    if need == "labels":
        p = sa.float().log_softmax(-1)
        return (p.exp() * (p - ta.float().log_softmax(-1))).sum(-1).mean()
    return (ta - t - (sa - s)).float().square().sum() / (sa - s).float().square().sum().clamp_min(1e-20)
