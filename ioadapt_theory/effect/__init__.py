"""Predictions of how much of its gain (loss reduction) an adapter retains on another model, from unlabelled inputs.

This package works on torch modules in general; its callers switch the adapters of a model on and off.
"""

from ioadapt_theory.effect.batches import divided, whole
from ioadapt_theory.effect.compared import Compared
from ioadapt_theory.effect.copying import measured
from ioadapt_theory.effect.goal import Goal
from ioadapt_theory.effect.passes import record, run
from ioadapt_theory.effect.reads_writes import Rows
from ioadapt_theory.effect.retained import Prediction, RowSums, predict
from ioadapt_theory.effect.undisturbed import undisturbed

__all__ = [
    "Compared",
    "Goal",
    "Prediction",
    "RowSums",
    "Rows",
    "divided",
    "measured",
    "predict",
    "record",
    "run",
    "undisturbed",
    "whole",
]
