"""Reports on moving an adapter: how two models are related and, with inputs, what a copied adapter keeps."""

from ioadapt_theory.reporting.assemble import Report, report
from ioadapt_theory.reporting.text import to_text

__all__ = ["Report", "report", "to_text"]
