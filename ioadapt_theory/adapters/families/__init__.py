"""The adapter families Φ_θ: each maps a matrix to a matrix, and is applied to W, I_c or I_d (Eqs. 4a-4c)."""

from importlib import import_module

from ioadapt_theory.adapters.families.dora import DoRA
from ioadapt_theory.adapters.families.family import COMMON, Family, Limit, Spec
from ioadapt_theory.adapters.families.full import Full
from ioadapt_theory.adapters.families.loha import LoHa
from ioadapt_theory.adapters.families.lokr import LoKr
from ioadapt_theory.adapters.families.lora import LoRA

NAMES = ("lora", "dora", "loha", "lokr", "full")
"""The files here that hold a family each, a class of that name; a new one is added by its file and its name."""


def _in_file(name: str) -> type[Family]:
    members = vars(import_module(f"{__name__}.{name}")).items()
    return next(kind for label, kind in members if label.lower() == name and isinstance(kind, type))


FAMILIES: dict[str, type[Family]] = {name: _in_file(name) for name in NAMES}

OPTIONS: dict[str, Limit] = {name: limit for family in FAMILIES.values() for name, limit in family.options.items()}
"""What some family reads of a ``Spec`` besides rank, scaling, dropout, init and dtype."""
LIMITS: dict[str, Limit] = {**COMMON, **OPTIONS}

__all__ = ["FAMILIES", "LIMITS", "OPTIONS", "DoRA", "Family", "Full", "LoHa", "LoKr", "LoRA", "Spec"]
