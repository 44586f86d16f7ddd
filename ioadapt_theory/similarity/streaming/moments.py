"""What one layer contributes to a comparison, however it was summed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ioadapt_theory.null import Profile


@dataclass(frozen=True, slots=True)
class Moments:
    """What one layer contributes; NaN where a model lacks it.

    Attributes:
        inner: Inner products of the models' tensors, of their updates, or of their centred Grams.
        sq_distance: Squared distances between them.
        sums: Sums of the elements, or None if they were not asked for.
        profiles: Of every centred Gram what its null needs; None if these are no Grams.
        errors: What rounding changes of ``inner`` at most, of Grams; None of tensors.
        exponents: All the above are of the tensors (or Grams) over 2^exponents; None where they are as they are.
    """

    inner: Float[np.ndarray, "n n"]
    sq_distance: Float[np.ndarray, "n n"]
    sums: Float[np.ndarray, " n"] | None = None
    exponents: Int[np.ndarray, " n"] | None = None
    profiles: tuple[Profile | None, ...] | None = None
    errors: Float[np.ndarray, "n n"] | None = None


def sq_distances(inner: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """|a - b|² = |a|² + |b|² - 2ab, never negative."""
    norms = np.diagonal(inner)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.maximum(norms[:, None] + norms[None, :] - 2 * inner, 0.0)
