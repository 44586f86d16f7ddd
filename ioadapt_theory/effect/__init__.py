"""The law of transfer: what a layer reads and writes, what is kept of an adapter's effect, what carries over best.

This folder knows torch modules and no adapters; its callers switch adapters on and off.
"""

from ioadapt_theory.effect.batches import divided, whole
from ioadapt_theory.effect.closed_form import Regression, Translation, truncated
from ioadapt_theory.effect.copying import Expected, expected, measured
from ioadapt_theory.effect.passes import record, run, undisturbed
from ioadapt_theory.effect.retained import Prediction, RowSums, needed, predict
from ioadapt_theory.effect.rows import SIDES, Rows

__all__ = [
    "SIDES",
    "Expected",
    "Prediction",
    "Regression",
    "RowSums",
    "Rows",
    "Translation",
    "divided",
    "expected",
    "measured",
    "needed",
    "predict",
    "record",
    "run",
    "truncated",
    "undisturbed",
    "whole",
]
