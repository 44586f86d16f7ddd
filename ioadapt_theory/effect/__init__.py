"""The law of transfer: what a layer reads and writes, what is kept of an adapter's effect, what carries over best.

A layer of these folders knows torch modules and no adapters; who calls it switches adapters on and off.
"""

from ioadapt_theory.effect.batches import Parts, divided, whole
from ioadapt_theory.effect.law import Expected, expected
from ioadapt_theory.effect.measure import measured
from ioadapt_theory.effect.passes import Recorded, record, run, undisturbed
from ioadapt_theory.effect.regression import Regression
from ioadapt_theory.effect.retention import Prediction, RowSums, needed, predict
from ioadapt_theory.effect.rows import SIDES, Rows
from ioadapt_theory.effect.single import Single, by_layer
from ioadapt_theory.effect.translation import Translation, truncated

__all__ = [
    "SIDES",
    "Expected",
    "Parts",
    "Prediction",
    "Recorded",
    "Regression",
    "RowSums",
    "Rows",
    "Single",
    "Translation",
    "by_layer",
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
