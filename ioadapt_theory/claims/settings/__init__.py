"""The settings that statements share: their letters, hypotheses and random instances."""
