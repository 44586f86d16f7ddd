"""Fitting an adapter for a target model so that its effect there is close to the original's effect on the source."""

from ioadapt_theory.moving.carrying.carry import carried
from ioadapt_theory.moving.carrying.extraction import extract, resize
from ioadapt_theory.moving.carrying.outcome import CarriedLayer, CarryReport, CarryWarning
from ioadapt_theory.moving.carrying.trial import Options

__all__ = ["CarriedLayer", "CarryReport", "CarryWarning", "Options", "carried", "extract", "resize"]
