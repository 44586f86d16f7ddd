"""Checkpoints on the hub, read by huggingface_hub: a repository at one commit, and the errors."""
