"""What follows beyond the numbered statements, and what the paper says in words."""
