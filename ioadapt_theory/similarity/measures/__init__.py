"""Measures: sums over tensors in one pass, and the cosines of weights and of spaces that follow from them."""
