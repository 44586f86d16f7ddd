"""Makes ``python toys/NAME.py`` find this folder as the package ``toys``, wherever the package below is installed."""

from pathlib import Path

__path__ = [str(Path(__file__).parent)]
