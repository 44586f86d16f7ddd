"""One loop with a budget: the best starts take a few label-free steps, and the best of them goes on until its end."""

import math
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.maps.solve import Rule
from ioadapt_theory.moving.carrying.trial import Adapters, Trial, tried

LEAST, MOST, WEIGHTS = 20, 100, 3e8
"""Default numbers of steps of the winner for large and for small models, and number of weights times steps between."""
PAIRED = 60
"""Least default number of steps for two tokenizers, whose models have little in common but the texts."""
LEADING, FIRST, LAST, AGAIN = 3, 10, 0.3, 0.5
"""Number of starts that take first steps, number of the winner's steps for each of them, share of the winner's steps
that are taken on all rows, and the factor of their learning rate, which falls to 0 again."""
RATE, SHARE, DECAY = 0.01, 0.3, (0.8, 0.95)
"""Largest learning rate, absolute and relative to the size of a layer's factors, and Adam's decay rates."""
WARM = 4
"""Number of first steps in which the rate rises: Adam's first steps move every weight, and can ruin some rows."""
WORSE, SLOWER, AGAINS = 2.0, 4.0, 4
"""How many times larger than without an adapter the loss may become before a run goes back to its best adapters, the
factor by which its learning rate is then smaller, and how often this happens at most."""
EXACT = 0.01
"""Largest difference of the retained shares from 1 of a start that needs no steps."""
STRIDE = 10
"""Number of steps between two reports of progress."""


class Budget:
    """The number of steps, or the time, that the winner may take; ``first`` steps of it are taken by every start.

    The ``last`` ones are taken on all rows, when the winner is predicted and chosen.
    """

    def __init__(self, trial: Trial) -> None:
        self.seconds, self.began = trial.options.seconds, time.monotonic()
        weights = sum(p.numel() for p in trial.target.parameters())
        given = trial.options.steps
        least = PAIRED if trial.paired else LEAST
        self.total = int(max(least, min(MOST, WEIGHTS // weights))) if given is None else given
        self.last = round(LAST * self.total)
        self.first = min(max(self.total // FIRST, 3), self.total - self.last)

    def gone(self, done: int) -> float:
        """Return the share of the budget, without the last steps, that is used up after this number of steps."""
        if self.seconds is not None:
            return (time.monotonic() - self.began) / (self.seconds * (1 - LAST))
        most = self.total - self.last
        return 1.0 if done >= most else max(0.0, (done - self.first) / max(most - self.first, 1))


class Run:
    """Adapters in training on the target.

    Attributes:
        best, score: the best adapters so far, and the share of the gain that they keep on the selection rows.
        at: number of steps after which they were the best.
        done: number of steps taken.
        idle: whether there is nothing to train.
        worse: how many times as large the first loss is as without an adapter; NaN before it is known.
        slower: factor by which the learning rate is smaller than at first.
        exact: whether the effect on the selection rows is that on the source, up to ``EXACT``, and so is the gain.
    """

    def __init__(self, trial: Trial, adapters: Adapters) -> None:
        self.trial, self.done, self.idle = trial, 0, False
        self.dtypes = {layer: next(adapter.parameters()).dtype for layer, adapter in adapters.items()}
        self.work = {layer: balanced(adapter.float()) for layer, adapter in deepcopy(dict(adapters)).items()}
        self.best, self.score, self.at, self.exact = self.work, -math.inf, 0, False
        self.worse, self.slower = math.nan, 1.0
        self._begin()
        self.look()

    def _begin(self) -> None:
        """Train from the best adapters on, at a rate that is ``slower``."""
        self._restore()
        groups = []
        for adapter in self.work.values():
            values = [p.detach() for _, phi in adapter.parts() for p in phi.parameters()]
            size = max(float(p.square().mean().sqrt()) for p in values)
            rate = min(RATE, SHARE * size) / self.slower
            groups.append({"params": [p.requires_grad_() for p in adapter.parameters()], "lr": rate, "top": rate})
        self.optimiser = torch.optim.Adam(groups, betas=DECAY)

    def _restore(self) -> None:
        with torch.no_grad():
            for layer, adapter in self.best.items():
                for p, best in zip(self.work[layer].parameters(), adapter.parameters(), strict=True):
                    p.copy_(best)

    def _is_ruined(self, worse: float) -> bool:
        """Return whether a loss is far above those of the first step and without an adapter, or is not a number."""
        self.worse = worse if math.isnan(self.worse) else self.worse
        return self.slower < SLOWER**AGAINS and not worse <= WORSE * max(1.0, self.worse)  # NaN is

    def look(self, *, last: bool = False) -> None:
        """Score the adapters, and keep them if they are the best so far or, if ``last``, not certainly worse."""
        if (prediction := self.trial.score(self.work)) is None:
            return
        score = prediction.kept
        self.exact = max(abs(prediction.R - 1), abs(score - 1)) < EXACT
        low, high = prediction.sampled
        if score > self.score - (max(high - low, 0.0) / 2 if last else 0.0):
            self.best, self.score, self.at = deepcopy(self.work), score, self.done

    def steps(self, count: int, rates: Callable[[int], float], pairs: list[Pair]) -> None:
        """Take ``count`` steps on pairs of batches; ``rates(k)`` is the factor of the learning rate at step k."""
        trial = self.trial
        with tried(trial.target, {"": self.work}) as active:
            for _ in range(count):
                number = self.done % len(pairs)
                for group in self.optimiser.param_groups:
                    group["lr"] = group["top"] * rates(self.done)
                with torch.inference_mode(False), torch.enable_grad(), active(""):
                    self.optimiser.zero_grad()
                    loss = trial.loss(pairs[number], number)
                    if not loss.requires_grad:  # none of the adapted layers is called
                        self.idle = True
                        return
                    loss.backward()  # type: ignore[no-untyped-call]
                if self._is_ruined(trial.worse(loss.item(), pairs[number])):
                    self.slower *= SLOWER
                    self._begin()
                else:
                    self.optimiser.step()
                self.done += 1

    def finish(self, budget: Budget) -> None:
        """Take the last steps of the budget on all rows, those of the prediction first, unless these are labels."""
        began, rows = self.done, self.trial.rows
        self._restore()
        pairs = (rows.predict if not self.trial.labelled else []) + rows.fit + rows.select
        count = budget.last if budget.seconds is None else round(self.done * LAST / (1 - LAST))
        count = min(count, self.at) if self.trial.labelled else count
        self.done = 0
        while self.done < count and not self.idle:
            self.trial.progress("training further", self.done, count)
            self.steps(min(STRIDE, count - self.done), lambda k: AGAIN * (1 - k / count), pairs)
        self.best, self.at, self.done = self.work, self.at + count, began + count

    def label(self, rule: Rule) -> str:
        return f"{rule.kind}, {self.at} steps" if self.at else rule.kind

    def adapters(self) -> dict[str, Adapter]:
        return {layer: adapter.to(self.dtypes[layer]) for layer, adapter in deepcopy(self.best).items()}


def race(trial: Trial, starts: Mapping[Rule, Callable[[], Adapters]], budget: Budget) -> dict[Rule, Run]:
    """Return all starts, the best of which is trained until the budget's end.

    A start that is already exact ends the race. The starts with the best scores take their first steps, and the best is
    chosen after them, since the best closed form may be one from which no step leads on. The winner is trained on the
    selection rows, too, unless labels are known; a prediction has rows of its own.
    """
    runs = dict[Rule, Run]()
    fit, select = trial.rows.fit, trial.rows.select
    for number, (rule, made) in enumerate(starts.items()):
        trial.progress(f"starting from {rule.kind}", number, len(starts))
        if adapters := made():
            runs[rule] = Run(trial, adapters)
            if runs[rule].exact:
                return runs
    if not runs or not budget.total:
        return runs
    leading = sorted(runs, key=lambda rule: runs[rule].score, reverse=True)[:LEADING]
    for number, rule in enumerate(leading):
        trial.progress(f"trying {rule.kind}", number, len(leading))
        if len(leading) > 1 and (budget.seconds is None or budget.gone(0) < 0.5):  # half of the time is the winner's
            runs[rule].steps(budget.first, _warm, fit)
            runs[rule].look()
    run = max(runs.values(), key=lambda run: run.score)
    while not run.idle and (not run.done or budget.gone(run.done) < 1):
        trial.progress("training", run.done, budget.total)
        count = 1 if budget.seconds else min(STRIDE, budget.total - budget.last - run.done)
        run.steps(count, lambda k: _warm(k) * (1 - budget.gone(k)), fit if trial.labelled else fit + select)
        if trial.labelled:  # few texts can be learned by heart
            run.look()
    if not trial.labelled:
        run.look(last=True)
    return runs


def _warm(done: int) -> float:
    return min(1.0, (done + 1) / WARM)


def balanced(adapter: Adapter) -> Adapter:
    """Replace the factors of a LoRA, in place, by U√S and √S Vᵀ, where AB = USVᵀ; return the adapter."""
    phi: Any
    for _, phi in adapter.parts() if adapter.family == "lora" else ():
        (q, r), (q2, r2) = torch.linalg.qr(phi.A.data), torch.linalg.qr(phi.B.data.mT)
        if phi.B.any() and (r @ r2.mT).isfinite().all():  # if B is zero, there is nothing to balance
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
