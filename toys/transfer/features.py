"""Published rules that move a low-rank change AB by the features of both models: Theseus, BiCo, and a regression."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ioadapt_theory.adapters import adapt, layers
from ioadapt_theory.effect import Rows

Factors = tuple[Tensor, Tensor]
RIDGE = 0.01


@dataclass
class Features:
    """What the adapted layers of a source and of a target read and write on the same inputs, without adapters.

    Attributes:
        factors: layer of the source -> A and B.
        side: placement of the adapter.
        found: for each model, layer of the source -> activations and gradients.
    """

    factors: Mapping[str, Factors]
    side: str
    found: Sequence[Mapping[str, Rows]]

    def activations(self, name: str, side: str) -> list[Tensor]:
        return [rows[name].reader(side).flatten(0, -2).double() for rows in self.found]

    def gradients(self, name: str, side: str, found: Any = None) -> list[Tensor]:
        return [rows[name].writer(side).flatten(0, -2).double() for rows in found or self.found]


def factors(model: nn.Module) -> dict[str, Factors]:
    """Return layer -> A and B, with the scaling in B, of an adapter with one placement."""
    made = {}
    for name, layer in layers(model).items():
        ((_, phi),) = _adapter(layer).parts()
        made[name] = phi.A.detach().double(), phi.scaling * phi.B.detach().double()
    return made


def install(target: nn.Module, made: Mapping[str, Factors], placement: str) -> nn.Module:
    """Put an adapter of these factors on the target, and return it."""
    rank = max(a.shape[1] for a, _ in made.values())
    adapt(target, target_modules=[*made], placement=placement, rank=rank)
    for name, layer in layers(target).items():
        ((_, phi),) = _adapter(layer).parts()
        a, b = made[name]
        phi.A.data.copy_(a)
        phi.B.data.copy_(b / phi.scaling)
    return target


def _adapter(layer: nn.Module) -> Any:
    return layer.get_submodule("adapters.default")


def polar(x: Tensor, y: Tensor) -> Tensor:
    """Return the matrix with orthonormal rows or columns that maps the rows of x most closely to those of y."""
    u, _, v = torch.linalg.svd(x.mT @ y, full_matrices=False)
    return u @ v


def regression(x: Tensor, y: Tensor) -> Tensor:
    gram = x.mT @ x
    scale = gram.diagonal().clamp_min(1e-6 * float(gram.diagonal().max()))
    return torch.linalg.solve(gram + RIDGE * torch.diag(scale), x.mT @ y)


def theseus(both: Features) -> dict[str, Factors]:
    """Orthogonal maps between activations, of the inputs and of the outputs (Theseus, arXiv 2602.12952)."""
    out = "output" if both.side == "weight" else both.side
    reads = lambda n: polar(*both.activations(n, both.side)).mT  # noqa: E731
    return _moved(both, reads, lambda n: polar(*both.activations(n, out)))


def bico(both: Features, labelled: Any = None) -> dict[str, Factors]:
    """Orthogonal maps between activations of the inputs, and gradients of the outputs (BiCo, arXiv 2605.28444)."""
    reads = lambda n: polar(*both.activations(n, both.side)).mT  # noqa: E731
    return _moved(both, reads, lambda n: polar(*both.gradients(n, both.side, labelled)))


def regressions(both: Features) -> dict[str, Factors]:
    """Regressions instead of orthogonal maps: M* of claim `effect-best`."""
    reads = lambda n: regression(*reversed(both.activations(n, both.side)))  # noqa: E731
    return _moved(both, reads, lambda n: regression(*reversed(both.gradients(n, both.side))).mT)


def _moved(both: Features, reads: Callable[[str], Tensor], writes: Callable[[str], Tensor]) -> dict[str, Factors]:
    return {name: (reads(name) @ a, b @ writes(name)) for name, (a, b) in both.factors.items()}
