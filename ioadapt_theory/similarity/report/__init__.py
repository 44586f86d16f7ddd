"""Output of a comparison: terminal, JSON, CSV, figures, page."""
