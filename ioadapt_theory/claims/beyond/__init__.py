"""Consequences beyond the numbered statements."""
