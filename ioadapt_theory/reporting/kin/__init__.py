"""The relation of two models: corresponding layers, the similarity of their weights, and the verdict from both."""
