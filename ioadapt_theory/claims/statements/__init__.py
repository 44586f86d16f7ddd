"""The numbered statements of the paper, with corrections, sharper bounds and extensions."""
