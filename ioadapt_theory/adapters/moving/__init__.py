"""Moving an adapter to another base: copied, converted by Eq. 5, baked, and combined."""
