"""One checkpoint from any source: named tensors known from a header, values read piece by piece.

The public names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ioadapt_theory.checkpoints.checkpoint import Checkpoint as Checkpoint
    from ioadapt_theory.checkpoints.checkpoint import SourceError as SourceError
    from ioadapt_theory.checkpoints.checkpoint import TensorInfo as TensorInfo
    from ioadapt_theory.checkpoints.sources import open_checkpoint as open_checkpoint
    from ioadapt_theory.checkpoints.sources import prepare as prepare

_MODULES = {
    "Checkpoint": "checkpoint",
    "SourceError": "checkpoint",
    "TensorInfo": "checkpoint",
    "open_checkpoint": "sources",
    "prepare": "sources",
}

__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
