"""The law of transfer: layer activations and gradients, the retained effect of an adapter, and the best transfer.

This package works on torch modules and does not know adapters; its callers switch adapters on and off.
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
