"""Parts of the toy on sentence embeddings: networks from packages, text from Python's library, and training."""
