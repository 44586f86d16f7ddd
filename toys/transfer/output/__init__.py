"""Output of a record for the screen, the page and figures, and predictions from weights."""
