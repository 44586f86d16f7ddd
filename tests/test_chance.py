"""The permutation null distribution equals that of all permutations of small matrices, or of many permutations."""

from itertools import pairwise, permutations, product

import numpy as np
import pytest

from ioadapt_theory.chance import STANDS_OUT, Null, beside, moments, of_matrix, parts, skewness


def gram(f: int, m: int, seed: int, shift: float = 0.5) -> np.ndarray:
    """Return a Gram matrix of weights with a common mean and unequal norms, without its multiple of I."""
    rng = np.random.default_rng(seed)
    w = (rng.standard_normal((f, m)) + shift) * (rng.random((f, 1)) + 0.3)
    return centred(w)


def centred(w: np.ndarray) -> np.ndarray:
    k = w @ w.T
    return k - np.trace(k) / len(k) * np.eye(len(k))


def null_of(a: np.ndarray, b: np.ndarray, cuts: tuple[int, ...] | None = None) -> Null:
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return beside(float((a * b).sum()), norms, of_matrix(a, cuts), of_matrix(b, cuts))


def every(cuts: tuple[int, ...]) -> list[list[int]]:
    """Return all permutations of channels that map each part between two ``cuts`` to itself."""
    each = [permutations(range(*ends)) for ends in pairwise(cuts)]
    return [[i for part in some for i in part] for some in product(*each)]


@pytest.mark.parametrize("cuts", [(0, 2), (0, 6), (0, 1, 4), (0, 4, 5, 7)], ids=str)
def test_mean_and_deviation_are_those_of_all_permutations_inside_the_parts(cuts: tuple[int, ...]):
    a, b = (gram(cuts[-1], 5, seed) for seed in (1, 2))
    sums = [float((a * b[np.ix_(p, p)]).sum()) for p in every(cuts)]
    one, two = of_matrix(a, cuts), of_matrix(b, cuts)
    mean, sd = (x * one.unit * two.unit for x in moments(one, two))
    assert mean == pytest.approx(np.mean(sums), rel=1e-10)
    assert sd == pytest.approx(np.std(sums), rel=1e-10)


@pytest.mark.parametrize("cuts", [(0, 7), (0, 2, 4, 7)], ids=str)
def test_the_skewness_of_channel_effects_is_that_of_all_permutations(cuts: tuple[int, ...]):
    """Each matrix is a diagonal plus additive effects of rows and columns, and zero between parts."""
    rng = np.random.default_rng(5)
    pair = []
    for _ in range(2):
        k = np.zeros((cuts[-1], cuts[-1]))
        for i, j in pairwise(cuts):
            u = rng.standard_exponential(j - i)
            k[i:j, i:j] = u[:, None] + u + np.diag(rng.standard_exponential(j - i))
        pair.append(k)
    a, b = pair
    sums = np.array([(a * b[np.ix_(p, p)]).sum() for p in every(cuts)])
    expected = np.mean((sums - sums.mean()) ** 3) / sums.std() ** 3
    assert skewness(of_matrix(a, cuts), of_matrix(b, cuts)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("cuts", [(0, 12), (0, 4, 12)], ids=str)
@pytest.mark.parametrize("scale", [1e-140, 1e-40, 1e60, 1e140])
def test_the_null_does_not_depend_on_the_scale(scale: float, cuts: tuple[int, ...]):
    a, b = gram(12, 5, 1), gram(12, 5, 2)
    one, two = null_of(a, b, cuts), null_of(a * scale, b / scale, cuts)
    values = [[null.cosine, null.mean, null.sd, null.skew, null.z] for null in (one, two)]
    assert values[1] == pytest.approx(values[0], rel=1e-9)
    assert null_of(a * scale, b * scale, cuts).z == pytest.approx(one.z, rel=1e-9)


def strangers(f: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return weights with a few large channels or singular values, which give the null distribution heavy tails."""
    normal = rng.standard_normal((f, f))
    basis = np.linalg.qr(rng.standard_normal((f, f)))[0]
    return {
        "normal": normal,
        "scaled rows": normal * np.exp(rng.standard_normal((f, 1))),
        "power law": basis / np.arange(1, f + 1) @ normal,
        "outliers": normal * np.where(rng.random((f, 1)) < 0.05, 10, 1),
    }


def test_strangers_pass_three_deviations_as_seldom_as_a_normal_law_says():
    """The share of pairs beyond three deviations is .0013; without the correction for skewness, it would be .01."""
    rng = np.random.default_rng(0)
    plain, corrected, ps = [], [], []
    for f in (16, 48):
        for _ in range(40):
            for one, two in zip(strangers(f, rng).values(), strangers(f, rng).values(), strict=True):
                a, b = centred(one), centred(two)
                null = null_of(a, b)
                for order in (rng.permutation(f) for _ in range(60)):
                    cosine = float((a * b[np.ix_(order, order)]).sum()) / np.linalg.norm(a) / np.linalg.norm(b)
                    drawn = Null(cosine, null.mean, null.sd, null.skew)
                    plain.append((cosine - null.mean) / null.sd)
                    corrected.append(drawn.z)
                    ps.append(drawn.p)
    assert np.mean(np.array(plain) > STANDS_OUT) > 0.006
    assert np.mean(np.array(corrected) > STANDS_OUT) < 0.004
    assert 0.035 < np.mean(np.array(ps) < 0.05) < 0.065


@pytest.mark.parametrize(("f", "too_small"), [(16, True), (64, False)])
def test_layers_too_small_to_tell_are_those_whose_half_shared_weights_pass_for_strangers(f: int, too_small: bool):
    rng = np.random.default_rng(f)
    nulls = []
    for _ in range(40):
        one, two = rng.standard_normal((2, f, 2 * f))
        nulls.append(null_of(centred(one), centred(one / 2 + two * np.sqrt(3) / 2)))  # of cosine 1/2
    seen = np.mean([null.z > STANDS_OUT for null in nulls])  # type: ignore[operator]
    assert np.mean([null.too_small for null in nulls]) == too_small
    assert seen < 0.8 if too_small else seen == 1


def test_parts_of_a_concatenation_are_cut_at_the_widest_side_that_divides_it():
    widths = [320, 640, 1280, 4]
    assert parts(1920, widths) == (0, 640, 1280, 1920)  # 1280 beside 640
    assert parts(640, widths) == (0, 320, 640)
    assert parts(320, widths) == (0, 320)
    assert parts(77, widths) == (0, 77)
    assert parts(17 * 320, [320]) == (0, 17 * 320)


def test_parts_of_unequal_size_in_all_networks_are_shared_by_construction():
    """A part with large and a part with small weights make unrelated layers look related, unless the null has both."""
    rng = np.random.default_rng(7)
    sizes = np.repeat([1.0, 0.2], 40)[:, None]
    a, b = (centred(sizes * rng.standard_normal((80, 200))) for _ in range(2))
    as_one, as_two = null_of(a, b).z, null_of(a, b, (0, 40, 80)).z
    assert as_one is not None
    assert as_one > 2 * STANDS_OUT
    assert as_two is not None
    assert abs(as_two) < STANDS_OUT
