"""The law of a mean of ‖xD‖²: a weighted sum of χ², whose tails are integrals over a parabola through a saddle point.

With weights w_k ≥ 0 that sum to 1 and N samples, R = Σ w_k χ²_N,k / N has mean 1 and cumulant generating function
K(s) = −N/2 Σ ln(1 − 2w_k s/N). P(R > x) is the integral of exp(K(s) − sx)/(2πi s) over a line that crosses the real
axis between 0 and N/(2 max w), and minus P(R ≤ x) where it crosses below 0 (Rice 1980; Daniels 1987). On the parabola
that follows the steepest descent from the saddle point K'(c) = x the trapezoidal rule converges geometrically.
"""

from statistics import NormalDist

import numpy as np

NODES, STEP = 52, 0.2
"""The integrand has fallen by exp(−10²/3) at the last node; the nearest singularity, the pole at 0, is about 2 away."""
ITERATIONS, ACCURACY = 100, 1e-10


def quantiles(weights: np.ndarray, samples: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles (1 ∓ level)/2 of R, for every row of weights.

    Args:
        weights: S x r, at least 0; every row sums to 1.
        samples: N.
        level: probability between the two, at least 0.9: quantiles near the mean are near the pole at 0.
    """
    assert 0.9 <= level < 1, "a level of an interval"
    tail = (1 - level) / 2
    return _quantile(weights, samples, tail, -1), _quantile(weights, samples, tail, 1)


def _quantile(weights: np.ndarray, samples: int, probability: float, side: int) -> np.ndarray:
    """Where the tail on this side of the mean has the given probability: Newton's method, kept within a bracket.

    The saddle point is u/(1 + u) (above the mean) or −u times the end N/(2 max w) of the domain; ln u is looked for.
    """
    end = samples / (2 * weights.max(-1))
    spread = np.sqrt(2 * (weights**2).sum(-1) / samples)
    log_u = np.log(NormalDist().inv_cdf(1 - probability) / (spread * end))
    low, high = log_u - 40, log_u + 40
    for _ in range(ITERATIONS):
        c = _saddle(log_u, end, side)
        found, density = tail(weights, samples, c)
        low, high = np.where(found > probability, log_u, low), np.where(found > probability, high, log_u)
        slope = density * _derivatives(weights, samples, c)[2] * np.abs(c) / found  # −d ln P/d ln |c|
        missing = np.log(found / probability)
        if np.abs(missing).max() < ACCURACY:
            break
        step = missing / (slope / (1 + np.exp(log_u)) if side > 0 else slope)
        inside = np.isfinite(step) & (log_u + step > low) & (log_u + step < high)
        log_u = np.where(np.abs(missing) < ACCURACY, log_u, np.where(inside, log_u + step, (low + high) / 2))
    return _derivatives(weights, samples, _saddle(log_u, end, side))[1]


def _saddle(log_u: np.ndarray, end: np.ndarray, side: int) -> np.ndarray:
    u = np.exp(log_u)
    return end * (u / (1 + u) if side > 0 else -u)


def _derivatives(weights: np.ndarray, samples: int, c: np.ndarray) -> tuple[np.ndarray, ...]:
    """K and its first three derivatives at c (S)."""
    scaled = 2 * weights / samples
    rest = 1 - scaled * c[:, None]
    q = scaled / rest
    k = -samples / 2 * np.log(rest).sum(-1)
    return k, *(samples / 2 * factor * (q**power).sum(-1) for power, factor in ((1, 1), (2, 1), (3, 2)))


def tail(weights: np.ndarray, samples: int, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P(R > K'(c)) where c > 0, P(R ≤ K'(c)) where c < 0, and the density there to a few per cent (Daniels 1954)."""
    k, x, second, third = _derivatives(weights, samples, c)
    t = STEP * np.arange(NODES)
    speed, bend = 1 / np.sqrt(second)[:, None], (third / (6 * second**2))[:, None]
    s = c[:, None] + 1j * t * speed + t**2 * bend
    exponent = -samples / 2 * np.log(1 - 2 * weights[:, :, None] / samples * s[:, None, :]).sum(1) - s * x[:, None]
    values = (np.exp(exponent) / s * (1j * speed + 2 * t * bend)).imag
    values[:, 0] /= 2
    return np.abs(values.sum(-1)) * STEP / np.pi, np.exp(k - c * x) / np.sqrt(2 * np.pi * second)
