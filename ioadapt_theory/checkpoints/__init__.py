"""One checkpoint from any source: named tensors known from a header, values read piece by piece; no torch till then."""

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError, TensorInfo
from ioadapt_theory.checkpoints.sources import open_checkpoint

__all__ = ["Checkpoint", "SourceError", "TensorInfo", "open_checkpoint"]
