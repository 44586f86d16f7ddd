"""Functions that move an adapter to another base: transfer, convert (Eq. 5), bake and combine."""
