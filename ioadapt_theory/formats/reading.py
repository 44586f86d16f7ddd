"""`open_adapter`: any adapter file or folder, ours included, as layers to be read one at a time."""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ioadapt_theory.adapters.rules import fingerprint
from ioadapt_theory.errors import FileFormatError, IoAdaptError
from ioadapt_theory.formats import foreign
from ioadapt_theory.formats.adapter_file import AdapterFile
from ioadapt_theory.formats.kinds import diffusers, ioadapt, iolora, keys, peanut, peft
from ioadapt_theory.formats.tensors import TensorFile, is_name, read_json


def open_adapter(path: Path | str, *, scaled: bool = True) -> AdapterFile:
    """Open our file or its folder, PEFT's folder, or a diffusers, kohya or LyCORIS file; only alphas are read.

    Args:
        path: a folder, a safetensors file, or a pickle of tensors.
        scaled: refuse PEFT's tensors without the configuration that says how to scale them; otherwise alpha = rank.

    Raises:
        FileFormatError: the file is not what it has to be; file, key, expected and found are named.
        UnsupportedError: a method that is recognised and has no counterpart here.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from safetensors.torch import save_file
        >>> from ioadapt_theory.formats import open_adapter
        >>> path, layer = tempfile.mkdtemp() + "/lora.safetensors", "lora_unet_mid_block_attentions_0_proj_in"
        >>> down, up = torch.zeros(2, 16), torch.zeros(8, 2)
        >>> save_file({f"{layer}.lora_down.weight": down, f"{layer}.lora_up.weight": up}, path)
        >>> file = open_adapter(path)
        >>> file.format, [str(layer.name) for layer in file.layers]
        ('kohya/LyCORIS', ['unet.mid_block_attentions_0_proj_in'])
    """
    with _no_collection():
        path = Path(path)
        file, config = _locate(path)
        source = TensorFile(file)
        if config is not None or not ioadapt.is_own(source):
            return foreign.contents(path, source, config, scaled=scaled)
        layers, changes = ioadapt.contents(source)
        base, prints = source.metadata.get(fingerprint.BASE_NAME), fingerprint.recorded(source.metadata, file)
        return AdapterFile(path, ioadapt.FORMAT, layers, changes, {}, base if is_name(base) else None, prints)


def is_adapter(path: Path | str) -> bool:
    """Whether there is an adapter's folder or safetensors file here, by its names alone; False for all else."""
    if not os.path.isdir(path) and Path(path).suffix != ".safetensors":  # a pickle of a model is long to open
        return False
    try:
        file, config = _locate(Path(path))
        source = TensorFile(file)
    except IoAdaptError:
        return False
    names = [key for key in source.shapes if not key.endswith(".alpha")]
    roles = all(not isinstance(keys.parse(key), str) or iolora.KEY.fullmatch(key) for key in names)
    return config is not None or ioadapt.is_own(source) or bool(names and roles)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the collector: tens of thousands of modules are made, none is garbage, and looking for it takes as long."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _locate(path: Path) -> tuple[Path, Mapping[str, Any] | None]:
    """The file of the tensors, and PEFT's configuration where it is one of a PEFT folder.

    Raises:
        FileFormatError: a folder without an adapter, or with two, or a configuration that is not what it has to be.
        UnsupportedError: a method that is recognised and has no counterpart here.
    """
    named = path.name in peft.WEIGHTS and (path.parent / peft.CONFIG).exists()
    path = path.parent if named else path
    if not os.path.isdir(path):  # unlike Path's, it has no error for a name that no system takes
        return path, None
    ours, config = path / ioadapt.FILE, path / peft.CONFIG
    if ours.exists() and config.exists() and not named:
        msg = f"{path}: holds an adapter of ours and one of PEFT; name the file, {ioadapt.FILE} or {peft.WEIGHTS[0]}."
        raise FileFormatError(msg)
    content = None
    if config.exists():
        content = read_json(config)
        peft.require_readable(config, content)
        if content["peft_type"] == "PEANUT":
            peanut.require_linear(config, content)
    names = (ioadapt.FILE, diffusers.FILE) if content is None else peft.WEIGHTS
    if file := next((path / name for name in names if (path / name).exists()), None):
        return file, content
    inside = sorted(f"{p.parent.name}/" for p in path.glob(f"*/{peft.CONFIG}"))
    more = f" It has adapters in {', '.join(inside[:5])}." if inside else ""
    msg = (
        f"{path}: a saved adapter is a folder with {ioadapt.FILE}, with {peft.CONFIG} and {peft.WEIGHTS[0]}, or with"
        f" {diffusers.FILE}; name any other file itself.{more}"
    )
    raise FileFormatError(msg)
