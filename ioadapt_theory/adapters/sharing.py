"""Layers of one block that read the same input, as q, k and v do, computed together when the first one is called."""

import itertools
import weakref
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.families import DoRA, LoRA
from ioadapt_theory.adapters.fused import HOOKS, TENSORS, fits
from ioadapt_theory.adapters.layers import AdaptedLayer
from ioadapt_theory.adapters.model import layers
from ioadapt_theory.adapters.placement import Placed
from ioadapt_theory.adapters.steps import at
from ioadapt_theory.adapters.together import Member, together

LEAST = 1 << 18
"""Entries of X below which looking after it all takes longer than it saves."""


def share(model: nn.Module) -> nn.Module:
    """Let adapted layers with the same parent that are called on the same tensor work together; returns the model.

    For LoRA and DoRA on linear layers, on any side: X A is one product for all that read X, and the gradients of X meet
    in one buffer, which saves up to half of the time that adapters add. Results are those without it up to rounding.
    Which layers share is seen in the first pass and used from the second on; a layer that was once computed in vain is
    left alone after. Call it again after adapting further layers.
    """
    families: dict[str, list[AdaptedLayer]] = defaultdict(list)
    for name, layer in layers(model).items():
        families[name.rpartition(".")[0]].append(layer)
    for family in families.values():
        party = Party()
        for layer in family:
            layer.party = party if len(family) > 1 else None
    return model


class Run:
    """The calls on one tensor: the layer that was first, and what it computed for others, with how things stood."""

    def __init__(self, first: AdaptedLayer, x: Tensor) -> None:
        self.first, self.x = first, weakref.ref(x)
        self.outputs: dict[AdaptedLayer, tuple[Tensor, object]] = {}


class Party:
    """What layers with one parent know of each other.

    Attributes:
        partners: for a layer that is called first, those that were called after it on the same tensor.
        barred: (first, other) where the other one once was not.
    """

    def __init__(self) -> None:
        self.partners: dict[AdaptedLayer, list[AdaptedLayer]] = defaultdict(list)
        self.barred: set[tuple[AdaptedLayer, AdaptedLayer]] = set()
        self.run: Run | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to one call."""
        return {**self.__dict__, "run": None}

    def __call__(self, layer: AdaptedLayer, x: Tensor) -> Tensor | None:
        """The layer's output on X, if it was made before or is made together with others' now; else None."""
        if torch.compiler.is_compiling() or type(x) not in TENSORS or x.is_inference() or x.numel() < LEAST:
            return None
        run = self.run
        if run is not None and run.x() is x and run.first is not layer:
            return self._later(run, layer, x)
        if run is not None:  # what nobody asked for was made in vain
            self.barred.update((run.first, other) for other in [*run.outputs])
            run.outputs.clear()  # which a function that is never differentiated still holds
        self.run = run = Run(layer, x)
        others = (other for other in [*self.partners[layer]] if (layer, other) not in self.barred)
        members = {one: m for one in (layer, *others) if (m := member(one, x)) is not None}
        if len(members) < 2 or layer not in members:
            return None
        standing = [snapshot(one, x) for one in members]
        ys = together([*members.values()], x, run.outputs.clear)
        run.outputs.update(zip(members, zip(ys, standing, strict=True), strict=True))
        return run.outputs.pop(layer)[0]

    def _later(self, run: Run, layer: AdaptedLayer, x: Tensor) -> Tensor | None:
        """What was made for a layer that is not the first on this tensor, if nothing has changed since."""
        y, standing = run.outputs.pop(layer, (None, None))
        if y is None and layer not in self.partners[run.first]:
            self.partners[run.first].append(layer)
        return y if standing == snapshot(layer, x) else None


def member(layer: AdaptedLayer, x: Tensor) -> Member | None:
    """What ``together`` computes of a layer; None where it has to be called by itself."""
    placed: Any = layer.function
    own = layer.__dict__
    if layer.merged or type(placed) is not Placed or "forward" in own or any(own[hooks] for hooks in HOOKS):
        return None
    f: Any = placed.f
    phi: Any = placed.phi
    if type(phi) not in {LoRA, DoRA} or x.shape[-1] != f.channels or (plan := fits(phi, x, f)) is None:
        return None
    g = phi.gain(placed.placement.base(f)) if isinstance(phi, DoRA) else None
    return Member(at(placed.placement, plan.w), plan, phi.scaling, g, phi.A, phi.B)


def snapshot(layer: AdaptedLayer, x: Tensor) -> object:
    """All that a layer's output on X depends on: while it is the same, so is the output."""
    placed: Any = layer.function
    phi = getattr(placed, "phi", layer)
    modes = torch.is_grad_enabled(), torch.is_autocast_enabled(x.device.type), torch.get_autocast_dtype(x.device.type)
    versions = [(id(t), t._version) for t in itertools.chain([x], layer.parameters())]
    return placed, layer.merged, phi.training, getattr(phi, "scaling", None), modes, versions
