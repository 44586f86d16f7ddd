"""Parts of ``toys/spectrum.py``: three families of models, moves of adapters within a family, and their evaluation."""
