"""Quantised checkpoints: weights are made of their codes while they are read, or the file is refused by name."""
