"""Methods that move an adapter: formulas, regressions between activations, our ``transfer``, and training from zero."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmarks.carry.models import Move
from ioadapt_theory.adapters import layers
from ioadapt_theory.adapters.matrices import operator
from ioadapt_theory.adapters.model import disable
from ioadapt_theory.effect import record
from ioadapt_theory.maps import solve as maps
from ioadapt_theory.moving import transfer
from ioadapt_theory.moving.carrying.fitting import base_layers
from ioadapt_theory.moving.carrying.parts import built, parts_of
from ioadapt_theory.moving.carrying.trial import put
from toys.transfer import baselines

Rule = Callable[[Tensor, Tensor, Tensor], Tensor]


def _ridge(w: Tensor, w2: Tensor) -> float:
    return min(float((w2 - w).norm() / (math.sqrt(len(w)) * torch.linalg.matrix_norm(w, 2))), 0.99)


RULES: Mapping[str, Rule] = {
    "copy": baselines.copy,
    "norm ratio": lambda d, w, w2: d * w2.norm() / w.norm(),
    "Eq. 5": lambda d, w, w2: baselines.eq_5_input(d, w, w2),
    "Eq. 5, ridge .1": lambda d, w, w2: baselines.eq_5_input(d, w, w2, ridge=0.1),
    "Eq. 5, best ridge": lambda d, w, w2: baselines.eq_5_input(d, w, w2, ridge=_ridge(w, w2)),
    "LoRA-X, Cross-LoRA": baselines.lora_x,
    "ProLoRA": baselines.prolora,
    "Procrustes": baselines.procrustes,
}
"""Functions that return the change D' of the target's weight W', given D = AB, the source's W, and W'."""


def by_rule(move: Move, rule: Rule) -> nn.Module | None:
    """Return a copy of the target with the LoRA moved by ``rule``; None if it is not on the weight or sizes differ."""
    target = copy.deepcopy(move.target)
    made = {}
    for part in parts_of(layers(move.source), "default"):
        module, other = move.source.get_submodule(part.layer).base_layer, target.get_submodule(part.layer)
        w, w2 = (operator(m).dense().detach() for m in (module, other))
        if part.placement != "weight" or w.shape != w2.shape:
            return None
        change = rule(part.factors[0] @ part.factors[1], w, w2)
        u, s, v = torch.linalg.svd(change, full_matrices=False)
        r = part.factors[0].shape[1]
        factors = u[:, :r] * s[:r], v[:r]
        made[part.layer] = built(other, {"weight": replace(part, factors=factors)})
    put(target, made, "default")
    return target


def by_activations(move: Move, ridge: float = 1e-2) -> nn.Module | None:
    """Return a copy of the target with the LoRA, mapped by regressions between the activations of both models.

    The result is None if the LoRA is not on the weight, or if a layer or its activations do not fit the target.
    """
    target = copy.deepcopy(move.target)
    parts = parts_of(layers(move.source), "default")
    names = [part.layer for part in parts]
    if any(part.placement != "weight" for part in parts) or any(n not in dict(target.named_modules()) for n in names):
        return None
    with disable(move.source):
        here = record(move.source, base_layers(move.source, names), move.inputs).rows
    there = record(target, base_layers(target, names), move.inputs).rows
    made = {}
    for part in parts:
        (a, b), one, two = part.factors, here[part.layer], there[part.layer]
        if one.reader("weight").shape[:2] != two.reader("weight").shape[:2]:
            return None
        r, y = (x.reader(side).flatten(0, 1) for x, side in ((one, "weight"), (one, "output")))
        r2, y2 = (x.reader(side).flatten(0, 1) for x, side in ((two, "weight"), (two, "output")))
        factors = _regression(r2, r @ a, ridge), b @ _regression(y, y2, ridge)
        made[part.layer] = built(target.get_submodule(part.layer), {"weight": replace(part, factors=factors)})
    put(target, made, "default")
    return target


def _regression(x: Tensor, u: Tensor, ridge: float) -> Tensor:
    relation = maps.Relation(x.mT @ x, x.mT @ u, float(u.square().sum()))
    return maps.solve(relation, None, maps.Rule("one-way", ridge))


def carried(move: Move, steps: int | None) -> tuple[nn.Module, object]:
    """Return a copy of the target with the adapter that ``transfer`` fits to it, and the report of ``transfer``."""
    target = copy.deepcopy(move.target)
    match = "effect" if move.relation == "depth" and move.adapted == "one" else "name"
    options = {"steps": steps, "seed": move.seed, "strict": False, "match": match, "need": "labels"}
    return target, transfer(move.source, target, inputs=move.inputs, **options)  # type: ignore[arg-type]


def distilled(move: Move, steps: int) -> nn.Module:
    """Return a copy of the target with adapters of the source's sizes, trained from zero without labels."""
    target = copy.deepcopy(move.target)
    options = {"starts": ["zero"], "steps": steps, "seed": move.seed, "strict": False, "need": "labels"}
    transfer(move.source, target, inputs=move.inputs, **options)  # type: ignore[arg-type]
    return target
