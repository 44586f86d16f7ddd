"""Our own folder: adapter_config.json and the safetensors file that it names.

The config is written last and replaced in one step, and the weights file is named after its content, so at every moment
the folder holds one whole adapter: the former one until the new one is complete.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save as serialise
from torch import nn

from ioadapt_theory.adapters.layer import Adapter
from ioadapt_theory.adapters.matrices import PLAIN_DTYPES
from ioadapt_theory.adapters.model import layers
from ioadapt_theory.adapters.rules import fingerprint
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnsupportedError
from ioadapt_theory.formats.kinds.ioadapt import adapter_of, describe
from ioadapt_theory.formats.tensor_writer import require_folder
from ioadapt_theory.formats.tensors import TensorFile, is_name, read_json
from ioadapt_theory.results import replacing, write_json

CONFIG, FORMAT, VERSION = "adapter_config.json", "ioadapt_theory", 1
WEIGHTS = re.compile(r"adapter_model-[0-9a-f]{16}\.safetensors")


def save(model: nn.Module, folder: Path | str, name: str = "default") -> Path:
    """Write the adapter of this name; an interruption leaves the folder's former adapter whole. Returns the folder.

    Raises:
        UnknownNameError: no such adapter on the model.
        InvalidValueError: a parameter is not finite.
        UnsupportedError: see ``write``.
    """
    adapters: dict[str, Adapter] = {n: m.adapters[name] for n, m in layers(model, name).items()}  # type: ignore[misc]
    return write(folder, adapters, fingerprint.header(model, adapters))


def write(folder: Path | str, adapters: Mapping[str, Adapter], header: Mapping[str, str]) -> Path:
    """Write adapters by layer, and what the file's header says besides; see ``save``.

    Raises:
        InvalidValueError: a parameter is not finite, or a file is where the folder is to be.
        UnsupportedError: parameters that are not of the sizes that their family has.
    """
    folder = Path(folder)
    require_folder(folder)
    tensors, plans = {}, {}
    for layer, adapter in adapters.items():
        plans[layer] = describe(adapter)
        shapes = {key: tuple(p.shape) for key, p in adapter.named_parameters()}
        expected = dict(adapter_of(folder, layer, plans[layer], shapes).named_parameters())
        for key, p in adapter.named_parameters():
            if not p.isfinite().all():
                msg = f"Parameter {layer}.{key} is not finite; the adapter was not saved."
                raise InvalidValueError(msg)
            if key not in expected or p.shape != expected[key].shape:
                msg = f"{layer}: {key} is {list(p.shape)}, which is no {adapter.family} of this size; it was not saved."
                raise UnsupportedError(msg)
            tensors[f"{layer}.{key}"] = p.detach().cpu().contiguous()
    described = {"ioadapt.layers": json.dumps(plans)}  # for whoever has this file alone; we read the config
    content = serialise(tensors, metadata={**header, **described, "format": "pt", "made_by": FORMAT})
    weights = f"adapter_model-{hashlib.sha256(content).hexdigest()[:16]}.safetensors"
    with replacing(folder / weights) as temporary:
        temporary.write_bytes(content)
    write_json(folder / CONFIG, {"format": FORMAT, "version": VERSION, "weights": weights, "layers": plans})
    for old in folder.iterdir():
        if WEIGHTS.fullmatch(old.name) and old.name != weights:
            old.unlink()
    return folder


def read(folder: Path | str) -> dict[str, Adapter]:
    """The adapters in a folder, by layer, without a model.

    Raises:
        FileFormatError: config or weights are not what they have to be; file, key, expected and found are named.
    """
    path = Path(folder) / CONFIG
    config = _read_config(path)
    file = TensorFile(Path(folder) / config["weights"])
    left, adapters = set(file.shapes), {}
    for layer, entry in config["layers"].items():
        own = {k.removeprefix(f"{layer}."): shape for k, shape in file.shapes.items() if k.startswith(f"{layer}.")}
        adapters[layer] = adapter = adapter_of(path, layer, entry, own)
        for key, expected in list(adapter.named_parameters()):
            name = f"{layer}.{key}"
            found = file.stored(name) if name in left else None
            if found is None or found.shape != expected.shape or found.dtype not in PLAIN_DTYPES:
                what = "nothing" if found is None else f"{found.dtype} {list(found.shape)}"
                msg = f"{file.path}: tensor {name} has to be floating point {list(expected.shape)}, found {what}."
                raise FileFormatError(msg)
            owner, _, leaf = key.rpartition(".")
            setattr(adapter.get_submodule(owner), leaf, nn.Parameter(found))
            left.discard(name)
    if left:
        msg = f"{file.path}: tensors that {CONFIG} does not know: {', '.join(sorted(left)[:5])}."
        raise FileFormatError(msg)
    return adapters


def header(folder: Path | str) -> dict[str, str]:
    """What the header of a folder's weights says besides; see ``write``.

    Raises:
        FileFormatError: config or weights are not what they have to be.
    """
    return TensorFile(Path(folder) / _read_config(Path(folder) / CONFIG)["weights"]).metadata


def _read_config(path: Path) -> dict[str, Any]:
    config = read_json(path, f"no such file; a saved adapter is a folder with {CONFIG}")
    rules: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "format": (repr(FORMAT), lambda v: v == FORMAT),
        "version": (f"{VERSION}", lambda v: v == VERSION),
        "weights": ("a file name as save writes it", lambda v: isinstance(v, str) and WEIGHTS.fullmatch(v)),
        "layers": (
            "an object with at least one layer, of printable names",
            lambda v: isinstance(v, dict) and v and all(map(is_name, v)),
        ),
    }
    for key, (expected, valid) in rules.items():
        found = config.get(key) if isinstance(config, dict) else config
        if not valid(found):
            msg = f"{path}: {key} has to be {expected}, found {found!r:.80}."
            raise FileFormatError(msg)
    return config
