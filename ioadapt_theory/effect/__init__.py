"""The share of its gain that an adapter keeps on another model, predicted from activations and gradients of layers.

This package works on torch modules and does not know adapters; its callers switch adapters on and off.
"""

from ioadapt_theory.effect.batches import divided, whole
from ioadapt_theory.effect.copying import Expected, expected, measured
from ioadapt_theory.effect.passes import record, run, undisturbed
from ioadapt_theory.effect.reads_writes import SIDES, Rows
from ioadapt_theory.effect.retained import Prediction, RowSums, needed, predict

__all__ = [
    "SIDES",
    "Expected",
    "Prediction",
    "RowSums",
    "Rows",
    "divided",
    "expected",
    "measured",
    "needed",
    "predict",
    "record",
    "run",
    "undisturbed",
    "whole",
]
