"""Moving an adapter to another base: as it is, by Eq. 5, baked, and the baselines of others."""
