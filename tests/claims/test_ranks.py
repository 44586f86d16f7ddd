"""The rank is that of the rational numbers, whatever the sizes of the numbers and of the matrix."""

from fractions import Fraction

import numpy as np
import pytest

from ioadapt_theory.claims import ranks
from ioadapt_theory.claims.ranks import LARGEST_PRIME, rank
from ioadapt_theory.errors import InvalidValueError


def planted(c: int, d: int, r: int, seed: int, scale: int = 1) -> np.ndarray:
    """c x d of rank r, in Fractions with all sorts of denominators."""
    rng = np.random.default_rng(seed)
    left, right = (rng.integers(-9, 10, shape).astype(object) for shape in ((c, r), (r, d)))
    left[:r, :r] = np.tril(left[:r, :r], -1) + np.eye(r, dtype=int).astype(object)
    right[:r, :r] = np.triu(right[:r, :r], 1) + np.eye(r, dtype=int).astype(object)
    rows = np.array([Fraction(1, int(k)) for k in rng.integers(1, 10**6, c)], dtype=object)[:, None]
    return left @ right * rows * scale


@pytest.mark.parametrize(("c", "d", "r"), [(1, 1, 1), (3, 5, 2), (5, 3, 3), (8, 8, 7), (70, 65, 64), (65, 70, 65)])
@pytest.mark.parametrize("scale", [1, LARGEST_PRIME])
def test_the_rank_that_was_planted(c: int, d: int, r: int, scale: int) -> None:
    assert rank(planted(c, d, r, seed=c, scale=scale)) == r


@pytest.mark.parametrize("seed", range(20))
def test_pivots_are_searched_below_the_rows_that_are_done(seed: int) -> None:
    m = np.random.default_rng(seed).choice([0, 0, 0, 1, -2], (5, 6)).astype(object)
    assert rank(m) == np.linalg.matrix_rank(m.astype(float))


def test_a_zero_matrix_has_rank_zero() -> None:
    assert rank(np.zeros((3, 2), dtype=object)) == 0


@pytest.mark.parametrize("power", [10, 100, 300])
def test_no_entry_is_too_small_to_count(power: int) -> None:
    assert rank(np.array([[Fraction(1), 0], [0, Fraction(1, 10**power)]], dtype=object)) == 2
    assert rank(np.array([[1, 10**power], [10**power, 10 ** (2 * power)]], dtype=object)) == 1
    assert rank(np.array([[1, 10**power], [10**power, 10 ** (2 * power) + 1]], dtype=object)) == 2


def test_a_matrix_that_the_first_prime_divides_is_not_taken_for_zero() -> None:
    """The minors are bounded by the longest rows, not by the row of zeros."""
    assert rank(np.array([[0, 0], [LARGEST_PRIME, 0]], dtype=object)) == 1


def test_a_full_rank_is_seen_by_one_prime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "_primes", lambda: iter([LARGEST_PRIME]))
    assert rank(np.array([[10**300, 0, 1], [0, 10**300, 1]], dtype=object)) == 2


def test_primes_are_those_below_two_to_the_31() -> None:
    primes = ranks._primes()
    assert [next(primes) for _ in range(3)] == [2147483647, 2147483629, 2147483587]


def test_work_is_the_entries_times_the_smaller_side_for_every_prime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 1 with minors of up to 1e40: five primes."""
    m = np.array([[10**19, 0, 0], [10**19, 0, 0]], dtype=object)
    monkeypatch.setattr(ranks, "WORK", 48)
    assert rank(m) == 1
    monkeypatch.setattr(ranks, "WORK", 47)
    with pytest.raises(InvalidValueError, match="size 2 x 3, at least 1, takes too long"):
        rank(m)
    assert rank(m[:1]) == 1


def test_what_cannot_be_decided_in_time_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "WORK", 10)
    with pytest.raises(InvalidValueError, match="size 8 x 8, at least 7, takes too long to decide"):
        rank(planted(8, 8, 7, seed=0))
