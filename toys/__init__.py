"""Small-scale experiments on the paper's claims; each is a script that runs as ``python toys/NAME.py``."""
