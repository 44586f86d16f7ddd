"""What rows certify about a retained share R, a ratio of means over rows, without a model of their law.

The claims `effect-certified-mean`, `-range` and `-next` state what is proved here. Both statements need rows that are
drawn independently from one law, that of the rows to which they are applied.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ioadapt_theory.errors import InvalidValueError

BATCHES = 9
"""Number of batches m; the next one is in their range with probability (m - 1)/(m + 1) = 0.8."""
PROBABILITIES = (8.0, 2.0)
"""Largest loss ‖e' - e‖² and gain ‖e‖² of a row whose outputs are class probabilities, which sum to 1."""


def bounded(lost: Tensor, gained: Tensor, most: tuple[float, float], alpha: float = 0.05) -> tuple[float, float]:
    """Return an interval that contains R = 1 - E[lost]/E[gained] with probability at least 1 - ``alpha``.

    It is the smallest interval with all r for which |mean(lost - (1 - r) gained)| is at most the radius of Maurer and
    Pontil's empirical Bernstein inequality (2009, Theorem 4). The lower end is -inf where the rows do not show one.

    Args:
        lost: for each row, the squared norm of the difference of the adapter's effects on both models, ‖e' - e‖².
        gained: for each row, the squared norm of its effect on the source, ‖e‖².
        most: bounds on ``lost`` and ``gained`` that hold for every row of the law, not only for these rows, such as
            ``PROBABILITIES``. Outputs without limits, such as logits, have none; see ``following``.
        alpha: probability of an interval without R.

    Raises:
        InvalidValueError: fewer than two rows, a value outside its bounds, or no effect on the source.
    """
    d, g, n = lost.double(), gained.double(), len(lost)
    if n < 2 or not 0 < alpha < 1:
        msg = f"A certificate needs two rows or more and alpha between 0 and 1, not {n} and {alpha!r}."
        raise InvalidValueError(msg)
    for x, bound, name in ((d, most[0], "lost"), (g, most[1], "gained")):
        if not (math.isfinite(bound) and bool(((x >= 0) & (x <= bound)).all())):
            msg = f"The values of {name} are not all between 0 and their bound {bound!r}; give a bound for every row."
            raise InvalidValueError(msg)
    if not (mean := float(g.mean())) > 0:
        msg = "The adapter does not change the source's outputs on these rows; give other rows."
        raise InvalidValueError(msg)
    log = math.log(4 / alpha)  # two sides

    def radius(t: float) -> float:
        spread = float((d - t * g).var())
        return math.sqrt(2 * spread * log / n) + 7 * log * (most[0] + t * most[1]) / (3 * (n - 1))

    def low(t: float) -> float:
        return float((d - t * g).mean()) - radius(t)

    def high(t: float) -> float:
        return float((t * g - d).mean()) - radius(t)

    # low and high are concave in t = 1 - r and negative where the mean is 0, so each has one zero where it is positive
    middle = float(d.mean()) / mean
    least = _zero(low, 0.0, middle) if low(0.0) > 0 else 0.0
    slope = mean - math.sqrt(2 * float(g.var()) * log / n) - 7 * log * most[1] / (3 * (n - 1))
    if slope <= 0:
        return -math.inf, 1 - least
    end = 2 * middle + 1
    while high(end) <= 0:
        end *= 2
    return 1 - _zero(high, end, middle), 1 - least


def sentence(after: tuple[float, float, int]) -> str:
    """Return what ``following`` certifies, for a report."""
    low, high, size = after
    return (
        f"On the next {size} rows of this kind, the predicted share is from {low:z.2f} to {high:z.2f} in at least 80 %"
        " of cases, whatever their law (claim effect-certified-next)."
    )


def _zero(f: Callable[[float], float], outside: float, inside: float) -> float:
    """Return a number close to the zero of f between two numbers, at which f is positive, as it is at ``outside``."""
    for _ in range(80):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if f(middle) > 0 else (outside, middle)
    return outside


def following(top: Tensor, bottom: Tensor, seed: int = 0) -> tuple[float, float, int] | None:
    """Return the range (lower, upper) of the shares Σ top/Σ bottom of ``BATCHES`` batches of rows, and their size.

    The share of the next batch of this size is in the range with probability at least 0.8, whatever the law of the
    rows. The batches are drawn at random from the rows. The result is None for fewer than two rows per batch, or if the
    source gains nothing on a batch.
    """
    size = len(top) // BATCHES
    if size < 2:
        return None
    order = torch.randperm(len(top), generator=torch.Generator().manual_seed(seed))[: size * BATCHES]
    top, bottom = (x.double()[order].reshape(BATCHES, size).sum(1) for x in (top, bottom))
    if not bool((bottom > 0).all()):
        return None
    shares = top / bottom
    return float(shares.min()), float(shares.max()), size
