"""Many models at once: which is made from which, by exact distances while they fit and by sketches otherwise.

Planned for 10^4 checkpoints of SD-1.5's size (17 TB): read once where they lie, 0.7 MB of sketch each, 7 GB in all; at
the 2 ns an element measured here 5 CPU hours beside the reading, spread over any Executor; distances of all 5e7 pairs
are one matrix product of 10^4 x 1.7e5, 20 minutes of a core; then some 2e4 near pairs are read again, 2 CPU s each.
"""
