"""Checkpoints from any source: headers are read on opening, values in pieces; torch is imported only for values."""

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError, TensorInfo
from ioadapt_theory.checkpoints.sources import open_checkpoint

__all__ = ["Checkpoint", "SourceError", "TensorInfo", "open_checkpoint"]
