"""Statements that the paper makes in words and that mathematics or counting can settle; the formulas are ours."""
