"""Reports on moving adapters: how two models are related and, with inputs, how much of its gain a copy would keep."""

from ioadapt_theory.reporting.assemble import report
from ioadapt_theory.reporting.result import Report, to_text

__all__ = ["Report", "report", "to_text"]
