"""What a layer reads and writes gives the finite effect of an adapter on linear stacks, for which it is exact."""

import torch
from torch import nn

from ioadapt_theory.effect import Rows
from tests.effect.nets import effects, stack

N = 12
X = torch.randn(N, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


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


def test_a_layers_part_is_its_finite_effect_where_that_is_linear():
    model = stack(0, 6, 9, 7, 4)
    a, b = torch.randn(9, 2, dtype=torch.float64), torch.randn(2, 7, dtype=torch.float64)
    along = effects(*exact_rows(model, 1, X).both("weight"), a, b)  # the basis as cotangents: e itself
    torch.testing.assert_close(along.mT, effect(model, 1, "weight", a @ b, X))
