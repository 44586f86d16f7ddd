"""What the toys and ``figures`` share: the style of figures, statistics, and types of command-line arguments."""
