"""Predictions of how much of its gain (loss reduction) an adapter retains on another model, from unlabelled inputs.

This package works on torch modules in general; its callers switch the adapters of a model on and off.
"""

from ioadapt_theory.effect.batches import divided as divided
from ioadapt_theory.effect.batches import whole as whole
from ioadapt_theory.effect.compared import Compared as Compared
from ioadapt_theory.effect.copying import measured as measured
from ioadapt_theory.effect.goal import Goal as Goal
from ioadapt_theory.effect.passes import record as record
from ioadapt_theory.effect.passes import run as run
from ioadapt_theory.effect.reads_writes import Rows as Rows
from ioadapt_theory.effect.retained import Prediction as Prediction
from ioadapt_theory.effect.retained import RowSums as RowSums
from ioadapt_theory.effect.retained import predict as predict
from ioadapt_theory.effect.undisturbed import undisturbed as undisturbed
