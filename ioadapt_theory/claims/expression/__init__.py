"""Formulas of statements, each written once as a tree: their notation, values, limits and first-order terms."""
