"""Claims on adapters on another model: the share of the gain that they retain, and the placement that loses least."""
