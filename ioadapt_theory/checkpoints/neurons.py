"""The neurons of an MLP, which may stand in any order: for a permutation P, σ(XW₁P)PᵀW₂ = σ(XW₁)W₂."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from ioadapt_theory.checkpoints.names import TABLES

if TYPE_CHECKING:
    import torch

CHANNELS: Final = 256
"""Input channels by which neurons are compared."""
ALIKE: Final = 0.5
"""Mean cosine above which neurons are the same; asked only where that of the weights as they stand is below it."""
LARGEST: Final = 4096
"""Neurons up to which each finds the best partner for all together; more have to be told apart each by itself."""


def mlps(layers: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the layers of each MLP that read the stream and that write to it."""
    layers = dict.fromkeys(layers)
    groups: dict[tuple[str, str], list[str]] = {}
    for layer in layers:
        for reads, writes in TABLES["mlps"].items():
            if layer == reads or layer.endswith(f".{reads}"):
                groups.setdefault((layer.removesuffix(reads), writes), []).append(layer)
    for (module, writes), reading in groups.items():
        yield reading, [layer] if (layer := f"{module}{writes}") in layers else []


def order_of(ours: "torch.Tensor", theirs: "torch.Tensor") -> "torch.Tensor | None":
    """Return the order in which columns of one matrix are those of another: ``theirs[:, j]`` is ``ours[:, order[j]]``.

    None where that is the order in which they stand, or where they are others.
    """
    import torch

    if ours.shape != theirs.shape or ours.is_meta or theirs.is_meta:
        return None
    at = torch.linspace(0, len(ours) - 1, min(len(ours), CHANNELS), dtype=torch.float64).long()
    ours, theirs = (m.detach()[at.to(m.device)].to("cpu", torch.float32) for m in (ours, theirs))
    tiny = torch.finfo(torch.float32).tiny
    if torch.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0, eps=tiny) > ALIKE:
        return None
    ours, theirs = (torch.nn.functional.normalize(m, dim=0, eps=tiny) for m in (ours, theirs))
    order = torch.cat([(part.mT @ ours).argmax(1) for part in torch.split(theirs, 1024, dim=1)])
    if len(set(order.tolist())) < len(order):
        if len(order) > LARGEST:
            return None
        from scipy.optimize import linear_sum_assignment  # seldom needed, and long to import

        order = torch.from_numpy(linear_sum_assignment((theirs.mT @ ours).numpy(), maximize=True)[1])
    alike = float((ours[:, order] * theirs).sum(0).mean()) > ALIKE
    return order if alike and order.tolist() != [*range(len(order))] else None
