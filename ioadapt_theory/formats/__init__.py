"""Reading and writing of adapter files in our own format and in those of PEFT, diffusers, kohya/A1111 and LyCORIS."""

from ioadapt_theory.adapters.guards import SAVERS
from ioadapt_theory.formats.adapter_file import AdapterFile, StoredLayer
from ioadapt_theory.formats.load import load
from ioadapt_theory.formats.own import save, save_adapter
from ioadapt_theory.formats.reading import open_adapter

__all__ = ["AdapterFile", "StoredLayer", "load", "open_adapter", "save"]

SAVERS[:] = [save_adapter]  # for a Trainer's checkpoints of an adapted model
