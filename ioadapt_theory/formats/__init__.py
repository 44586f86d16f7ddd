"""Adapter files, read and written: our own folder, PEFT, diffusers, kohya/A1111, LyCORIS."""

from ioadapt_theory.adapters.guards import SAVERS
from ioadapt_theory.formats.adapter_file import AdapterFile, StoredLayer
from ioadapt_theory.formats.load import load
from ioadapt_theory.formats.own import save, save_adapter
from ioadapt_theory.formats.reading import open_adapter

__all__ = ["AdapterFile", "StoredLayer", "load", "open_adapter", "save"]

SAVERS[:] = [save_adapter]  # what a checkpoint of a Trainer holds of an adapted model
