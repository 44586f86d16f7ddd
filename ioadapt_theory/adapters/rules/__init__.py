"""Rules that choose layers and sides, and that recognise an adapter's base."""
