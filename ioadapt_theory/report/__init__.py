"""Will my adapter move? What two models, an adapter and a batch of inputs say, with the evidence for it."""

from ioadapt_theory.report.assemble import Report, report
from ioadapt_theory.report.text import to_text

__all__ = ["Report", "report", "to_text"]
