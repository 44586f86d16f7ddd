"""An inequality on a whole range of ε, certified in interval arithmetic: the violation of Prop. 2 by CE1c.

Same inputs for both models, W = diag(1, 6), W' = I, AB = ε e₁ᵀe₂: the distance is 6ε/sqrt(1 + 36ε²) - ε/sqrt(1 + ε²).
"""

from fractions import Fraction
from typing import Any

from ioadapt_theory.errors import MissingExtraError

BOXES = 400


def excess(epsilon: Any, sqrt: Any) -> Any:
    """distance/ε - 4, the printed slope at s₀ = 0 being 4; in the arithmetic of ``epsilon`` and ``sqrt``."""
    return 6 / sqrt(1 + 36 * epsilon**2) - 1 / sqrt(1 + epsilon**2) - 4


def boxes(upper: Fraction) -> list[tuple[Fraction, Fraction]]:
    """[0, upper] cut into equal closed boxes."""
    return [(upper * i / BOXES, upper * (i + 1) / BOXES) for i in range(BOXES)]


def by_mpmath(upper: Fraction) -> bool:
    """Whether the excess is positive on every box, in mpmath's outward-rounded intervals."""
    from mpmath import iv

    def interval(low: Fraction, high: Fraction) -> Any:
        ends = [iv.mpf(x.numerator) / x.denominator for x in (low, high)]
        return iv.mpf([ends[0].a, ends[1].b])

    return all(excess(interval(*box), iv.sqrt).a > 0 for box in boxes(upper))


def by_flint(upper: Fraction) -> bool:
    """The same in Arb's balls.

    Raises:
        MissingExtraError: python-flint is not installed.
    """
    try:
        from flint import arb, fmpq
    except ImportError as error:
        raise MissingExtraError("python-flint", "proofs") from error

    def ball(low: Fraction, high: Fraction) -> Any:
        middle, radius = (low + high) / 2, (high - low) / 2
        return arb(fmpq(middle.numerator, middle.denominator)) + arb(0, 1) * arb(
            fmpq(radius.numerator, radius.denominator)
        )

    return all(bool(excess(ball(*box), lambda x: x.sqrt()) > 0) for box in boxes(upper))
