"""Reports on moving an adapter: what two models share and, with inputs, how much of its gain an adapter keeps."""

from ioadapt_theory.reporting.assemble import Report, report
from ioadapt_theory.reporting.text import to_text

__all__ = ["Report", "report", "to_text"]
