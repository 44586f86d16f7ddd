"""Rules: which layers are meant, which side of each, and which base an adapter belongs to."""
