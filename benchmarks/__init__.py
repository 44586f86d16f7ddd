"""Benchmarks of time and memory of the layer, the verifier and the analyser, compared with alternatives."""
