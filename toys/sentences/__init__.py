"""Parts of the toy about sentence embeddings: networks that packages ship, text that comes with Python, training."""
