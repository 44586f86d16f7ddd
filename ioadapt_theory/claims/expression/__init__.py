"""Statements as formulas that are written once: trees, their notation, values, first order and deductions."""
