"""The adapter families Φ_θ: maps from matrix to matrix, applied to W, I_c or I_d (Eqs. 4a-4c)."""

from ioadapt_theory.adapters.families.dora import DoRA
from ioadapt_theory.adapters.families.family import COMMON, Family, Limit, Spec
from ioadapt_theory.adapters.families.full import Full
from ioadapt_theory.adapters.families.loha import LoHa
from ioadapt_theory.adapters.families.lokr import LoKr
from ioadapt_theory.adapters.families.lora import LoRA

FAMILIES: dict[str, type[Family]] = {"lora": LoRA, "dora": DoRA, "loha": LoHa, "lokr": LoKr, "full": Full}
OPTIONS: dict[str, Limit] = {name: limit for family in FAMILIES.values() for name, limit in family.options.items()}
"""Fields of ``Spec`` that a single family uses, and their limits."""
LIMITS: dict[str, Limit] = {**COMMON, **OPTIONS}

__all__ = ["FAMILIES", "LIMITS", "OPTIONS", "DoRA", "Family", "Full", "LoHa", "LoKr", "LoRA", "Spec"]
