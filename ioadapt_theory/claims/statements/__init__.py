"""The numbered statements of the paper, one per file."""
