"""Will my adapter move? What two models, an adapter and a batch of inputs say, with the evidence for it."""

from ioadapt_theory.report.assemble import Report, report

__all__ = ["Report", "report"]
