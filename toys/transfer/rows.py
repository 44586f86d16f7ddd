"""The rows of a table: how an adapter is placed on the source, and how a LoRA is carried by weights alone."""

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import Placement, adapt, layers, operator, scale
from ioadapt_theory.adapters.moving.transfer import put
from ioadapt_theory.adapters.rules.residual import UnknownSideError, residual_side
from toys.transfer.baselines import eq_5_input, eq_5_output, lora_x, prolora
from toys.transfer.protocol import Method

Rule = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(D, W, W') -> D', all c x d."""

OPPOSITE: Final = {Placement.INPUT: "output", Placement.OUTPUT: "input"}


def adapted(model: nn.Module, method: Method, names: tuple[str, ...], seed: int, **options: Any) -> nn.Module:
    """Return a frozen copy of the model with a fresh adapter; equal seeds give equal first values."""
    wanted: dict[str, Any] = {"placement": method.placement}
    if method.placement == "opposite":  # of the side that faces the residual stream
        sides = {rf"^{re.escape(name)}$": OPPOSITE[residual_side(name)] for name in names}
        wanted = {"placement": "input", "placement_pattern": sides}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        one = copy.deepcopy(model)
        return adapt(one, target_modules=list(names), family=method.family, rank=method.rank, **wanted | options)


def moved(source: nn.Module, target: nn.Module, strength: float = 1.0) -> nn.Module:
    """Return a copy of the target with the source's adapter at this strength, by names of layers, unasked."""
    there = copy.deepcopy(target)
    put(there, {name: layer.adapters["default"] for name, layer in layers(source).items()}, "default")  # type: ignore[misc]
    scale(there, strength)
    return there


def randomised(one: nn.Module, seed: int) -> nn.Module:
    """Return a copy whose A and B are random, with ‖AB‖_F of every layer as it was."""
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
    """Return row -> layer -> how a LoRA's D = AB becomes D' on a target, from W and W' alone.

    By the residual side only where all names tell one.
    """
    try:
        facing = {name: str(residual_side(name)) for name in names}
    except UnknownSideError:
        facing = {}
    sides: dict[str, Callable[[str], Rule]] = {}
    for label, amount in (("plain", 0.0), ("ridge", ridge)):
        by_side: dict[str, Rule] = {
            "input": lambda d, w, v, amount=amount: eq_5_input(d, w, v, ridge=amount),  # type: ignore[misc]
            "output": lambda d, w, v, amount=amount: eq_5_output(d, w, v, ridge=amount),  # type: ignore[misc]
        }
        for side, rule in by_side.items():
            sides[f"Eq. 5 {side}, {label}"] = lambda _, rule=rule: rule  # type: ignore[misc]
        if facing:
            sides[f"Eq. 5 residual, {label}"] = lambda name, by_side=by_side: by_side[facing[name]]  # type: ignore[misc]
    return {"LoRA-X = Cross-LoRA": lambda _: lora_x, "ProLoRA": lambda _: prolora, **sides}


def carried(one: nn.Module, source: nn.Module, target: nn.Module, rule: Callable[[str], Rule]) -> nn.Module:
    """Return a copy of the target with the LoRA's change, carried by the rule, added to its weights."""
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
    """Return the mean over layers of ‖what the adapter adds to W‖_F / ‖W‖_F on the source."""
    here = dict(source.named_modules())
    shares = []
    for name, layer in layers(one).items():
        w = operator(here[name]).dense().detach()
        shares.append(float((layer.function.dense().detach() - w).norm() / w.norm()))
    return sum(shares) / len(shares)
