"""Is the report's word for two models right? Counted on pairs of networks whose history is known."""

from benchmarks.report.kinship import main, table

__all__ = ["main", "table"]
