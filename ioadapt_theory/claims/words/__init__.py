"""Statements that the paper makes in words, where the words are mathematics or counts; the formulas are ours."""
