"""Checkpoints on the hub: what a repository holds, its files, its cache here, and what becomes of its refusals."""
