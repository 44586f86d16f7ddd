"""Cosines of Gram matrices equal those of explicit K°; W' = WQ keeps the input Gram matrix."""

import pytest
import torch
from torch import Tensor
from torch.nn.init import orthogonal_

from ioadapt_theory.checkpoints.checkpoint import InMemory
from ioadapt_theory.similarity import Comparison, Space, compare
from tests.similarity.models import held

SIDES = [Space.INPUT, Space.OUTPUT]
SHAPES = {
    "wide.weight": (40, 17),
    "tall.weight": (17, 40),
    "conv.weight": (12, 10, 3, 3),
    "flat.weight": (6, 50),
    "deep.weight": (50, 6, 1, 1),
    "one.weight": (1, 30),
    "embed_tokens.weight": (50, 8),
    "large.weight": (300, 290),
}


def centred_gram(stored: Tensor, name: str, space: Space) -> Tensor:
    """Return K° of W, c x d; for a convolution, the (c, d) matrices of all kernel positions are concatenated."""
    w = stored if ("embed" in name) == (space is Space.INPUT) else stored.transpose(0, 1)
    w = w.reshape(w.shape[0], -1)
    k = w @ w.T
    return k - k.trace() / len(k) * torch.eye(len(k))


def models(count: int = 3, dtype: torch.dtype = torch.float64) -> list[InMemory]:
    return [held(f"m{i}", {k: torch.randn(s).to(dtype) for k, s in SHAPES.items()}) for i in range(count)]


def figures(c: Comparison) -> dict[tuple[str, tuple[int, int]], float]:
    return {(row.name, pair): v.cosine for row in c.rows for pair, v in row.values.items()}


@pytest.mark.parametrize("space", SIDES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16], ids=str)
def test_cosines_are_those_of_the_grams_written_out(space: Space, dtype: torch.dtype):
    some = models(dtype=dtype)
    cosines = figures(compare(*some, space=space))
    assert len(cosines) == 3 * (len(SHAPES) - (space is Space.OUTPUT))
    for (name, pair), cosine in cosines.items():
        k, k2 = (centred_gram(some[i].values[name].double(), name, space) for i in pair)
        assert cosine == pytest.approx(((k * k2).sum() / (k.norm() * k2.norm())).item(), abs=1e-12)


@pytest.mark.parametrize("shape", [(24, 10), (9, 12, 3, 3)])
def test_a_rotation_of_the_other_side_leaves_the_space_as_it_is(shape: tuple[int, ...]):
    w = torch.randn(shape)
    q = orthogonal_(torch.empty(shape[0], shape[0]))  # W' = WQ mixes outputs
    pair = [held("a", {"w.weight": w}), held("b", {"w.weight": torch.einsum("po,o...->p...", q, w)})]
    by_space = {s: figures(compare(*pair, space=s))["w.weight", (0, 1)] for s in Space}
    assert by_space[Space.INPUT] == pytest.approx(1, abs=1e-12)
    assert by_space[Space.OUTPUT] < 0.5
    assert abs(by_space[Space.WEIGHT]) < 0.5


def test_vectors_single_channels_and_orthogonal_weights_have_no_space_and_are_listed():
    q = orthogonal_(torch.empty(6, 6))
    values = {"b.bias": torch.randn(6), "one.weight": torch.randn(1, 6), "q.weight": q, "w.weight": torch.randn(6, 4)}
    c = compare(*(held(n, {k: v.clone() for k, v in values.items()}) for n in "ab"), space="output")
    assert {s.name: s.reason.split(",")[0] for s in c.skipped} == {
        "b.bias": "a vector",
        "one.weight": "only one output channel",
        "q.weight": "its Gram matrix is a multiple of the identity",
    }
    assert figures(c) == {("w.weight", (0, 1)): 1.0}
