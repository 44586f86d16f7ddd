"""Proposition 1: as printed, sharp, and without a remainder."""
