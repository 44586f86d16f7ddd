"""Parts of the language toys: text from Python's library, a byte-level model, and its training."""
