"""What is measured: cosines of weights, of spaces, of subspaces."""
