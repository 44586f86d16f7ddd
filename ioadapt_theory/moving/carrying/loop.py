"""One loop with a budget: every start takes a few label-free steps, and the best one goes on until the budget ends."""

import math
import time
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.maps.solve import Rule
from ioadapt_theory.moving.carrying.trial import Adapters, Trial, tried

STEPS, FIRST = 30, 5
"""Default number of steps of the winner, and how many of them each start takes before one is chosen."""
RATE, SHARE, DECAY = 0.01, 0.1, (0.8, 0.95)
"""Largest learning rate, absolute and relative to the size of a layer's factors, and Adam's decay rates."""
LOOKS = 4
"""Number of evaluations of the winner on the selection rows."""


class Run:
    """Adapters in training on the target.

    Attributes:
        best, score: the best adapters so far, and the share of the gain that they keep on the selection rows.
        at: number of steps after which they were the best.
        done: number of steps taken.
        idle: whether there is nothing to train.
    """

    def __init__(self, trial: Trial, adapters: Adapters) -> None:
        self.trial, self.done, self.idle = trial, 0, False
        self.dtypes = {layer: next(adapter.parameters()).dtype for layer, adapter in adapters.items()}
        self.work = {layer: balanced(adapter.float()) for layer, adapter in deepcopy(dict(adapters)).items()}
        self.best, self.score, self.at = self.work, -math.inf, 0
        groups = []
        for adapter in self.work.values():
            values = [p.detach() for _, phi in adapter.parts() for p in phi.parameters()]
            size = max(float(p.square().mean().sqrt()) for p in values)
            rate = min(RATE, SHARE * size)
            groups.append({"params": [p.requires_grad_() for p in adapter.parameters()], "lr": rate, "top": rate})
        self.optimiser = torch.optim.Adam(groups, betas=DECAY)
        self.look()

    def look(self) -> None:
        """Score the adapters, and keep them if they are the best so far."""
        score = self.trial.scores({"": self.work})[""]
        if score > self.score:
            self.best, self.score, self.at = deepcopy(self.work), score, self.done

    def steps(self, count: int, rates: Any) -> None:
        """Take ``count`` steps; ``rates(k)`` is the factor of the learning rate at step k."""
        trial, fit = self.trial, self.trial.rows.fit
        with tried(trial.target, {"": self.work}) as active:
            for _ in range(count):
                number = self.done % len(fit)
                for group in self.optimiser.param_groups:
                    group["lr"] = group["top"] * rates(self.done)
                with torch.inference_mode(False), torch.enable_grad(), active(""):
                    self.optimiser.zero_grad()
                    ta = trial.run(trial.target, fit[number][1], number)
                    if not ta.requires_grad:  # none of the adapted layers is called
                        self.idle = True
                        return
                    trial.goal(fit[number], number).loss(ta).backward()  # type: ignore[no-untyped-call]
                self.optimiser.step()
                self.done += 1

    def label(self, rule: Rule) -> str:
        return f"{rule.kind}, {self.at} steps" if self.at else rule.kind

    def adapters(self) -> dict[str, Adapter]:
        return {layer: adapter.to(self.dtypes[layer]) for layer, adapter in deepcopy(self.best).items()}


def race(trial: Trial, starts: Mapping[Rule, Adapters]) -> dict[Rule, Run]:
    """Return all starts after their first steps, the best of which is trained until the budget's end.

    A start is judged after its first steps, since the best closed form may be one from which no step leads on.
    """
    options, began = trial.options, time.monotonic()
    runs = {}
    total = options.steps if options.steps is not None else STEPS
    first = min(FIRST, total) if options.seconds is None else FIRST
    for number, (rule, adapters) in enumerate(starts.items()):
        trial.progress(f"trying {rule.kind}", number, len(starts))
        runs[rule] = run = Run(trial, adapters)
        if first and (options.seconds is None or time.monotonic() - began < options.seconds / 2):
            run.steps(first, lambda _: 1.0)
            run.look()
    if not runs:
        return runs
    run = max(runs.values(), key=lambda run: run.score)
    if options.seconds is None:
        parts = _parts(total - run.done)
        for count in parts:
            trial.progress("training", run.done, total)
            run.steps(count, lambda k: 1 - (k - first) / (total - first))
            run.look()
    else:
        while not run.idle and (gone := (time.monotonic() - began) / options.seconds) < 1:
            run.steps(1, lambda _: max(1 - gone, 0.0))
        run.look()
    return runs


def _parts(steps: int) -> list[int]:
    looks = min(LOOKS, steps)
    return [steps * (k + 1) // looks - steps * k // looks for k in range(looks)]


def balanced(adapter: Adapter) -> Adapter:
    """Replace the factors of a LoRA, in place, by U√S and √S Vᵀ, where AB = USVᵀ; return the adapter."""
    phi: Any
    for _, phi in adapter.parts() if adapter.family == "lora" else ():
        if phi.B.any():  # if B is zero, there is nothing to balance
            (q, r), (q2, r2) = torch.linalg.qr(phi.A.data), torch.linalg.qr(phi.B.data.mT)
            u, s, v = torch.linalg.svd(r @ r2.mT, full_matrices=False)
            rank = len(phi.B)
            a, b = q @ (u * s.sqrt())[:, :rank], ((s.sqrt()[:, None] * v) @ q2.mT)[:rank]
            phi.A.data.copy_(_padded(a, phi.A.shape))
            phi.B.data.copy_(_padded(b, phi.B.shape))
    return adapter


def _padded(x: Tensor, shape: torch.Size) -> Tensor:
    """Fill up with zeros: a rank above the smaller side of a layer leaves factors without a part in AB."""
    made = x.new_zeros(shape)
    made[: x.shape[0], : x.shape[1]] = x
    return made
