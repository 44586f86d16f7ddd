"""Benchmarks of time and memory: the layer, the verifier and the analyser beside their peers, one table each."""
