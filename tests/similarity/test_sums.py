"""Cosines, distances and norms equal a float64 reference."""

import math

import pytest
import torch

from ioadapt_theory.checkpoints.checkpoint import InMemory
from ioadapt_theory.similarity import Values, compare
from ioadapt_theory.similarity.weights import CHUNK
from tests.similarity.models import held, noisy

LARGE = 3 * CHUNK + 17
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]


def figures(one: InMemory, two: InMemory) -> Values:
    (row,) = compare(one, two, threads=1).rows
    return row.values[0, 1]


def assert_exact(v: Values, a: torch.Tensor, b: torch.Tensor, distance: float = 1e-9) -> None:
    """Check the cosine, the distance and the ratio of norms against exactly rounded sums."""
    x, y = a.double().flatten().tolist(), b.double().flatten().tolist()
    aa, bb = math.fsum(v * v for v in x), math.fsum(v * v for v in y)
    ab = math.fsum(v * w for v, w in zip(x, y, strict=True))
    dd = math.fsum((v - w) ** 2 for v, w in zip(x, y, strict=True))
    assert v.cosine == pytest.approx(ab / math.sqrt(aa * bb), abs=1e-12)
    assert v.relative_distance == pytest.approx(math.sqrt(dd / aa), rel=distance)
    assert v.norm_ratio == pytest.approx(math.sqrt(bb / aa), rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [1, 7, LARGE])
def test_figures_are_those_of_exact_sums(dtype: torch.dtype, n: int):
    a = torch.randn(n, dtype=torch.float32)
    one, two = a.to(dtype), (0.7 * a + torch.randn(n, dtype=torch.float32)).to(dtype)
    assert_exact(figures(held("a", {"w": one}), held("b", {"w": two})), one, two)
    same = figures(held("a", {"w": one}), held("b", {"w": one.clone()}))
    assert (same.cosine, same.relative_distance, same.norm_ratio) == (1.0, 0.0, 1.0)
    turned = figures(held("a", {"w": one}), held("b", {"w": -3 * one.double()}))
    assert -1 <= turned.cosine == pytest.approx(-1, abs=1e-12)


def test_different_dtypes_are_compared_by_value_and_near_models_do_not_cancel():
    a = torch.randn(LARGE, dtype=torch.float32)
    assert_exact(figures(held("a", {"w": a}), held("b", {"w": a.half()})), a, a.half())
    for scale in (1e-2, 1e-7, 1e-11):
        near = noisy({"w": a.double()}, scale, 1)["w"]
        assert_exact(figures(held("a", {"w": a.double()}), held("b", {"w": near})), a, near, distance=1e-7)
