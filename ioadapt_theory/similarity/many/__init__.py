"""Many models at once: which is made from which, by exact distances while they fit and by sketches otherwise.

Planned for 10^4 checkpoints of SD-1.5's size (17 TB in fp16): each is read once where it lies, and 0.8 MB of sketch are
kept, 8 GB in all. At the 5 ns an element measured here these are 12 CPU hours beside the reading, spread over any
Executor. Distances of all 5e7 pairs are one matrix product for each tensor, 10^4 x 1.8e5 numbers, 20 minutes of a core
and 3 GB; then some 5e4 near pairs are read again, 2 CPU s and 3.4 GB each: another 28 CPU hours, or --no-recheck.
"""
