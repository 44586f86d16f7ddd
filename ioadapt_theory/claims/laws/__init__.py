"""Claims about adapters on another model: the share of their gain that they retain, and the best placement."""
