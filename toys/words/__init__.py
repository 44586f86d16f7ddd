"""Parts of the toys about language: text that comes with Python, a byte-level model, its training."""
