"""Archives of numpy arrays (.npz), read whole."""

import zipfile

import numpy as np
import torch

from ioadapt_theory.checkpoints.files.pickles import READABLE, LoadedCheckpoint
from ioadapt_theory.checkpoints.files.plain import PlainFile
from ioadapt_theory.errors import FileFormatError


def read(file: PlainFile, name: str | None) -> LoadedCheckpoint:
    """See `readers.Read`; what is no array of numbers is left out."""
    try:
        with np.load(file.path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files if archive[key].dtype.name in READABLE}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        msg = f"{file.path} is no whole archive of numpy arrays ({error}). Delete it and download it again."
        raise FileFormatError(msg) from error
    return LoadedCheckpoint(name or file.path.stem, file, {k: torch.from_numpy(a) for k, a in arrays.items()}, {})
