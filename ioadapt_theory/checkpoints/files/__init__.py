"""Readers of files and folders of weights; no file is trusted."""
