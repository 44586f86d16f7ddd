"""Parts of ``toys/spectrum.py``: three families of models, moves of adapters between them, and their evaluation."""
