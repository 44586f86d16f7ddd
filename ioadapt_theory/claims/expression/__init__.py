"""Formulas of statements, each written once: trees, notation, values, limits and first order."""
