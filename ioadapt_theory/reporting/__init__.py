"""The report on a move: what two models share, and with inputs how much of an adapter's gain is kept."""

from ioadapt_theory.reporting.assemble import Report, report
from ioadapt_theory.reporting.text import to_text

__all__ = ["Report", "report", "to_text"]
