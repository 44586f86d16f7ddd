"""The two-way map is exact for every change of coordinates, and needs fewer rows than a regression on one side."""

from itertools import product

import pytest
import torch
from torch import nn

from ioadapt_theory import adapt, layers, parameters, transfer
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.maps.moments import READS, WRITES, Gathered, Moments
from ioadapt_theory.maps.solve import ONE_WAY, PROCRUSTES, RULES, TWO_WAY, Rule, polar, solve, sylvester, truncated
from tests.effect.nets import X, effect, exact_rows, stack

EXACT = Rule("two-way", 1e-13)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=torch.float64)


def pair(d: int, d2: int, rows: int, gradients: int) -> tuple[torch.Tensor, torch.Tensor, Moments]:
    """Return P and Q, and moments of rows with u = xP, h = kPᵀ, and of rows with k = hQ, x = uQᵀ, in one place."""
    p, x, k = drawn(d2, d, seed=1), drawn(rows, d2, seed=2), 30 * drawn(gradients, d, seed=3)
    moments = Moments()
    moments.add(x, x @ p, k @ p.mT, k)
    return p, x, moments


@pytest.mark.parametrize(("d", "d2"), [(12, 12), (12, 20), (20, 12)])
def test_every_change_of_coordinates_is_found(d, d2):
    p, _, moments = pair(d, d2, 50, 60)
    torch.testing.assert_close(moments.map("reads", EXACT), p, rtol=1e-8, atol=1e-8)
    assert moments.explained("reads", p) == pytest.approx((1.0, 1.0))
    assert float((moments.map("reads", TWO_WAY) - p).norm() / p.norm()) < 0.02
    swapped = Moments(C=moments.K, K=moments.C)  # h = xP and so on: the same equations, of a writer
    torch.testing.assert_close(swapped.map("writes", EXACT), p, rtol=1e-8, atol=1e-8)
    assert swapped.explained("writes", p) == pytest.approx((1.0, 1.0))


def test_it_is_the_least_squares_solution_of_both_equations():
    x, u, h, k, anchor = (drawn(n, m, seed=n) for n, m in ((30, 5), (30, 4), (31, 5), (31, 4), (5, 4)))
    moments = Moments()
    moments.add(x, u, h, k)
    a, b = x.mT @ x / u.square().sum(), k.mT @ k / h.square().sum()
    c = x.mT @ u / u.square().sum() + h.mT @ k / h.square().sum()
    rows = torch.cat(
        [torch.kron(x, torch.eye(4)) / u.norm(), torch.kron(torch.eye(5), k) / h.norm(), torch.eye(20) * 0.3]
    )
    wanted = torch.cat([u.flatten() / u.norm(), h.mT.flatten() / h.norm(), 0.3 * anchor.flatten()])
    best = torch.linalg.lstsq(rows, wanted[:, None]).solution.reshape(5, 4)
    torch.testing.assert_close(sylvester(a, b, c, 0.09, anchor), best)


def test_activations_and_gradients_together_need_fewer_rows():
    p, _, moments = pair(12, 20, 15, 200)
    torch.testing.assert_close(moments.map("reads", EXACT), p, rtol=1e-6, atol=1e-6)
    assert float((moments.map("reads", Rule("one-way", 1e-13)) - p).norm() / p.norm()) > 0.3


def test_an_orthogonal_change_is_found_and_known_bases_are_kept():
    turn, x, k = torch.linalg.qr(drawn(9, 9))[0], drawn(40, 9, seed=5), drawn(40, 9, seed=6)
    for p, size in ((turn, 7), (torch.eye(9), 1)):
        moments = Moments()
        moments.add(size * x, x @ p, k @ p.mT, size * k)  # the target's activations may be seven times as large
        for rule in (TWO_WAY, PROCRUSTES):
            torch.testing.assert_close(size * moments.map("reads", rule), p, rtol=0, atol=1e-6)
    moments = Moments()
    moments.add(*[torch.cat([t, torch.zeros(40, 2)], 1) for t in (x, x, k, k)])  # two silent channels
    for rule in RULES.values():
        torch.testing.assert_close(moments.map("reads", rule)[9:], torch.zeros(2, 11), rtol=0, atol=1e-9)
    torch.testing.assert_close(moments.map("reads", TWO_WAY, same=True), torch.eye(11), rtol=0, atol=1e-6)


def test_one_side_alone_is_a_ridge_regression():
    x, u = drawn(40, 6), drawn(40, 3)
    x[:, 2] = 0  # an inactive neuron
    moments = Moments(alike=False)
    moments.add(x, u, x, u)
    gram, ridge = x.mT @ x, 0.1 * (x.mT @ x).diagonal()
    expected = torch.linalg.solve(gram + (ridge + 1e-12).diag(), x.mT @ u)
    torch.testing.assert_close(moments.map("reads", Rule("one-way", 0.1)), expected, atol=1e-8, rtol=1e-8)
    assert moments.explained("reads", expected)[1] == 0.0
    assert moments.map("reads", TWO_WAY).isfinite().all()


def test_the_polar_factor_maps_nothing_to_directions_that_are_not_seen():
    c = drawn(8, 2) @ drawn(2, 6)
    u = polar(c)
    torch.testing.assert_close(u @ u.mT @ c, c)
    assert int(torch.linalg.matrix_rank(u)) == 2


@pytest.mark.parametrize("side", ["weight", "input", "output"])
@pytest.mark.parametrize("target_side", ["weight", "input", "output"])
def test_no_other_matrix_has_an_effect_that_is_nearer_than_one_way(side, target_side):
    source, target = stack(0, 6, 9, 7, 4), stack(1, 6, 12, 5, 4)  # narrower than the output
    here, there = exact_rows(source, 1, X), exact_rows(target, 1, X)
    c, d = {"weight": (9, 7), "input": (9, 9), "output": (7, 7)}[side]
    a, b = drawn(c, 2), drawn(2, d)
    maps = []
    for role, table in (("reads", READS), ("writes", WRITES)):
        place = ("", table[side], "", table[target_side])
        gathered = Gathered([place])
        gathered.add({"": here}, {"": there})
        maps.append(gathered.moments[place].map(role, Rule("one-way", 1e-9)))
    e = effect(source, 1, side, a @ b, X)
    c, d = {"weight": (12, 5), "input": (12, 12), "output": (5, 5)}[target_side]
    units = torch.eye(c * d, dtype=torch.float64).reshape(-1, c, d)
    columns = torch.stack([effect(target, 1, target_side, unit, X).flatten() for unit in units], 1)
    best = torch.linalg.lstsq(columns, e.flatten()[:, None], driver="gelsd").solution
    least = float((columns @ best - e.flatten()[:, None]).square().sum() / e.square().sum())
    assert least - 1e-9 <= distance(e, target, 1, target_side, maps[0] @ a @ b @ maps[1].mT) < least + 1e-3


def distance(e: torch.Tensor, target, layer: int, side: str, m: torch.Tensor) -> float:
    return float((effect(target, layer, side, m, X) - e).square().sum() / e.square().sum())


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
    a, b, kept = truncated(torch.randn(64, 64, **plain), gram, gram, rank=2)
    assert (a @ b).isfinite().all()
    assert 0 < kept <= 1
    moments = Moments()
    moments.add(x.float(), x.flip(1).float(), x.float(), x.flip(1).float())
    for rule in RULES.values():
        assert moments.map("reads", rule).isfinite().all()


@pytest.mark.parametrize("rule", [ONE_WAY, TWO_WAY, PROCRUSTES])
def test_a_feature_that_is_hardly_seen_gets_no_large_weight(rule):
    """A feature such as a rare atom may be active on other inputs, where a weight of 1e12 would ruin the outputs."""
    x, u = drawn(40, 8), torch.ones(40, 1, dtype=torch.float64)
    x[:, 3] *= 1e-13
    moments = Moments(alike=False)
    moments.add(x, u, x, u)
    solution = solve(*moments.relations("reads"), rule)
    assert solution.abs().max() < 10
    assert solution.abs().sum() > 0.1


def test_a_feature_that_is_rare_in_the_rows_gets_no_large_weight():
    """Other inputs may show the feature at its full size, where a weight that is fitted to noise would ruin outputs."""
    x, u = drawn(40, 8), drawn(40, 5, seed=7)
    x[:, 3] /= 10_000
    moments = Moments(alike=False)
    moments.add(x, u, x, u)
    assert moments.map("reads", ONE_WAY)[3].abs().max() < 50


@pytest.mark.parametrize(("adapter", "target", "inputs"), [(1e30, 1, 1), (1, 3e37, 1), (1, 1, 1e20)])
def test_numbers_that_are_too_large_are_refused_and_nothing_is_changed(adapter, target, inputs):
    one, two = (nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)).float() for _ in range(2))
    adapt(one, target_modules=["0"], placement="input", rank=2, init="random", dtype=torch.float32)
    with torch.no_grad():
        for _, p in parameters(one):
            p.mul_(adapter)
        two[0].weight.mul_(target)
    x = torch.randn(32, 8, dtype=torch.float32)
    with pytest.raises(InvalidValueError, match=r"too large or not finite on these|contain NaN or infinity"):
        transfer(one, two, inputs=x * inputs, need="outputs")
    assert layers(two) == {}


@pytest.mark.parametrize("size", [1e-18, 1e-20, 1e-22])
@pytest.mark.parametrize("which", range(4))
def test_rows_whose_squares_are_too_small_for_float32_count_as_zero(size, which):
    """A saturated gate has gradients of 1e-20, of which a map would be infinite."""
    rows = [drawn(40, 6 if i % 2 else 8, seed=i).float() for i in range(4)]
    rows[which] *= size
    moments = Moments()
    moments.add(*rows)
    assert moments.idle == (which == 2)
    for rule, role in product(RULES.values(), ("reads", "writes")):
        assert moments.map(role, rule).isfinite().all()


@pytest.mark.parametrize("rule", RULES.values())
def test_a_map_is_zero_where_neither_activations_nor_gradients_say_anything(rule):
    """The source of a grouped convolution's adapter may read only zeros; sides of groups have no gradients."""
    moments = Moments(alike=False)
    moments.add(drawn(40, 8), torch.zeros(40, 6), drawn(40, 8), torch.zeros(40, 6))
    for role in ("reads", "writes"):
        assert torch.equal(moments.map(role, rule), torch.zeros(8, 6, dtype=torch.float64))
