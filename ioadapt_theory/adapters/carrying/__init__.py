"""Carrying an adapter over: finding the adapter on the target whose effect is nearest to the effect on the source."""

from ioadapt_theory.adapters.carrying.carry import carried
from ioadapt_theory.adapters.carrying.extraction import extract
from ioadapt_theory.adapters.carrying.outcome import CarriedLayer, CarryReport, CarryWarning
from ioadapt_theory.adapters.carrying.trial import Options

__all__ = ["CarriedLayer", "CarryReport", "CarryWarning", "Options", "carried", "extract"]
