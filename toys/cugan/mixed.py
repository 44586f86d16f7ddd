"""A linear mixed model with crossed random effects, fitted by restricted maximum likelihood (REML)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients of a mixed model, their covariance matrix, and the variance of each random effect and the rest."""

    coefficients: np.ndarray
    covariance: np.ndarray
    variances: np.ndarray

    def interval(self, weights: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
        """Return Σ weight · coefficient and the ends of its normal confidence interval."""
        w = np.asarray(weights, dtype=np.float64)
        value, half = float(w @ self.coefficients), float(np.sqrt(w @ self.covariance @ w))
        half *= float(stats.norm.ppf((1 + level) / 2))
        return value, value - half, value + half


def fit(y: np.ndarray, x: np.ndarray, groups: Sequence[Sequence[object]]) -> Fit:
    """Fit y = x β + Σ u_g + e, where each grouping g of the values has independent effects u_g of its own variance.

    Args:
        y: n values.
        x: n x p design matrix of full column rank.
        groups: groupings, each with the group of every value, such as its source, its target and its task.

    Returns:
        The fit, whose covariance matrix presumes that the variances are the estimated ones.
    """
    kernels = [np.equal.outer(*[np.unique(np.asarray(g, dtype=str), return_inverse=True)[1]] * 2) for g in groups]
    kernels = [kernel.astype(np.float64) for kernel in kernels] + [np.eye(len(y))]

    def solved(logs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        v = sum(np.exp(log) * kernel for log, kernel in zip(logs, kernels, strict=True))
        inverse = np.linalg.inv(v)
        information = x.T @ inverse @ x
        beta = np.linalg.solve(information, x.T @ inverse @ y)
        left = y - x @ beta
        deviance = np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1] + left @ inverse @ left
        return float(deviance), beta, np.linalg.inv(information)

    start = np.log(np.full(len(kernels), max(float(np.var(y)), 1e-12) / len(kernels)))
    bounds = [(one - 25, one + 10) for one in start]
    found = optimize.minimize(lambda logs: solved(logs)[0], start, method="L-BFGS-B", bounds=bounds)
    _, beta, covariance = solved(found.x)
    return Fit(beta, covariance, np.exp(found.x))
