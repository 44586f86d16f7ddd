"""The adapter layer that toys and real models share: families, placements, whole models."""

from importlib import import_module
from typing import Any

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.caching import cached
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.equations import Placed, Placement
from ioadapt_theory.adapters.families import FAMILIES, Family, Spec
from ioadapt_theory.adapters.layer import AdaptedLayer, Adapter
from ioadapt_theory.adapters.matrices import Operator, operator
from ioadapt_theory.adapters.model import (
    activate,
    adapt,
    count,
    disable,
    layers,
    merge,
    parameters,
    remove,
    scale,
    unload,
    unmerge,
)
from ioadapt_theory.adapters.moving.combine import combine
from ioadapt_theory.adapters.moving.correspondence import NoProvenanceError, RenumberedWarning
from ioadapt_theory.adapters.moving.transfer import TransferError, TransferReport, transfer
from ioadapt_theory.adapters.rules.target_modules import NoMatchError

__all__ = [
    "FAMILIES",
    "AdaptedLayer",
    "Adapter",
    "AdapterConfig",
    "Base",
    "Family",
    "Identity",
    "NoMatchError",
    "NoProvenanceError",
    "Operator",
    "Placed",
    "Placement",
    "RenumberedWarning",
    "Spec",
    "TransferError",
    "TransferReport",
    "activate",
    "adapt",
    "cached",
    "combine",
    "count",
    "disable",
    "layers",
    "load",
    "merge",
    "operator",
    "parameters",
    "remove",
    "save",
    "scale",
    "transfer",
    "unload",
    "unmerge",
]


def __getattr__(name: str) -> Any:
    """``load`` and ``save``, which live in ``ioadapt_theory.formats`` and were imported from here before."""
    if name not in {"load", "save"}:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module("ioadapt_theory.formats"), name)
