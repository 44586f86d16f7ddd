"""Checkpoints on the Hugging Face hub, read with huggingface_hub."""
