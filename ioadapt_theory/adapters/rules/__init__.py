"""Rules that select layers, and find their counterparts in another model."""
