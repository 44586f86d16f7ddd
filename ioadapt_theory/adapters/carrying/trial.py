"""Candidates tried on the target: what each keeps of the effect, in runs of both models on unlabelled rows."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.model import disable, install, layers, remove
from ioadapt_theory.effect.batches import Pair
from ioadapt_theory.effect.measure import require_comparable
from ioadapt_theory.effect.passes import Call, named_output, run
from ioadapt_theory.effect.retention import RowSums, needed

Adapters = Mapping[str, Adapter]
"""Layer of the target -> its adapter."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Two models and how they are run.

    Attributes:
        source: the model with the adapter.
        target: the other one.
        name: of the adapter.
        call: runs a model.
        seed: of what the models draw.
    """

    source: nn.Module
    target: nn.Module
    name: str
    call: Call | None
    seed: int

    def wanted(self, batch: object, number: int) -> tuple[Tensor, Tensor]:
        """Return the source's outputs without and with the adapter."""
        with torch.no_grad(), disable(self.source):
            plain = run(self.source, batch, self.call, self.seed + number)
        with torch.no_grad(), only(self.source, self.name):
            return plain, run(self.source, batch, self.call, self.seed + number)

    def need(self, batch: object) -> str:
        """Return what the source's outputs on a batch are taken for, see ``needed``."""
        with torch.no_grad(), disable(self.source):
            return needed(*named_output(self.source, batch, self.call, self.seed))

    def plain(self, batch: object, number: int) -> Tensor:
        """Return the target's outputs without any adapter."""
        with torch.no_grad(), disable(self.target):
            return run(self.target, batch, self.call, self.seed + number)

    def sums(self, candidates: Mapping[str, Adapters], pairs: Iterable[Pair]) -> dict[str, RowSums]:
        """Return the sums of each candidate's rows; the target is as it was afterwards."""
        parts: dict[str, list[RowSums]] = {name: [] for name in candidates}
        with tried(self.target, candidates) as names:
            for number, (one, two) in enumerate(pairs):
                s, sa = self.wanted(one, number)
                t = self.plain(two, number)
                require_comparable(s, t)
                for candidate, name in names.items():
                    with only(self.target, name), torch.no_grad():
                        ta = run(self.target, two, self.call, self.seed + number)
                    parts[candidate].append(RowSums.of(*(x.cpu() for x in (s, sa, t, ta))))
        return {name: RowSums.joined(rows) for name, rows in parts.items()}


@contextmanager
def tried(target: nn.Module, candidates: Mapping[str, Adapters]) -> Iterator[dict[str, str]]:
    """Put candidates on the target, each under a name of its own, for the duration; yield these names."""
    taken = {key for layer in layers(target).values() for key in layer.adapters}
    before = {layer: layer.active for layer in layers(target).values()}
    names: dict[str, str] = {}
    try:
        for number, (candidate, adapters) in enumerate(candidates.items()):
            name = f"carried_{number}"
            while name in taken:
                name += "_"
            install(target, adapters, name, trainable=None)
            names[candidate] = name
        yield names
    finally:
        for name in names.values():
            remove(target, name)
        for layer, active in before.items():
            layer.activate(*active)


@contextmanager
def only(model: nn.Module, name: str) -> Iterator[None]:
    """Have no adapter but one active for the duration; merged layers stay as they are."""
    before = {layer: layer.active for layer in layers(model).values() if not layer.merged}
    for layer in before:
        layer.activate(*({name} & {*layer.adapters}))
    try:
        yield
    finally:
        for layer, active in before.items():
            layer.activate(*active)


def put(target: nn.Module, adapters: Adapters, name: str, *, trainable: bool = False) -> None:
    """Put adapters on a model of which nothing else changes: what was trainable stays so."""
    if adapters:
        flags = {p: p.requires_grad for p in target.parameters()}
        install(target, adapters, name, trainable=trainable)
        for p, flag in flags.items():
            p.requires_grad_(flag)
