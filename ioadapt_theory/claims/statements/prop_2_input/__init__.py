"""Proposition 2, input adaptation: as printed, and sharp."""
