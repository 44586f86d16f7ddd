"""Functions that move, convert (Eq. 5), bake and combine adapters."""
