import copy
import itertools

import torch
from torch import nn

from ioadapt_theory.effect import Rows

X = torch.randn(12, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Tokens(nn.Sequential):
    """Layers that process each token separately; they accept a mask but ignore it."""

    def forward(self, x: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


def mlp(seed: int, *, width: int = 9) -> nn.Sequential:
    torch.manual_seed(seed)
    first, second = nn.Linear(6, width), nn.Linear(width, 7)
    return nn.Sequential(first, nn.ReLU(inplace=True), second, nn.Tanh(), nn.Linear(7, 4))


def stack(seed: int, *sizes: int) -> nn.Sequential:
    """Return linear layers, for which an adapter's effect is exactly linear in the adapter."""
    torch.manual_seed(seed)
    return nn.Sequential(*(nn.Linear(c, d) for c, d in itertools.pairwise(sizes))).double()


def gauge(model: nn.Sequential, seed: int) -> nn.Sequential:
    """Return a copy with the same function, but permuted hidden neurons, which are also scaled if a ReLU follows."""
    model = copy.deepcopy(model)
    torch.manual_seed(seed)
    layers = [m for m in model if isinstance(m, nn.Linear | nn.Conv2d)]
    for one, two in itertools.pairwise(layers):
        n = len(one.weight)
        order, after = torch.randperm(n), model[[*model].index(one) + 1]
        s = torch.exp(torch.randn(n).to(one.weight)) if isinstance(after, nn.ReLU) else one.weight.new_ones(n)
        one.weight.data = one.weight.data[order] * s.view(-1, *[1] * (one.weight.ndim - 1))
        one.bias.data = one.bias.data[order] * s
        two.weight.data = two.weight.data[:, order] / s.view(1, -1, *[1] * (two.weight.ndim - 2))
    return model


def effects(r: torch.Tensor, g: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return ⟨ξ, e⟩ = Σ (rA)·(gBᵀ), summed over positions, for each cotangent ξ of the model's output and each sample.

    Here, e is the first-order effect of adding rAB in the model, and g the gradient of ⟨ξ, output⟩ at that place.
    """
    return ((r @ a.to(r)) * (g @ b.to(g).mT)).sum((-2, -1))


@torch.no_grad()
def exact_rows(model: nn.Sequential, layer: int, x: torch.Tensor) -> Rows:
    """Return the rows of a layer with all basis vectors as cotangents, so that the mean over cotangents is exact."""
    z = model[:layer](x)
    y = model[layer](z)
    j = torch.eye(model[layer].out_features, dtype=x.dtype)
    for after in model[layer + 1 :]:
        j = j @ after.weight.mT
    return Rows(model[layer], [(z, y, [j[:, k].expand(len(x), -1) for k in range(j.shape[1])])], j.shape[1], len(x))


@torch.no_grad()
def effect(model: nn.Sequential, layer: int, side: str, m: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return the change of the outputs by M on a side of a layer (Eqs. 4a-4c)."""
    z, module = model[:layer](x), model[layer]
    y = module(z)
    if side == "weight":
        adapted = y + z @ m
    else:
        adapted = module(z + z @ m) if side == "input" else y + y @ m
    return model[layer + 1 :](adapted) - model[layer + 1 :](y)
