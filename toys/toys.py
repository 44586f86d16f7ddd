"""A shim by which ``python toys/NAME.py`` finds this folder as the package ``toys``."""

from pathlib import Path

__path__ = [str(Path(__file__).parent)]
