"""Checkpoints in files, folders, hub repositories and Python packages."""

from ioadapt_theory.checkpoints.checkpoint import Checkpoint, SourceError, TensorInfo
from ioadapt_theory.checkpoints.sources import open_checkpoint

__all__ = ["Checkpoint", "SourceError", "TensorInfo", "open_checkpoint"]
