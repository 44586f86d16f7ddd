"""Parts of ``toys/spectrum.py``: three families of models, adapters that are moved within a family, and the results."""
