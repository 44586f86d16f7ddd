"""Will my adapter move? What two checkpoints, an adapter and a batch of inputs say, with the evidence for it."""
