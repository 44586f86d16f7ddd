"""What the paper says in words, where the words are mathematics or counts; the formulas are ours."""
