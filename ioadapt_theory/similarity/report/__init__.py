"""Output of a comparison: tables for the terminal, JSON, figures and an HTML page."""
