"""The permutation null distribution equals that of all permutations of small matrices, or of many permutations."""

from itertools import pairwise, permutations, product

import numpy as np
import pytest

from toys.transfer.chance import Null, beside, moments, of_matrix, parts, skewness


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


def test_parts_of_a_concatenation_are_cut_at_the_widest_side_that_divides_it():
    widths = [320, 640, 1280, 4]
    assert parts(1920, widths) == (0, 640, 1280, 1920)  # 1280 beside 640
    assert parts(640, widths) == (0, 320, 640)
    assert parts(320, widths) == (0, 320)
    assert parts(77, widths) == (0, 77)
    assert parts(17 * 320, [320]) == (0, 17 * 320)
