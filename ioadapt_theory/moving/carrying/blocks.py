"""Block by block: each layer of the target is fitted so that it changes as the source's layer does, in forward order.

Let u₁ and u₀ be the outputs of a layer of the source with and without the adapter, x₀ those of the target, and Q the
matrix with x = uQᵀ. With all layers before it already adapted, the target's layer gets the low-rank change that brings
its output nearest to x₀ + (u₁ - u₀)Qᵀ: a ridge regression on its present input, cut to the rank so that the effect
changes least. An input adapter changes the layer's input instead. So later layers correct the errors of earlier ones,
and only forward passes are needed. That a target's own change can be fitted in sequence is known from the method
Ariadne of merge-and-rebase, which maps activations by orthogonal matrices.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.equations import Placement
from ioadapt_theory.adapters.model import disable, function_of, layers
from ioadapt_theory.effect.batches import joined, row_count
from ioadapt_theory.effect.pairing import at_pairs
from ioadapt_theory.effect.reads_writes import Rows
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.maps.solve import TINY, eigen
from ioadapt_theory.moving.carrying.fitting import Fit, base_layers
from ioadapt_theory.moving.carrying.parts import BIAS, Part, assembled
from ioadapt_theory.moving.carrying.trial import Adapters, Trial, only

Call = tuple[Tensor, Tensor]
RIDGE = 0.01
"""Ridge of the regression, relative to the mean eigenvalue of the Gram matrix of the layer's inputs."""
ENTRIES = 1 << 28
"""Number of entries of the outputs on all rows of the fit; more rows than have so many are left out."""


class _AllFitted(Exception):
    """No error: the rest of the forward pass is not needed."""


class _Overflow(Exception):
    """No error: features overflow, so that there is no start of this kind."""


def by_blocks(trial: Trial, start: Adapters, fit: Fit) -> dict[str, Adapter]:
    """Return adapters fitted layer by layer; ``start`` has the adapters of layers for which this is not possible.

    The result is {} if no layer can be fitted, or if features overflow, since errors grow from layer to layer.
    """
    jobs: dict[str, dict[str, Part]] = {}  # layer of the target -> placement there -> part
    for key, layer, side in fit.picked.values():
        jobs.setdefault(layer, {})[side] = fit.parts[key]
    modules, taken = base_layers(trial.target, jobs), Counter(w[1:] for w in fit.picked.values())
    odd = {w[1] for w in fit.picked.values() if taken[w[1:]] > 1 or fit.parts[w[0]].placement != w[2]}
    odd |= {n for n, sides in jobs.items() if "weight" in sides and getattr(modules[n], "groups", 1) > 1}
    jobs = {n: sides for n, sides in jobs.items() if n in start and n not in odd and sides.keys() - {BIAS}}
    if not jobs:
        return {}
    try:
        return _Blocks(trial, start, fit, jobs).done()
    except _Overflow:
        return {}


class _Blocks:
    def __init__(self, trial: Trial, start: Adapters, fit: Fit, jobs: dict[str, dict[str, Part]]) -> None:
        self.trial, self.fit, self.jobs = trial, fit, jobs
        self.made: dict[str, Adapter] = {n: a for n, a in start.items() if n not in jobs}
        self.source = base_layers(trial.source, {part.layer for sides in jobs.values() for part in sides.values()})
        self.modules = base_layers(trial.target, {*self.jobs, *self.made})
        most = ENTRIES // trial.compared.size
        few = [p for n, p in enumerate(trial.rows.fit) if not n or (n + 1) * row_count(p[0]) <= most]
        self.pairs, self.pair = joined(few)
        with torch.no_grad():
            self.changes = self._changes()
            with disable(trial.target):
                plain = self._captured({n: self.modules[n] for n in jobs}, 1)
        known = {n for n, sides in jobs.items() if all(part.layer in self.changes for part in sides.values())}
        self.plain = {n: calls for n, calls in plain.items() if n in known}
        self.made |= {n: start[n] for n in jobs if n not in self.plain}

    def _captured(self, modules: Mapping[str, nn.Module], side: int) -> dict[str, list[Call]]:
        """Return the inputs and outputs of all calls of the modules, in the order of their first calls.

        The batches run one by one, so that only the outputs of one are in memory. Modules with other numbers of calls
        in some batch are left out.
        """
        model, runs = (self.trial.source, self.trial.target)[side], list[dict[str, list[Call]]]()

        def keep(name: str, z: Tensor, y: Tensor) -> Tensor:
            runs[-1].setdefault(name, []).append((z.clone(), y.clone()))
            return y

        for pair in self.pairs:
            runs.append({})
            with hooked(modules, keep):
                self.trial.run(model, pair[side], 0)
        found = {}
        for name, calls in runs[0].items():
            every = [run.get(name, []) for run in runs]
            if {*map(len, every)} == {len(calls)}:
                found[name] = [tuple(map(torch.cat, zip(*some, strict=True))) for some in zip(*every, strict=True)]
        return found  # type: ignore[return-value]

    def _changes(self) -> dict[str, list[Call]]:
        """Return what the adapter changes in the input and in the output of each layer of the source, per call."""
        adapted = {n: layer for n, layer in layers(self.trial.source).items() if n in self.source}
        with disable(self.trial.source):
            before = self._captured(self.source, 0)
        with only(layers(self.trial.source), self.trial.name):
            after = self._captured(adapted, 0)
        changes = {}
        for n in before.keys() & after.keys():
            layer = adapted[n]
            phi = dict(layer.adapters[self.trial.name].parts()).get(Placement.INPUT)  # type: ignore[operator]
            near = function_of(layer.base_layer).near
            calls = ((phi(z, near) if phi else z, y) for z, y in after[n])
            changes[n] = [(z1 - z, y1 - y) for (z, y), (z1, y1) in zip(before[n], calls, strict=True)]
        return changes

    @torch.no_grad()
    def done(self) -> dict[str, Adapter]:
        self.waiting = [*self.plain]  # in the order of their first calls
        while self.waiting:
            self.late: list[Call] = []
            with disable(self.trial.target), hooked(self.modules, self._on), suppress(_AllFitted):
                self.trial.run(self.trial.target, self.pair[1], 0)
            if self.late:
                self._fit(self.waiting.pop(0), self.late)
        return self.made

    def _on(self, name: str, z: Tensor, y: Tensor) -> Tensor:
        """Return the output of a layer's call, with its adapter, which is fitted first if all its calls are known."""
        next_ = self.waiting[0] if self.waiting else ""
        if name == next_ and len(self.plain[name]) == 1:
            self._fit(self.waiting.pop(0), [(z, y)])
            if not self.waiting:
                raise _AllFitted
        elif name not in self.made:  # the layer is called several times, or is behind such a layer
            self.late += [(z, y)] if name == next_ else []
            return y
        return self.made[name].on(function_of(self.modules[name]))(z)

    def _fit(self, name: str, calls: list[Call]) -> None:
        module = self.modules[name]
        f, made = function_of(module), dict[str, Part]()
        for side in (s for s in ("input", "weight", "output") if s in self.jobs[name]):
            part = self.jobs[name][side]
            q, metric = self.fit.at[self.fit.picked[part.key]].writes
            if made:
                adapter = assembled(self.modules, made.values())[name]
                calls = [(z, adapter.on(f)(z)) for z, _ in calls]
            at = "input" if side == "input" else "output"
            before, now = (self._rows(1, module, c, at) for c in (self.plain[name], calls))
            moved = self._rows(0, self.source[part.layer], self.changes[part.layer], at).to(now)
            rank, shifts = part.rank, BIAS in self.jobs[name] and side != "input"
            z, wanted = self._rows(1, module, calls, side), before - now + moved @ q.to(now).mT
            try:
                a, b, shift = regressed(z, wanted, metric.to(now), rank, shift=shifts)
            except (InvalidValueError, torch.linalg.LinAlgError) as error:  # type: ignore[attr-defined]
                raise _Overflow from error
            made[side] = replace(part, layer=name, factors=(a, b))
            if shift is not None:
                factors = shift.new_ones(1, 1), shift[None]
                made[BIAS] = replace(self.jobs[name][BIAS], layer=name, factors=factors)
        self.made |= assembled(self.modules, made.values())

    def _rows(self, model: int, module: nn.Module, calls: list[Call], side: str) -> Tensor:
        paired: list[Any] = [(at_pairs(z, self.pair[model]), at_pairs(y, self.pair[model]), []) for z, y in calls]
        return Rows(module, paired, 1, len(paired[0][0])).reader(side).flatten(0, -2).float()


def regressed(
    z: Tensor, wanted: Tensor, metric: Tensor, rank: int, *, shift: bool = False
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return A and B of this rank, and if asked a constant, for which zAB (plus the constant) is nearest to ``wanted``.

    The ridge regression is cut to the rank so that least is lost in the metric K of the gradients.
    """
    center = (z.mean(0), wanted.mean(0)) if shift else (z.new_zeros(()), wanted.new_zeros(()))
    x, r = z - center[0], wanted - center[1]
    n, c = x.shape
    gram = x.mT @ x if c <= n else x @ x.mT
    gram.diagonal().add_(RIDGE * float(x.square().sum()) / c + TINY)
    d = torch.linalg.solve(gram, x.mT @ r) if c <= n else x.mT @ torch.linalg.solve(gram, r)
    least = 1e-6 * float(metric.trace()) + TINY
    root = torch.linalg.cholesky(metric.double() + least * torch.eye(len(metric), device=metric.device))  # K = LLᵀ
    near = x @ d @ root.to(d)
    basis = eigen(near.mT @ near)[1][:, -rank:]
    a, b = d @ root.to(d) @ basis, torch.linalg.solve_triangular(root.mT, basis.double(), upper=True).mT.to(d)
    constant = center[1] - center[0] @ a @ b if shift else None
    return a, b, constant


@contextmanager
def hooked(modules: Mapping[str, nn.Module], on: Callable[[str, Tensor, Tensor], Tensor]) -> Iterator[None]:
    """Inside ``with``, replace the outputs of modules by ``on(name, input, output)``, which may call the modules."""
    inside: list[str] = []

    def hook(name: str) -> Callable[..., Tensor]:
        def replaced(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
            if inside:
                return y
            inside.append(name)
            try:
                return on(name, args[0] if args else next(v for v in kwargs.values() if isinstance(v, Tensor)), y)
            finally:
                inside.clear()

        return replaced

    with ExitStack() as hooks:
        for name, module in modules.items():
            hooks.enter_context(module.register_forward_hook(hook(name), with_kwargs=True))
        yield
