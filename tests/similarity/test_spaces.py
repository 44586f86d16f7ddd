"""Gram similarities are those of K° written out; equal input-side Grams tell W' = WQ; unrelated weights read 0."""

import math

import pytest
import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.linalg import orthogonal
from ioadapt_theory.similarity.compare import compare
from ioadapt_theory.similarity.comparison import Comparison, Options
from ioadapt_theory.similarity.measures import spaces
from ioadapt_theory.similarity.measures.spaces import Space, baseline_sd
from ioadapt_theory.similarity.report import records as report
from ioadapt_theory.similarity.report.tables import remarks
from tests.similarity.memory import Held, held

SHAPES = {
    "wide.weight": (40, 17),
    "tall.weight": (17, 40),
    "conv.weight": (12, 10, 3, 3),
    "flat.weight": (6, 50),
    "deep.weight": (50, 6, 1, 1),
    "one.weight": (1, 30),
    "embed_tokens.weight": (50, 8),
}


def as_printed(stored: Tensor, name: str) -> Tensor:
    """The paper's W, c x d: a convolution has one (c, d) matrix a tap, side by side on the asked side below."""
    return stored if "embed" in name else stored.transpose(0, 1)


def centred_gram(stored: Tensor, name: str, space: Space) -> Tensor:
    w = as_printed(stored, name)
    if space is Space.OUTPUT:
        w = w.transpose(0, 1)
    w = w.reshape(w.shape[0], -1)
    k = w @ w.T
    return k - k.trace() / len(k) * torch.eye(len(k))


def models(count: int = 3, dtype: torch.dtype = torch.float64) -> list[Held]:
    return [held(f"m{i}", {k: torch.randn(s).to(dtype) for k, s in SHAPES.items()}) for i in range(count)]


@pytest.fixture(params=["whole", "in pieces"])
def _pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "in pieces":
        for name, size in (("TILES", 200), ("PIECE", 60), ("WHOLE", 0)):
            monkeypatch.setattr(spaces, name, size)


def figures(c: Comparison) -> dict[tuple[str, tuple[int, int]], float]:
    return {(row.name, pair): v.cosine for row in c.rows for pair, v in row.values.items()}


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize("space", [Space.INPUT, Space.OUTPUT])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16], ids=str)
def test_cosines_are_those_of_the_grams_written_out(space: Space, dtype: torch.dtype):
    some = models(dtype=dtype)
    found = figures(compare(some, Options(space=space, workers=1)))
    assert len(found) == 3 * (len(SHAPES) - (space is Space.OUTPUT))
    for (name, pair), cosine in found.items():
        k, k2 = (centred_gram(some[i].values[name].double(), name, space) for i in pair)
        assert cosine == pytest.approx(((k * k2).sum() / (k.norm() * k2.norm())).item(), abs=1e-12)


@pytest.mark.parametrize("shape", [(24, 10), (10, 24), (9, 6, 3, 3)])
def test_a_rotation_of_the_other_side_leaves_the_space_as_it_is(shape: tuple[int, ...]):
    w = torch.randn(shape)
    q = orthogonal(shape[0], generator=torch.Generator().manual_seed(1))  # W' = WQ mixes outputs
    pair = [held("a", {"w.weight": w}), held("b", {"w.weight": torch.einsum("po,o...->p...", q, w)})]
    by_space = {s: figures(compare(pair, Options(space=s)))["w.weight", (0, 1)] for s in Space}
    assert by_space[Space.INPUT] == pytest.approx(1, abs=1e-12)
    assert by_space[Space.OUTPUT] < 0.5
    assert abs(by_space[Space.WEIGHT]) < 0.5


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (8, 6, 3, 3)])
def test_unrelated_weights_read_zero_with_the_stated_deviation(shape: tuple[int, ...]):
    draws = 120
    scales = torch.rand(shape[1]) + 0.2  # the spectrum must not matter
    values = [torch.einsum("oi...,i->oi...", torch.randn(shape), scales) for _ in range(2)]
    turned = []
    for seed in range(draws):
        q = orthogonal(shape[1], generator=torch.Generator().manual_seed(seed))
        pair = [held("a", {"w": values[0]}), held("b", {"w": torch.einsum("oi...,ij->oj...", values[1], q)})]
        turned.append(figures(compare(pair, Options(space=Space.INPUT, workers=1)))["w", (0, 1)])
    found = torch.tensor(turned)
    sd = baseline_sd(shape[1])
    assert abs(found.mean()) < 4 * sd / math.sqrt(draws)
    assert found.square().mean().sqrt() == pytest.approx(sd, rel=4 / math.sqrt(2 * draws) * 1.5)


def test_without_removing_the_identity_unrelated_weights_would_look_alike():
    a, b = torch.randn(2, 400, 10)
    plain = ((a.T @ a) * (b.T @ b)).sum() / ((a.T @ a).norm() * (b.T @ b).norm())
    assert plain > 0.95
    pair = [held("a", {"w": a}), held("b", {"w": b})]
    assert abs(figures(compare(pair, Options(space=Space.INPUT)))["w", (0, 1)]) < 4 * baseline_sd(10)


def test_vectors_single_channels_and_orthogonal_weights_have_no_space_and_are_listed():
    q = orthogonal(6, generator=torch.Generator().manual_seed(0))
    values = {"b.bias": torch.randn(6), "one.weight": torch.randn(1, 6), "q.weight": q, "w.weight": torch.randn(6, 4)}
    c = compare([held("a", values), held("b", {k: v + 0.0 for k, v in values.items()})], Options(space=Space.OUTPUT))
    assert {s.name: s.reason.split(",")[0] for s in c.skipped} == {
        "b.bias": "a vector",
        "one.weight": "a single channel on that side",
        "q.weight": "its Gram is a multiple of the identity",
    }
    assert figures(c) == {("w.weight", (0, 1)): 1.0}


@pytest.mark.usefixtures("_pieces")
@pytest.mark.parametrize("space", [Space.INPUT, Space.OUTPUT])
def test_subspace_overlaps_are_those_of_the_singular_value_decomposition(space: Space):
    some = models(2)
    c = compare(some, Options(space=space, subspace=3, workers=1))
    for row in c.rows:
        if row.name == "one.weight":
            assert row.values[0, 1].subspace is None  # of rank 1
            continue
        bases = []
        for model in some:
            w = as_printed(model.values[row.name], row.name)
            w = w.transpose(0, 1) if space is Space.OUTPUT else w
            w = w.reshape(w.shape[0], -1)
            bases.append(torch.linalg.svd(w, full_matrices=False)[0][:, : min(3, *w.shape)])
        expected = (bases[0].T @ bases[1]).square().sum() / bases[0].shape[1]
        assert row.values[0, 1].subspace == pytest.approx(expected.item(), abs=1e-10)


def test_the_update_of_a_space_is_the_gram_of_the_update():
    parent, one, two = (torch.randn(7, 5) for _ in range(3))
    trio = [held(n, {"w": w}) for n, w in (("a", parent + one), ("b", parent + two))]
    c = compare(trio, Options(space=Space.INPUT), parent=held("p", {"w": parent}))
    k, k2 = (centred_gram(x, "w", Space.INPUT) for x in (one, two))
    assert figures(c)["w", (0, 1)] == pytest.approx(((k * k2).sum() / (k.norm() * k2.norm())).item(), abs=1e-12)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("scale", [1e200, 1e100, 1e-100, 1e-200, 1e-12])
def test_spaces_do_not_depend_on_the_scale_of_the_weights(scale: float, fast: bool):
    options = Options(space=Space.INPUT, subspace=2, fast=fast)
    some = models(2)
    other = [held(m.name, {k: v * scale for k, v in m.values.items()}) for m in some]
    for row, same in zip(compare(some, options).rows, compare(other, options).rows, strict=True):
        v, w = row.values[0, 1], same.values[0, 1]
        for name in ("cosine", "relative_distance", "norm_ratio", "subspace"):
            assert getattr(w, name) == pytest.approx(getattr(v, name), abs=1e-4 if fast else 1e-10)


def test_a_subspace_that_says_nothing_is_left_out_and_told():
    low = [torch.randn(9, 2) @ torch.randn(2, 7) for _ in "ab"]
    pair = [held(n, {"x.weight": torch.randn(9, 7), "low.weight": w}) for n, w in zip("ab", low, strict=True)]
    c = compare(pair, Options(space=Space.INPUT, subspace=3))
    assert [row.values[0, 1].subspace is None for row in c.rows] == [False, True]
    told = "no subspace of rank 3 in 1 of 2 layers, too small or of lower rank (low.weight)"
    assert told in remarks(c)
    assert "subspace" not in report.to_json(c)["layers"][1]["values"]["a|b"]
    assert report.to_csv(c).splitlines()[2].endswith(",")
    with pytest.raises(InvalidValueError, match=r"--subspace 7 is more directions than any layer .* at most 6 here"):
        compare(pair, Options(space=Space.INPUT, subspace=7))  # the whole side, which is always 1
