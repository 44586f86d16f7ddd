"""Readers of weights files and of folders with them; no file is trusted."""
