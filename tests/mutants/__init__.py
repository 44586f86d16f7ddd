"""Mutation testing of the claims: `python -m tests.mutants` lists the planted errors that no test notices."""
