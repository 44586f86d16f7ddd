"""Proposition 2, output adaptation: as printed, and without a remainder."""
