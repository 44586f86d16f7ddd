"""Cosines of Gram matrices equal those of explicit K°; W' = WQ keeps the input Gram matrix."""

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.nn.init import orthogonal_

from ioadapt_theory.chance import beside, of_matrix, parts
from ioadapt_theory.checkpoints.checkpoint import InMemory
from ioadapt_theory.similarity import Comparison, Space, compare
from tests.similarity.memory import held

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


@pytest.mark.parametrize("shape", [(30, 3), (6, 2), (5, 4, 3, 3)])
def test_the_null_of_a_space_is_the_mean_over_all_permutations_of_its_channels(shape: tuple[int, ...]):
    one, two = (torch.randn(shape) * (torch.rand(shape) + 0.5) + 0.3 for _ in range(2))  # a common mean, unequal norms
    values = []
    for order in itertools.permutations(range(shape[1])):
        pair = [held("a", {"w": one}), held("b", {"w": two[:, list(order)].contiguous()})]
        values.append(compare(*pair, space="input").rows[0].values[0, 1])
    cosines = torch.tensor([v.cosine for v in values])
    for v in values:
        assert v.null is not None
        assert v.null.mean == pytest.approx(cosines.mean().item(), abs=1e-12)
        assert v.null.sd == pytest.approx(cosines.std(correction=0).item(), abs=1e-10)
        assert v.null.excess == pytest.approx((v.cosine - v.null.mean) / (1 - v.null.mean))


@pytest.mark.parametrize("space", SIDES)
def test_the_null_is_that_of_the_grams_written_out_whichever_side_does_the_work(space: Space):
    """Sides of 64 channels are concatenations of parts of 16, within which the null distribution permutes channels."""
    shapes = {"wide.weight": (64, 30), "tall.weight": (30, 64), "conv.weight": (16, 64, 2, 1), "up.weight": (64, 16)}
    some = [held(n, {k: torch.randn(s) + 0.3 for k, s in shapes.items()}) for n in "ab"]
    widths = [side for s in shapes.values() for side in s[:2]]
    for row in compare(*some, space=space).rows:
        k, k2 = (centred_gram(model.values[row.name], row.name, space).numpy() for model in some)
        cuts = parts(len(k), widths)
        assert (len(cuts) > 2) == (len(k) == 64)
        norms = math.sqrt((k * k).sum() * (k2 * k2).sum())
        expected = beside(float((k * k2).sum()), norms, of_matrix(k, cuts), of_matrix(k2, cuts))
        null = row.values[0, 1].null
        assert null is not None
        assert (null.mean, null.sd) == pytest.approx((expected.mean, expected.sd), abs=1e-12)
        assert (null.skew, null.z) == pytest.approx((expected.skew, expected.z), rel=1e-6)


@pytest.mark.parametrize("space", SIDES)
def test_unrelated_weights_with_a_mean_and_unequal_norms_are_within_their_null(space: Space):
    """A common mean and unequal norms give unrelated weights positive cosines."""

    def network(seed: int) -> InMemory:
        generator = torch.Generator().manual_seed(seed)
        shapes = [(40, 60), (60, 40), (50, 50), (30, 20, 3, 3)] * 5
        draws = [torch.randn(s, generator=generator) for s in shapes]
        norms = [0.3 + torch.rand(len(w), generator=generator).view(-1, *[1] * (w.ndim - 1)) for w in draws]
        return held("x", {f"l{i}.weight": w * n + 0.15 for i, (w, n) in enumerate(zip(draws, norms, strict=True))})

    c = compare(network(1), network(2), space=space)
    z = torch.tensor([row.values[0, 1].null.z for row in c.rows])
    assert c.mean((0, 1)).mean > 0.03
    assert z.square().mean().sqrt() < 1.5
    assert c.beyond_chance((0, 1)) == 0
    assert abs(c.excess((0, 1))) < 0.02
    near = held("y", {n: v + 0.1 * torch.randn(v.shape) for n, v in network(1).values.items()})
    c = compare(network(1), near, space=space)
    assert c.beyond_chance((0, 1)) == len(c.rows)
    assert c.excess((0, 1)) > 0.8


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
