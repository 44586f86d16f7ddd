"""The adapters that a study compares: new, moved, random, or mapped by a baseline."""

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import Placement, adapt, layers, operator, scale
from ioadapt_theory.adapters.residual import UnknownSideError, residual_side
from ioadapt_theory.moving.put import put
from toys.transfer.baselines import eq_5_input, eq_5_output, lora_x, prolora
from toys.transfer.protocol import Method

Rule = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A baseline: a function (D, W, W') -> D'; see ``toys.transfer.baselines``."""

OPPOSITE: Final = {Placement.INPUT: "output", Placement.OUTPUT: "input"}


def adapted(model: nn.Module, method: Method, names: tuple[str, ...], seed: int) -> nn.Module:
    """Return a copy of the model with a new adapter drawn from ``seed``."""
    wanted: dict[str, Any] = {"placement": method.placement}
    if method.placement == "opposite":  # the side away from the residual stream
        pattern = {rf"^{re.escape(name)}$": OPPOSITE[residual_side(name)] for name in names}
        wanted = {"placement": "input", "placement_pattern": pattern}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        one = copy.deepcopy(model)
        return adapt(one, target_modules=list(names), family=method.family, rank=method.rank, **wanted)


def moved(source: nn.Module, target: nn.Module, strength: float = 1.0) -> nn.Module:
    there = copy.deepcopy(target)
    put(there, {name: layer.adapters["default"] for name, layer in layers(source).items()}, "default")  # type: ignore[misc]
    scale(there, strength)
    return there


def randomised(one: nn.Module, seed: int) -> nn.Module:
    """Return a copy of an adapted model with random A and B, scaled to the original ‖AB‖_F in every layer."""
    other = copy.deepcopy(one)
    drawn = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in layers(other).values():
            for _, phi in layer.adapters["default"].parts():  # type: ignore[operator]
                size = (phi.A @ phi.B).norm()
                for factor in (phi.A, phi.B):
                    factor.copy_(torch.randn(factor.shape, generator=drawn, dtype=factor.dtype))
                phi.B.mul_(size / (phi.A @ phi.B).norm())
    return other


def carries(names: tuple[str, ...], ridge: float) -> Mapping[str, Callable[[str], Rule]]:
    """Return functions, by name of a baseline, from a layer's name to the ``Rule`` that maps the change of this layer.

    Eq. 5 on the side that is in the residual stream is included only if the names of all layers determine this side.
    """
    try:
        facing = {name: str(residual_side(name)) for name in names}
    except UnknownSideError:
        facing = {}
    by_row: dict[str, Callable[[str], Rule]] = {}
    for label, amount in (("plain", 0.0), ("ridge", ridge)):
        by_side: dict[str, Rule] = {
            "input": lambda d, w, v, amount=amount: eq_5_input(d, w, v, ridge=amount),  # type: ignore[misc]
            "output": lambda d, w, v, amount=amount: eq_5_output(d, w, v, ridge=amount),  # type: ignore[misc]
        }
        for side, rule in by_side.items():
            by_row[f"Eq. 5 {side}, {label}"] = lambda _, rule=rule: rule  # type: ignore[misc]
        if facing:
            by_row[f"Eq. 5 residual, {label}"] = lambda name, by_side=by_side: by_side[facing[name]]  # type: ignore[misc]
    return {"LoRA-X = Cross-LoRA": lambda _: lora_x, "ProLoRA": lambda _: prolora, **by_row}


def carried(one: nn.Module, source: nn.Module, target: nn.Module, rule: Callable[[str], Rule]) -> nn.Module:
    """Return a copy of the target with a LoRA, mapped by a baseline, added to its weights.

    ``one`` is a copy of the source with the LoRA; ``rule`` returns the baseline for a layer's name.
    """
    there = copy.deepcopy(target)
    here, modules = dict(source.named_modules()), dict(there.named_modules())
    for name, layer in layers(one).items():
        ((_, phi),) = layer.adapters["default"].parts()  # type: ignore[operator]
        delta = (phi.scaling * phi.A @ phi.B).detach().double()
        w, w_target = (operator(m).dense().detach().double() for m in (here[name], modules[name]))
        weight = modules[name].weight
        change = operator(modules[name]).stored(rule(name)(delta, w, w_target))
        with torch.no_grad():
            weight.add_(change.to(weight.dtype))
    return there


def strength_of(one: nn.Module, source: nn.Module) -> float:
    """Return ‖change‖_F / ‖W‖_F for the adapter's change of every weight W in ``one``, averaged over layers."""
    here = dict(source.named_modules())
    shares = []
    for name, layer in layers(one).items():
        w = operator(here[name]).dense().detach()
        shares.append(float((layer.function.dense().detach() - w).norm() / w.norm()))
    return sum(shares) / len(shares)
