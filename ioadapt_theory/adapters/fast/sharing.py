"""Layers of one block that read the same input, as q, k and v do, computed together when the first one is called."""

import itertools
import weakref
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.equations import Placed
from ioadapt_theory.adapters.families import DoRA, LoRA
from ioadapt_theory.adapters.fast.autograd import is_eager, is_watched, plan_for
from ioadapt_theory.adapters.fast.steps import at
from ioadapt_theory.adapters.fast.together import Member, together
from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.adapters.model import layers

LEAST = 1 << 18
"""Entries of X below which looking after it all takes longer than it saves."""


def share(model: nn.Module) -> nn.Module:
    """Let adapted layers with the same parent that are called on the same tensor work together; returns the model.

    For LoRA and DoRA on linear layers, on any side: X A is one product for all that read X, and the gradients of X meet
    in one buffer, which saves up to half of the time that adapters add. Results are those without it up to rounding.
    Which layers share is seen in the first pass and used from the second on; a layer that was once computed in vain is
    left alone after. Nothing is shared where saved tensors are watched, as in non-reentrant checkpoints. Call it again
    after adapting further layers.

    Outputs that were made together are of one graph: a backward pass for each of them, or in each of several threads on
    one tensor, needs ``retain_graph``. Between calls on one tensor nothing may write into a parameter through its
    ``data``, which leaves no trace.
    """
    siblings: dict[str, list[AdaptedLayer]] = defaultdict(list)
    for name, layer in layers(model).items():
        siblings[name.rpartition(".")[0]].append(layer)
    for found in siblings.values():
        party = Party()
        for layer in found:
            layer.party = party if len(found) > 1 else None
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
        barred: (first, other) where the other one's output was made in vain.
    """

    def __init__(self) -> None:
        self.partners: dict[AdaptedLayer, list[AdaptedLayer]] = {}
        self.barred: set[tuple[AdaptedLayer, AdaptedLayer]] = set()
        self.run: Run | None = None

    def __reduce__(self) -> tuple[type["Party"], tuple[()]]:
        """A copy of a layer does not take its partners along."""
        return Party, ()

    def __call__(self, layer: AdaptedLayer, x: Tensor) -> Tensor | None:
        """The layer's output on X, if it was made before or is made together with others' now; else None."""
        if not is_eager(x) or x.is_inference() or x.numel() < LEAST or "_is_replica" in layer.__dict__ or is_recorded():
            return None
        run = self.run
        if run is not None and run.x() is x and run.first is not layer:
            return self._later(run, layer, x)
        if run is not None:  # what nobody asked for
            self.barred.update((run.first, other) for other in [*run.outputs])
        self.run = run = Run(layer, x)
        others = [other for other in self.partners.get(layer, ()) if (layer, other) not in self.barred]
        members = {one: m for one in (layer, *others) if (m := member(one, x)) is not None}
        if len(members) < 2 or layer not in members:
            return None
        standing = [snapshot(one, x) for one in members]
        ys = together([*members.values()], x, weakref.ref(run))
        run.outputs.update(zip(members, zip(ys, standing, strict=True), strict=True))
        return run.outputs.pop(layer)[0]

    def _later(self, run: Run, layer: AdaptedLayer, x: Tensor) -> Tensor | None:
        """What was made for a layer that is not the first on this tensor, if nothing has changed since."""
        y, standing = run.outputs.pop(layer, (None, None))
        if y is None:
            known = self.partners.setdefault(run.first, [])
            known += [] if layer in known else [layer]
        elif standing != snapshot(layer, x):
            self.barred.add((run.first, layer))
            return None
        return y


def member(layer: AdaptedLayer, x: Tensor) -> Member | None:
    """What ``together`` computes of a layer; None where it has to be called by itself."""
    placed: Any = layer.function
    if (
        layer.merged
        or type(placed) is not Placed
        or is_watched(layer)
        or any(t.is_inference() for t in layer.parameters())
    ):
        return None
    f: Any = placed.f
    phi: Any = placed.phi
    if type(phi) not in {LoRA, DoRA} or x.shape[-1] != f.channels or (plan := plan_for(phi, x, f)) is None:
        return None
    g = phi.gain(placed.placement.base(f)) if isinstance(phi, DoRA) else None
    return Member(at(placed.placement, plan.w), plan, phi.scaling, g, phi.A, phi.B)


def snapshot(layer: AdaptedLayer, x: Tensor) -> object:
    """All that a layer's output on X depends on: while it is the same, so is the output."""
    placed: Any = layer.function
    phi = getattr(placed, "phi", layer)
    kind = x.device.type
    modes = torch.is_grad_enabled(), torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)
    stream = torch.cuda.current_stream(x.device) if x.is_cuda else None
    tensors = [(id(t), t.data_ptr(), t._version, t.requires_grad) for t in itertools.chain([x], layer.parameters())]
    training = [part.training for part in layer.modules()]
    return placed, layer.merged, is_watched(layer), training, getattr(phi, "scaling", None), modes, stream, tensors


def is_recorded() -> bool:
    """Whether saved tensors are watched: a checkpoint counts them, and would miss those of a layer computed before."""
    try:
        with torch.autograd.graph.disable_saved_tensors_hooks("not while layers share"):
            return False
    except RuntimeError:
        return True
