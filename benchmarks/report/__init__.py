"""The accuracy of the report's relation of two models, on pairs of networks with a known history."""

from benchmarks.report.kinship import main, table

__all__ = ["main", "table"]
