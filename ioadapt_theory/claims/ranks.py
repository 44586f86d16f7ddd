"""The rank of a matrix of rational numbers, decided exactly: by primes whose product exceeds every minor."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from math import isqrt, lcm, prod

import numpy as np

from ioadapt_theory.errors import InvalidValueError

LARGEST_PRIME = 2**31 - 1
"""Products of two residues fit into 63 bits."""
WORK = 10**12
"""Multiplications that a matrix may take: minutes."""


def rank(m: np.ndarray) -> int:
    """Rank over the rationals.

    A rank modulo a prime is at most the rank; that it is not less follows once the product of the primes exceeds all
    minors of the next order, since a minor that all of them divide is then zero (Hadamard bounds it by its rows).

    Args:
        m: c x d, Fractions or integers.

    Raises:
        InvalidValueError: a matrix of lower rank, so large that a decision takes more than ``WORK`` multiplications.
    """
    rows = [_integers(row) for row in m.tolist()]
    lengths = sorted((isqrt(sum(x * x for x in row)) + 1 for row in rows), reverse=True)
    found, product, primes = 0, 1, _primes()
    for done in count():
        if found == min(m.shape) or product > prod(lengths[: found + 1]):
            break
        if done * m.size * min(m.shape) > WORK:
            size = " x ".join(map(str, m.shape))
            msg = f"The rank of a matrix of size {size}, at least {found}, takes too long to decide."
            raise InvalidValueError(msg)
        prime = next(primes)
        found = max(found, _modulo(np.array([[x % prime for x in row] for row in rows], dtype=np.int64), prime))
        product *= prime
    return found


def _integers(row: list[Fraction | int]) -> list[int]:
    """The row times its common denominator, which leaves the rank."""
    scale = lcm(*(Fraction(x).denominator for x in row))
    return [int(x * scale) for x in row]


def _primes() -> Iterator[int]:
    return (n for n in count(LARGEST_PRIME, -2) if all(n % d for d in range(3, isqrt(n) + 1, 2)))


def _modulo(m: np.ndarray, prime: int) -> int:
    """Gaussian elimination over the integers modulo a prime."""
    found = 0
    for column in range(m.shape[1]):
        pivots = np.flatnonzero(m[found:, column])
        if not len(pivots):
            continue
        pivot = found + int(pivots[0])
        m[[found, pivot]] = m[[pivot, found]]
        m[found] = m[found] * pow(int(m[found, column]), -1, prime) % prime
        below = m[found + 1 :]
        below -= np.outer(below[:, column], m[found]) % prime
        below %= prime
        found += 1
    return found
