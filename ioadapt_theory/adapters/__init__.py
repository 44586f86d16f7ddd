"""The adapter layer that toys and real models share: families, placements, whole models, files."""

from ioadapt_theory.adapters.bases import Base, Identity
from ioadapt_theory.adapters.caching import cached
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.families import FAMILIES, Family, Spec
from ioadapt_theory.adapters.formats import load
from ioadapt_theory.adapters.formats.own import save
from ioadapt_theory.adapters.fused import unfused
from ioadapt_theory.adapters.layers import AdaptedLayer, Adapter
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
from ioadapt_theory.adapters.operators import Operator, operator
from ioadapt_theory.adapters.placement import Placed, Placement
from ioadapt_theory.adapters.select import NoMatchError
from ioadapt_theory.adapters.sharing import share
from ioadapt_theory.adapters.transfer import TransferError, TransferReport, transfer

__all__ = [
    "FAMILIES",
    "AdaptedLayer",
    "Adapter",
    "AdapterConfig",
    "Base",
    "Family",
    "Identity",
    "NoMatchError",
    "Operator",
    "Placed",
    "Placement",
    "Spec",
    "TransferError",
    "TransferReport",
    "activate",
    "adapt",
    "cached",
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
    "share",
    "transfer",
    "unfused",
    "unload",
    "unmerge",
]
