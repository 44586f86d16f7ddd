"""Checkpoints on the hub, read with huggingface_hub: a repository at one commit, and the hub's errors."""
