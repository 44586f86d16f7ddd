"""Benchmarks: time and memory of layers, `verify` and `similarity`, and the accuracy of `report` and `transfer`."""
