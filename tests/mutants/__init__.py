"""Errors planted in the claims, one at a time: `python -m tests.mutants` says which of them nothing would notice."""
