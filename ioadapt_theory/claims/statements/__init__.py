"""The numbered statements of the paper, one a file."""
