"""Rules that select layers and sides, and fingerprints that identify the base of an adapter."""
