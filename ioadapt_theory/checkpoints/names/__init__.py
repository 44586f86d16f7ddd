"""Layers' names in every spelling that is known, and which layer of a model one of them means: the only tables."""
