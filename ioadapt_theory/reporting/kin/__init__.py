"""The relation of two models: corresponding layers, similarity of their weights, and the verdict."""
