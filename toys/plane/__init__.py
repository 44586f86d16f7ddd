"""Parts of ``toys/crescent.py``: samples and models in the plane, adapters, theory, table and figure."""
