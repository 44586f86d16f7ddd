"""What one tool does differently from the others."""
