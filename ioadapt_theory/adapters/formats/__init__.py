"""Files of others, read and written: PEFT, diffusers, kohya/A1111, LyCORIS."""

from ioadapt_theory.adapters.formats.loading import load
from ioadapt_theory.adapters.formats.reading import AdapterFile, Entry, read

__all__ = ["AdapterFile", "Entry", "load", "read"]
