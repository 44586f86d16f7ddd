"""The settings that statements share: their symbols, hypotheses and random instances."""
