"""Published and plain methods that move an adapter, each in a few lines; every method sees the same inputs."""

import copy
import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.carry.models import Move, divergence, error, output
from ioadapt_theory.adapters import adapt, disable, layers
from ioadapt_theory.adapters.matrices import operator
from ioadapt_theory.effect import Compared, divided, record, undisturbed
from ioadapt_theory.effect.passes import cotangents
from ioadapt_theory.errors import IoAdaptError
from ioadapt_theory.maps.counterparts import counterparts
from ioadapt_theory.moving import transfer
from ioadapt_theory.moving.carrying.starts import Starts
from ioadapt_theory.moving.carrying.trial import STARTS, Options, Trial, put
from toys.transfer import baselines
from toys.transfer.features import Factors, Features, bico, factors, install, polar, regression, regressions, theseus

Peer = Callable[["Both"], dict[str, Factors]]
OWN = ("procrustes", "two-way", "blocks")
"""Closed forms of ``transfer`` that are measured alone."""


class Both(Features):
    """The activations and the gradients of the adapted layers of both models of a move, without adapters.

    Gradients are those of random combinations of the outputs, which are the same for both models, or of the loss.
    """

    def __init__(self, move: Move) -> None:
        self.move, found = move, factors(move.source)
        self.layers = [
            {name: getattr(m.get_submodule(name), "base_layer", m.get_submodule(name)) for name in found}
            for m in (move.source, move.target)
        ]
        super().__init__(found, move.placement, self.recorded(directions=cotangents(4, 0)))

    def recorded(self, **options: Any) -> list[Any]:
        with disable(self.move.source):
            return [
                record(m, watched, self.move.rows[0], **options).rows
                for m, watched in zip((self.move.source, self.move.target), self.layers, strict=True)
            ]

    def labelled(self) -> list[Any]:
        """Return what ``recorded`` does, with the gradients of the loss on the labels of the rows."""

        def gradient(out: Tensor) -> list[Tensor]:
            with torch.enable_grad():
                leaf = out.detach().requires_grad_()
                value = error(leaf, self.move.rows[1], self.move.need)
                return [torch.autograd.grad(value, leaf)[0]]

        return self.recorded(directions=gradient)


def installed(move: Move, made: Mapping[str, Factors]) -> nn.Module:
    """Return a copy of the target with an adapter of these factors, in the placement of the source's adapter."""
    return install(copy.deepcopy(move.target), made, move.placement)


def ariadne(both: Both) -> dict[str, Factors]:
    """Return fits to the change of each layer's output, mapped by activations (Ariadne of merge-and-rebase).

    As there, all layers are fitted to the unchanged target, and then divided by the median ratio of the sizes of the
    changes that they make together and should make. Here, each adapted layer is a block, and the fit has the rank of
    the adapter and no bias. The code is in github.com/apanariello4/merge-and-rebase, rebase/methods/ariadne.
    """
    move = both.move
    if move.placement != "weight":
        return {}
    changed = outputs(move.source, both)
    with disable(move.source):
        plain = outputs(move.source, both)
    before, made, wanted = outputs(move.target, both), {}, {}
    for name, (a, _) in both.factors.items():
        centred = [y - y.mean(0) for y in (plain[name], before[name])]
        wanted[name] = (changed[name] - plain[name]) @ polar(*centred)
        z = both.activations(name, "weight")[1]
        weight = regression(z, wanted[name])
        v = torch.linalg.svd(z @ weight, full_matrices=False)[2][: a.shape[1]]
        made[name] = weight @ v.mT, v
    after = outputs(installed(move, made), both)
    ratio = statistics.median(float((after[n] - before[n]).norm() / wanted[n].norm()) for n in made)
    return {name: (a, b / ratio) for name, (a, b) in made.items()}


def outputs(model: nn.Module, both: Both) -> dict[str, Tensor]:
    """Return the outputs of the adapted layers with what adapters add, as rows."""
    found: dict[str, list[Tensor]] = {name: [] for name in both.factors}
    axis = 1 if any(hasattr(m, "kernel_size") for m in both.layers[0].values()) else -1

    def keep(name: str) -> Callable[..., None]:
        return lambda _m, _x, y: found[name].append(y.movedim(axis, -1).flatten(0, -2).double())

    handles = [model.get_submodule(name).register_forward_hook(keep(name)) for name in found]
    with torch.no_grad():
        output(model, both.move.rows[0])
    for handle in handles:
        handle.remove()
    return {name: torch.cat(calls) for name, calls in found.items()}


def by_weights(rule: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Peer:
    """Return the peer that computes the change of the target's weight from this change and both weights alone."""

    def peer(both: Both) -> dict[str, Factors]:
        made = {}
        for name, (a, b) in both.factors.items() if both.move.placement == "weight" else ():
            w, w2 = (operator(m[name]).dense().detach().double() for m in both.layers)
            u, s, v = torch.linalg.svd(rule(a @ b, w, w2), full_matrices=False)
            made[name] = u[:, : a.shape[1]] * s[: a.shape[1]], v[: a.shape[1]]
        return made

    return peer


PEERS: Mapping[str, Peer] = {
    "copy": lambda both: dict(both.factors),
    "LoRA-X, Cross-LoRA": by_weights(baselines.lora_x),
    "ProLoRA": by_weights(baselines.prolora),
    "Theseus": theseus,
    "BiCo": bico,
    "BiCo, labels": lambda both: bico(both, both.labelled()),
    "Ariadne": ariadne,
    "M*": regressions,
}
"""Methods without gradient steps; the first three use no inputs. Where sizes do not fit, a method has no result."""


def by_peer(both: Both, name: str) -> nn.Module | None:
    """Return a copy of the target with the adapter that a peer moves there, or None if it cannot."""
    try:
        made = PEERS[name](both)
        return installed(both.move, made) if made else None
    except (IoAdaptError, RuntimeError, AttributeError, KeyError):
        return None


def carried(move: Move, rows: Tensor, **options: Any) -> tuple[nn.Module, Any, float]:
    """Return a copy of the target with the adapter that ``transfer`` puts on it, the report, and the CPU time."""
    target = copy.deepcopy(move.target)
    options |= {"seed": move.seed, "strict": False, "need": move.need}
    if move.relation == "depth" and move.adapted == "one":
        options["match"] = "effect"
    started = time.process_time()
    outcome = transfer(move.source, target, inputs=rows, **options)
    return target, outcome, time.process_time() - started


def distilled(move: Move, start: nn.Module | None, seconds: float) -> nn.Module | None:
    """Return a target whose adapter was trained for this CPU time to match the adapted source's outputs.

    It starts from zero or from the adapters of ``start``, with Adam at a rate that falls from 0.01 to 0, and matches
    the change of the outputs if models need the same change. The result is None without layers for the adapter.
    """
    began = time.process_time()
    found, target, x = factors(move.source), copy.deepcopy(start or move.target), move.rows[0]
    if start is None:
        fitting = [name for name in found if name in dict(target.named_modules())]
        rank = max(a.shape[1] for a, _ in found.values())
        adapt(target, target_modules=fitting, placement=move.placement, rank=rank)
    with torch.no_grad():
        wanted = output(move.source, x)
        if move.need == "change":
            with disable(move.source):
                wanted = wanted - output(move.source, x)
            wanted = wanted + output(move.target, x)
    parameters = [p for layer in layers(target).values() for p in layer.adapters.parameters()]
    optimiser = torch.optim.Adam([p.requires_grad_() for p in parameters], 0.01)
    generator, steps, taken, first = torch.Generator().manual_seed(move.seed), math.inf, 0, time.process_time()
    while taken < steps:
        rows = torch.randint(len(x), (min(64, len(x)),), generator=generator)
        optimiser.param_groups[0]["lr"] = 0.01 * (1 - taken / steps)
        optimiser.zero_grad()
        divergence(output(target, x[rows]), wanted[rows], move.need).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        taken += 1
        if steps == math.inf and taken >= 3 and (spent := time.process_time() - first) > 0.02:
            steps = max(taken, int(taken * (seconds - (first - began)) / spent))
    return target


def closed(move: Move) -> dict[str, nn.Module]:
    """Return copies of the target with the closed forms of ``transfer``, each alone, without a choice or a gate."""
    names, made = [*factors(move.source)], {}
    places, _ = counterparts(move.source, move.target, names, None, "name")
    options = Options(need=move.need, seed=move.seed, starts=(*OWN,))
    rows = divided(move.rows[0], size=options.batch, seed=move.seed)
    target = copy.deepcopy(move.target)
    with undisturbed(move.source), undisturbed(target):
        with disable(move.source):
            compared = Compared.of(move.source, target, rows.fit[0], need=move.need)
        found = Starts(Trial(move.source, target, "default", rows, options, compared), places).by_rule
    for name in (name for name in OWN if STARTS[name] in found):
        made[name] = copy.deepcopy(move.target)
        put(made[name], found[STARTS[name]](), "default")
    return made
