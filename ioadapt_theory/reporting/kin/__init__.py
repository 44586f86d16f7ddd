"""Relation of two models: matching layers, similarity of their weights, and a word for both."""
