"""Small worlds in which the paper's point can be seen; each is a script, `python toys/NAME.py`."""
