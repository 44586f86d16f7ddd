"""Formulas of statements, each written once as a tree: their notation, values, first-order terms and sympy form."""
