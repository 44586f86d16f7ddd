"""Parts of ``toys/spectrum.py``: three families of models that drift, moves between them, what is said of these."""
