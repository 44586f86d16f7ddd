"""Cosines, distances and norms equal a float64 reference."""

import math

import numpy as np
import pytest
import torch

from ioadapt_theory.checkpoints.checkpoint import InMemory
from ioadapt_theory.similarity import Values
from ioadapt_theory.similarity.matching import paired
from ioadapt_theory.similarity.moments import Moments, values
from ioadapt_theory.similarity.weights import CHUNK, moments
from tests.similarity.memory import held, noisy

LARGE = 3 * CHUNK + 17
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]


def measured(*checkpoints: InMemory) -> list[Moments]:
    layers = paired(checkpoints, [c.name for c in checkpoints]).layers
    return [moments(layer, checkpoints) for layer in layers]


def figures(*checkpoints: InMemory) -> Values:
    (layer,) = measured(*checkpoints)
    found = values(layer, 0, 1)
    assert found is not None
    return found


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


def test_many_models_in_one_pass_are_the_pairs_one_by_one_and_one_without_the_layer_disturbs_none():
    base = {f"l{k}.weight": torch.randn(11, 5 + k) for k in range(9)}
    models = [*(held(f"m{i}", noisy(base, 0.3 * i, i)) for i in range(3)), held("none", {})]
    together = measured(*models)
    assert np.isnan(together[0].inner[3]).all()
    for i, j in ((0, 1), (0, 2), (1, 2)):
        for one, many in zip(measured(models[i], models[j]), together, strict=True):
            ends = np.ix_([i, j], [i, j])
            np.testing.assert_allclose(many.inner[ends], one.inner, rtol=1e-13)
            np.testing.assert_allclose(many.sq_distance[ends], one.sq_distance, rtol=1e-9, atol=1e-12)
