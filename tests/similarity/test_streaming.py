"""Cosines, distances and norms are those of a float64 reference, whatever the dtype and the size."""

import math

import numpy as np
import pytest
import torch

from ioadapt_theory.similarity.matching import Layer, Match, match_by_names
from ioadapt_theory.similarity.measures.cosine import Values, values
from ioadapt_theory.similarity.streaming.inner_products import moments
from ioadapt_theory.similarity.streaming.moments import Moments
from ioadapt_theory.similarity.streaming.reader import LONGEST
from tests.similarity.memory import Held, held, noisy

LARGE = 3 * LONGEST + 17
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]


def layers_of(checkpoints: list[Held]) -> tuple[Layer, ...]:
    return match_by_names(checkpoints, [c.name for c in checkpoints], Match.NAME).layers


def measured(checkpoints: list[Held], **options: object) -> list[Moments]:
    return moments(checkpoints, layers_of(checkpoints), **options)  # type: ignore[arg-type]


def reference(a: torch.Tensor, b: torch.Tensor) -> tuple[float, float, float]:
    """Cosine, relative distance and norm ratio with exactly rounded sums."""
    x, y = a.double().flatten().tolist(), b.double().flatten().tolist()
    aa, bb = math.fsum(v * v for v in x), math.fsum(v * v for v in y)
    ab = math.fsum(v * w for v, w in zip(x, y, strict=True))
    dd = math.fsum((v - w) ** 2 for v, w in zip(x, y, strict=True))
    return ab / math.sqrt(aa * bb), math.sqrt(dd / aa), math.sqrt(bb / aa)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [1, 7, LARGE])
def test_figures_are_those_of_exact_sums(dtype: torch.dtype, n: int):
    a = torch.randn(n, dtype=torch.float32)
    pair = [held("a", {"w": a.to(dtype)}), held("b", {"w": (0.7 * a + torch.randn(n, dtype=torch.float32)).to(dtype)})]
    (found,) = measured(pair)
    v = values([found], 0, 1)
    assert v is not None
    cosine, distance, ratio = reference(pair[0].values["w"], pair[1].values["w"])
    assert v.cosine == pytest.approx(cosine, abs=1e-12)
    assert v.relative_distance == pytest.approx(distance, rel=1e-11)
    assert v.norm_ratio == pytest.approx(ratio, rel=1e-12)


def test_different_dtypes_are_compared_by_value():
    a = torch.randn(999, dtype=torch.float32)
    pair = [held("a", {"w": a}), held("b", {"w": a.half()})]
    v = values(measured(pair), 0, 1)
    assert v is not None
    cosine, distance, _ = reference(a, a.half())
    assert v.cosine == pytest.approx(cosine, abs=1e-12)
    assert v.relative_distance == pytest.approx(distance, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-2, 1e-4, 1e-7, 1e-11])
def test_the_distance_of_near_models_does_not_cancel(scale: float):
    a = torch.randn(LARGE)
    pair = [held("a", {"w": a}), held("b", noisy({"w": a}, scale, 1))]
    v = values(measured(pair), 0, 1)
    assert v is not None
    assert v.relative_distance == pytest.approx(reference(a, pair[1].values["w"])[1], rel=1e-7)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_model_is_exactly_like_itself(dtype: torch.dtype):
    w = torch.randn(LARGE, dtype=torch.float32).to(dtype)
    v = values(measured([held("a", {"w": w}), held("b", {"w": w.clone()})]), 0, 1)
    assert v is not None
    assert (v.cosine, v.relative_distance, v.norm_ratio) == (1.0, 0.0, 1.0)


def test_no_cosine_leaves_its_interval_where_float32_sums_do():
    a = torch.randn(LARGE, dtype=torch.float32)
    for factor in (1.0, -1.0, 3.0, -1e-3, 1e15):
        v = values(measured([held("a", {"w": a}), held("b", {"w": factor * a})]), 0, 1)
        assert v is not None
        assert abs(v.cosine) <= 1.0
        assert v.cosine == pytest.approx(math.copysign(1.0, factor), abs=1e-12)


def test_many_models_in_one_pass_are_the_pairs_one_by_one():
    base = {f"l{k}.weight": torch.randn(11, 5 + k) for k in range(9)}
    models = [held(f"m{i}", noisy(base, 0.3 * i, i)) for i in range(5)]
    together = measured(models, sums=True)
    for i in range(5):
        for j in range(i + 1, 5):
            for one, many in zip(measured([models[i], models[j]], sums=True), together, strict=True):
                ends = np.ix_([i, j], [i, j])
                np.testing.assert_allclose(many.inner[ends], one.inner, rtol=1e-13)
                np.testing.assert_allclose(many.sq_distance[ends], one.sq_distance, rtol=1e-9, atol=1e-12)
                assert many.sums is not None
                np.testing.assert_allclose(many.sums[[i, j]], one.sums, rtol=1e-12)


def test_a_model_without_the_layer_has_nan_and_does_not_disturb_the_others():
    models = [held("a", {"w": torch.randn(4)}), held("b", {}), held("c", {"w": torch.randn(4)})]
    (found,) = measured(models)
    assert np.isnan(found.inner[1]).all()
    assert np.isfinite(found.inner[np.ix_([0, 2], [0, 2])]).all()


def test_updates_are_differences_from_the_parent_without_cancellation():
    parent = torch.randn(LARGE)
    updates = [1e-6 * torch.randn(LARGE) for _ in range(2)]
    models = [held("a", {"w": parent + updates[0]}), held("b", {"w": parent + updates[1]}), held("p", {"w": parent})]
    v = values(measured(models, parent=2), 0, 1)
    assert v is not None
    exact = [m.values["w"] - parent for m in models[:2]]
    cosine, distance, ratio = reference(*exact)
    assert v.cosine == pytest.approx(cosine, abs=1e-12)
    assert v.relative_distance == pytest.approx(distance, rel=1e-11)
    assert v.norm_ratio == pytest.approx(ratio, rel=1e-12)


def test_memory_is_that_of_the_buffers_whatever_the_layer(monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    empty = torch.empty

    def counted(*size: int, **options: torch.dtype) -> torch.Tensor:
        out = empty(*size, **options)
        asked.append(out.nbytes)
        return out

    pair = [held(n, {"w": torch.randn(40 * LONGEST, dtype=torch.float32)}) for n in "ab"]
    monkeypatch.setattr(torch, "empty", counted)
    measured(pair, workers=1)
    assert sum(asked) <= 8 * LONGEST * 4


def test_the_number_of_torch_threads_is_given_back():
    torch.set_num_threads(2)
    measured([held(n, {"w": torch.randn(4)}) for n in "ab"])
    assert torch.get_num_threads() == 2


def test_progress_is_told_every_element_once():
    told: list[int] = []
    measured([held(n, {"v": torch.randn(5), "w": torch.randn(2, 3)}) for n in "ab"], progress=told.append)
    assert sorted(told) == [5, 6]


@pytest.mark.parametrize("one", [1e200, 1e-200, 1e20, 1e-20, 1e-30, 1.0])
@pytest.mark.parametrize("two", [1e200, 1e-200, 1e-20])
def test_squares_beyond_the_range_of_floats_change_no_figure(one: float, two: float):
    a, b = torch.randn(2, LARGE)
    pair = [held("a", {"w": one * a}), held("b", {"w": two * (a + b)})]
    v = values(measured(pair), 0, 1)
    assert v is not None
    cosine, _, ratio = reference(a, a + b)
    assert v.cosine == pytest.approx(cosine, abs=1e-12)
    if abs(math.log10(two) - math.log10(one)) > 300:
        assert v.norm_ratio is None  # not a number of float64
    else:
        assert v.norm_ratio == pytest.approx(two / one * ratio, rel=1e-12)
    if v.relative_distance is None:
        assert (one, two) == (1e-200, 1e200)
    elif one == two:
        assert v.relative_distance == pytest.approx(reference(a, a + b)[1], rel=1e-12)
    else:
        assert v.relative_distance == pytest.approx(max(1.0, two / one * ratio), rel=1e-5)


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_the_distance_of_near_models_does_not_cancel_at_any_scale(scale: float):
    a = torch.randn(LARGE)
    near = noisy({"w": a}, 1e-9, 1)["w"]
    v = values(measured([held("a", {"w": scale * a}), held("b", {"w": scale * near}), held("c", {"w": a})]), 0, 1)
    assert v is not None
    assert v.relative_distance == pytest.approx(reference(a, near)[1], rel=1e-6)
    same = values(measured([held(n, {"w": scale * a}) for n in "ab"]), 0, 1)
    assert same == Values(cosine=1.0, relative_distance=0.0, norm_ratio=1.0)
