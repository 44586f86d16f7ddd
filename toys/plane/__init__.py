"""The parts of ``toys/crescent.py``: samples and models, adapters, theory, table, picture; all in the plane."""
