"""Evaluation of results: verdicts, the endpoint of all studies, repetitions, and carried-over adapters."""
