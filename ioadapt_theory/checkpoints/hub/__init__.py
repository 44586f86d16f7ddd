"""Checkpoints on the hub, by its own client: a repository at one commit, and what becomes of its refusals."""
