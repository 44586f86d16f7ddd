"""The accuracy of the relation that the report assigns to two models, on networks with a known history."""

from benchmarks.report.kinship import main, table

__all__ = ["main", "table"]
