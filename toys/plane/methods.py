"""The compared adapters: how they are trained, moved and measured."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import adapt, layers, merge, parameters
from ioadapt_theory.moving import transfer
from toys.plane.world import Case


@dataclass(frozen=True, slots=True)
class Method:
    """A way to adapt a stack of two maps.

    Attributes:
        label: name in tables and figures.
        colour: key of ``toys.common.style.METHODS``.
        placement: "weight", "input" or "output"; None for no adapter.
        maps: the adapted maps, "0" and/or "1".
        proposition: number of the proposition about this method, 3 to 5; 0 for none.
    """

    label: str
    colour: str
    placement: str | None = None
    maps: tuple[str, ...] = ()
    proposition: int = 0

    @property
    def source(self) -> str:
        return f"Prop. {self.proposition}" if self.proposition else "" if self.placement else "Lemma 3"


ENDS = {
    "base": Method("no adapter", "base"),
    "lora-1": Method("LoRA on map 1", "lora", "weight", ("0",), 3),
    "lora-2": Method("LoRA on map 2", "lora", "weight", ("1",), 3),
    "input": Method("input adapter", "input", "input", ("0",), 4),
    "output": Method("output adapter", "output", "output", ("1",), 5),
}
"""Methods with input and output adapters at the two ends of the stack, as in Props. 4 and 5."""

EVERYWHERE = {
    "base": ENDS["base"],
    "lora-both": Method("LoRA on both", "lora", "weight", ("0", "1")),
    "input-both": Method("input of both", "input", "input", ("0", "1")),
    "output-both": Method("output of both", "output", "output", ("0", "1")),
    "between": Method("output of map 1", "output", "output", ("0",)),
}
"""Methods with adapters on both maps, or between the maps, as in practice."""


def methods(case: Case) -> dict[str, Method]:
    return EVERYWHERE if case is Case.INTERIOR else ENDS


def adapted(model: nn.Sequential, method: Method, rank: int, seed: int) -> nn.Sequential:
    model = copy.deepcopy(model)
    if method.placement is None:
        return model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapt(model, target_modules=method.maps, family="lora", placement=method.placement, rank=rank)
    return model


def train(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    rate: float = 0.02,
    tick: Callable[[], object] = lambda: None,
) -> None:
    learnable = [p for _, p in parameters(model)]
    if not learnable:
        return
    optimizer = torch.optim.Adam(learnable, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        distances(model(x), y).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        tick()


def moved(source: nn.Sequential, target: nn.Sequential) -> nn.Sequential:
    target = copy.deepcopy(target)
    if layers(source):
        with torch.random.fork_rng(devices=[]):  # creating a layer may draw initial values
            transfer(source, target)
    return target.requires_grad_(requires_grad=False)


def learned(model: nn.Module) -> dict[str, Tensor]:
    """Return the product AB in each adapted map, as a 2 x 2 matrix in the layout of Y = XW, by the map's name."""
    found = {}
    for name, layer in layers(model).items():
        for _, family in layer.adapters["default"].parts():  # type: ignore[operator]
            found[name] = (family.scaling * family.A @ family.B).detach().cpu()
    return found


def plain(model: nn.Sequential) -> nn.Sequential:
    return merge(copy.deepcopy(model), unload=True)  # type: ignore[return-value]


def distances(y: Tensor, other: Tensor) -> Tensor:
    return (y - other).square().sum(dim=1)


@torch.no_grad()
def measure(
    source: nn.Module, target: nn.Module, one: nn.Module, two: nn.Module, x: Tensor, goal: Tensor
) -> dict[str, float]:
    """Return mean squared distances between outputs for the samples ``x``.

    ``one`` and ``two`` are ``source`` and ``target`` with the adapter. ``loss_source`` and ``loss_target`` are the
    distances of their outputs from the desired output, which is the output of ``source`` times ``goal``. ``loss_own``
    is the distance of the output of ``two`` from the output of ``target`` times ``goal``. ``distance`` is the distance
    between the outputs of ``one`` and ``two``, and ``distance_se`` its standard error.
    """
    apart = distances(one(x), two(x))
    return {
        "loss_source": float(distances(one(x), source(x) @ goal).mean()),
        "loss_target": float(distances(two(x), source(x) @ goal).mean()),
        "loss_own": float(distances(two(x), target(x) @ goal).mean()),
        "distance": float(apart.mean()),
        "distance_se": float(apart.std() / len(apart) ** 0.5),
    }


@torch.no_grad()
def stages(model: nn.Sequential, x: Tensor) -> list[np.ndarray]:
    hidden = model[0](x)
    return [points.cpu().numpy() for points in (x, hidden, model[1](hidden))]
