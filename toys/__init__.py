"""Small-scale experiments of the paper; each is a script, `python toys/NAME.py`."""
