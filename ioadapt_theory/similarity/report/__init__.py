"""What is shown: terminal, JSON, CSV, figures, page."""
