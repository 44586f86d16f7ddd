"""Rules that select layers and sides, and that recognise an adapter's base."""
