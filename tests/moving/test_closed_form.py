"""The closed form equals a brute-force least-squares fit of M' on linear stacks, where it is exact."""

from types import SimpleNamespace

import pytest
import torch

from ioadapt_theory.effect import SIDES
from ioadapt_theory.errors import ShapeError
from ioadapt_theory.moving.carrying.closed_form import RIDGES, Regression, Translation, low_rank, truncated
from tests.effect.nets import stack
from tests.effect.test_copying import X, effect, exact_rows

RANK = 2
SIZES = {"weight": (9, 7), "input": (9, 9), "output": (7, 7)}


def factors(side: str, seed: int = 3):
    generator = torch.Generator().manual_seed(seed)
    c, d = SIZES[side]
    draw = {"generator": generator, "dtype": torch.float64}
    return torch.randn(c, RANK, **draw), torch.randn(RANK, d, **draw)


def distance(e: torch.Tensor, target, layer: int, side: str, m: torch.Tensor) -> float:
    return float((effect(target, layer, side, m, X) - e).square().sum() / e.square().sum())


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("target_side", SIDES)
def test_no_other_matrix_has_an_effect_that_is_nearer(side, target_side):
    source, target = stack(0, 6, 9, 7, 4), stack(1, 6, 12, 5, 4)  # narrower than the output
    a, b = factors(side)
    translation = Translation((a, b), side, target_side)
    translation.add(exact_rows(source, 1, X), exact_rows(target, 1, X))
    translation.solve()
    made = translation.candidates[f"ridge {RIDGES[0]:g}"]
    assert made[0].shape[1] == RANK
    e = effect(source, 1, side, a @ b, X)
    c, d = {"weight": (12, 5), "input": (12, 12), "output": (5, 5)}[target_side]
    units = torch.eye(c * d, dtype=torch.float64).reshape(-1, c, d)
    columns = torch.stack([effect(target, 1, target_side, unit, X).flatten() for unit in units], 1)
    best = torch.linalg.lstsq(columns, e.flatten()[:, None], driver="gelsd").solution
    least = float((columns @ best - e.flatten()[:, None]).square().sum() / e.square().sum())
    assert least - 1e-9 <= distance(e, target, 1, target_side, (made[0] @ made[1]).double()) < least + 1e-3


def test_gradients_at_other_positions_are_refused():
    rows = exact_rows(stack(0, 6, 9, 7, 4), 1, X)
    longer = SimpleNamespace(reader=rows.reader, writer=lambda side: rows.writer(side).repeat(1, 1, 2, 1))
    with pytest.raises(ShapeError, match=r"cannot be paired, .* x 2 in the target but .* x 1 in the source"):
        Translation(factors("weight"), "weight", "weight").add(rows, longer)


def test_few_rows_and_many_give_one_solution():
    x, u = torch.randn(40, 6, dtype=torch.float64), torch.randn(40, 3, dtype=torch.float64)
    x[:, 2] = 0  # an inactive neuron
    for rows in (4, 40):
        sums = Regression(6, 3)
        for part in zip(x[:rows].split(3), u[:rows].split(3), strict=True):
            sums.add(*part)
        (found,) = sums.solve([0.1])
        gram = x[:rows].mT @ x[:rows]
        ridge = 0.1 * gram.diagonal().clamp_min(1e-12)
        expected = torch.linalg.solve(gram + ridge.diag(), x[:rows].mT @ u[:rows])
        torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-6)
        assert not found[2].any()


def test_an_iterated_low_rank_is_that_of_the_decomposition():
    a, b, d, e = (torch.randn(n, 2) for n in (40, 30, 40, 30))
    c, k = (torch.arange(1, n + 1) ** -1.0 for n in (40, 30))
    m = (a @ b.mT + d @ e.mT) / (c[:, None] * k + 0.1)
    near = None, torch.cat([b, e], 1).mT
    exact, iterated = (left @ right for left, right in (low_rank(m, c, k, 2, rows) for rows in near))
    torch.testing.assert_close(iterated, exact, rtol=0, atol=1e-3 * float(exact.abs().max()))


def test_the_best_low_rank_is_that_of_the_effect():
    model = stack(0, 6, 9, 7, 4)
    model[0].weight.data[:3] *= 20  # the layer's inputs are far from white
    rows = exact_rows(model, 1, X)
    r, g = rows.reader("weight").flatten(0, -2), rows.writer("weight").flatten(0, -2)
    m = torch.randn(9, 7, dtype=torch.float64)
    e = effect(model, 1, "weight", m, X)
    a, b, kept = truncated(m, r.mT @ r, g.mT @ g, rank=2)
    u, s, v = torch.linalg.svd(m, full_matrices=False)
    plain = (u[:, :2] * s[:2]) @ v[:2]
    ours = distance(e, model, 1, "weight", a @ b)
    assert abs(ours - (1 - kept)) < 1e-3
    assert ours < distance(e, model, 1, "weight", plain) / 4
    assert truncated(m, r.mT @ r, g.mT @ g, share=kept - 1e-6)[0].shape[1] == 2


@pytest.mark.parametrize("seed", [34, 62, 75, 144, 145])
def test_features_that_are_nearly_always_silent_give_no_nan(seed):
    """On CPUs with AVX2, torch's float32 eigenvalues of these Gram matrices are NaN or do not converge."""
    plain = {"generator": torch.Generator().manual_seed(seed), "dtype": torch.float32}
    sizes, often = torch.exp(4 * torch.randn(64, **plain) - 6), torch.rand(64, **plain) ** 4
    here = (torch.rand(600, 64, **plain) < often) & (torch.rand(64, **plain) > 0.6)
    x = (torch.randn(600, 64, **plain) * sizes * here).double()
    gram = (x.mT @ x).float()
    a, b, kept = truncated(torch.randn(64, 64, **plain), gram, gram, rank=RANK)
    assert (a @ b).isfinite().all()
    assert 0 < kept <= 1


@pytest.mark.parametrize("rows", [6, 40])
def test_a_feature_that_is_hardly_seen_gets_no_large_weight(rows):
    """A feature such as a rare atom may be active on other inputs, where a weight of 1e12 would ruin the outputs."""
    x, u = torch.randn(rows, 8, generator=torch.Generator().manual_seed(0)), torch.ones(rows, 1)
    x[:, 3] *= 1e-13
    fit = Regression(8, 1)
    fit.add(x, u)
    for solution in fit.solve([1e-6, 1e-2]):
        assert solution.abs().max() < 10
        assert solution.abs().sum() > 0.1
