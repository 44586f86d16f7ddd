"""Adapters for single layers and whole models: families, placements, and operations on adapters."""

from ioadapt_theory.adapters.adapter import Adapter
from ioadapt_theory.adapters.config import AdapterConfig
from ioadapt_theory.adapters.equations import Placed, Placement
from ioadapt_theory.adapters.families import FAMILIES, Family, Spec
from ioadapt_theory.adapters.layer import AdaptedLayer
from ioadapt_theory.adapters.matrices import operator
from ioadapt_theory.adapters.merging import merge, unmerge
from ioadapt_theory.adapters.model import activate, adapt, count, disable, layers, parameters, remove, scale
from ioadapt_theory.adapters.rules.correspondence import NoProvenanceError, RenumberedWarning
from ioadapt_theory.adapters.rules.target_modules import NoMatchError

__all__ = [
    "FAMILIES",
    "AdaptedLayer",
    "Adapter",
    "AdapterConfig",
    "Family",
    "NoMatchError",
    "NoProvenanceError",
    "Placed",
    "Placement",
    "RenumberedWarning",
    "Spec",
    "activate",
    "adapt",
    "count",
    "disable",
    "layers",
    "merge",
    "operator",
    "parameters",
    "remove",
    "scale",
    "unmerge",
]
