"""Is a report right? Kinship on pairs of networks whose history is known, and moves of adapters that were measured."""

from benchmarks.report.kinship import main, table

__all__ = ["main", "table"]
