"""Parts of ``toys/spectrum.py``: two families of models, adapters that are moved within a family, and the results."""
