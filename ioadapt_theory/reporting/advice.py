"""Recommendations for moving an adapter."""

from dataclasses import dataclass
from typing import Final

from ioadapt_theory.effect import Prediction
from ioadapt_theory.reporting.predictions import TIE, Predictions

CARRY: Final = (
    "carry the adapter over with `ioadapt transfer ADAPTER SOURCE TARGET --inputs BATCH --out FILE` (in Python,"
    " `transfer` with inputs=)"
)


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommended action.

    Attributes:
        how: the action, as a clause.
        why: the reason for the action, which may contain a predicted share of the gain.
        kept: predicted share of the adapter's gain (its reduction of the loss) that this action keeps; 0 to retrain
            the adapter instead, None if it is not known.
    """

    how: str
    why: str
    kept: float | None = None

    def __str__(self) -> str:
        return f"{self.how[0].upper()}{self.how[1:]}: {self.why}."


ELSEWHERE: Final = Advice(
    'add `--match effect` to `ioadapt transfer` (in Python, match="effect") if no layer names match',
    "each adapted layer is then paired with the layer of the target that keeps most of the gain",
)


def advise(predictions: Predictions, *, adapted: bool) -> list[Advice]:
    """Return the recommended actions, best first; ``adapted`` is whether there is an adapter to move."""
    if not adapted:
        return []
    if predictions.copied is None:
        return [Advice(CARRY, "a copy fits no layer of the target"), ELSEWHERE]
    advice = _of_effect(predictions.copied)
    if predictions.same and predictions.copied.kept < 1 - TIE:
        kept = f"a copy is predicted to keep only {predictions.copied.kept:z.2f} of the adapter's gain"
        why = f"the models compute the same function with different weights, and {kept}"
        advice = [Advice(CARRY, why), *(one for one in advice if one.how != CARRY)]
    return advice


def _of_effect(copied: Prediction) -> list[Advice]:
    names = {"labels": "the adapter's gain in log-likelihood (R_KL)", "outputs": "the adapter's gain (R_out)"}
    gain = names.get(copied.need, "the adapter's gain (R)")
    span = "" if copied.interval is None else "80 % interval {:z.2f} to {:z.2f}, ".format(*copied.interval)
    rows = f"{span}from {copied.rows} row{'s' * (copied.rows != 1)}"
    why = f"a copy is predicted to keep {copied.kept:z.2f} of {gain}, {rows}"
    options = [Advice("copy the adapter unchanged", why, copied.kept)]
    if copied.need == "change" and copied.at_best_strength > copied.kept + TIE:  # c² does not apply to labels
        how = f"copy the adapter at strength {copied.cosine / copied.ratio:z.2f}"
        best = f"this is predicted to keep {copied.at_best_strength:z.2f} of the gain (c²), not {copied.kept:z.2f} (R)"
        options.insert(0, Advice(how, best, copied.at_best_strength))
    if options[0].kept is not None and options[0].kept <= TIE:
        options = [Advice("retrain the adapter on the target", why, 0.0)]
    return [*options, Advice(CARRY, "this tries several candidates, including a copy, and uses the best one")]
