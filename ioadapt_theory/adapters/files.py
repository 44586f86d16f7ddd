"""Adapters on disk: a folder with adapter_config.json and the safetensors file that it names.

The config is written last and replaced in one step, and the weights file is named after its content, so at every moment
the folder holds one whole adapter: the former one until the new one is complete.
"""

import copy
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as parse
from safetensors.torch import save as serialise
from torch import Tensor, nn

from ioadapt_theory.adapters import fingerprint
from ioadapt_theory.adapters.bases import Base
from ioadapt_theory.adapters.config import is_finite
from ioadapt_theory.adapters.families import FAMILIES, Spec
from ioadapt_theory.adapters.layers import Adapter
from ioadapt_theory.adapters.model import layers
from ioadapt_theory.adapters.operators import PLAIN_DTYPES
from ioadapt_theory.adapters.placement import Placement
from ioadapt_theory.adapters.transfer import TransferReport, put
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnsupportedError
from ioadapt_theory.results import replacing, write_json

CONFIG, FORMAT, VERSION = "adapter_config.json", "ioadapt_theory", 1
WEIGHTS = re.compile(r"adapter_model-[0-9a-f]{16}\.safetensors")
LARGEST = 1 << 28  # a size beyond it is a mistake or an attack; products of two stay below what torch can count
SPEC_FIELDS = ("rank", "dropout", "detach_norm", "factor")


def _size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_whole, value))


def _whole(value: Any) -> bool:
    return type(value) is int and 0 < value <= LARGEST


FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "size": ("[rows, columns, channels]", lambda v: _size(v) and v[0] % v[2] == 0),
    "rank": ("a whole number, at least 1", _whole),
    "scaling": ("a finite number", is_finite),
    "dropout": ("a number in [0, 1)", lambda v: is_finite(v) and 0 <= v < 1),
    "detach_norm": ("true or false", lambda v: isinstance(v, bool)),
    "factor": ("a size, or -1", lambda v: _whole(v) or (type(v) is int and v == -1)),
}
"""What the config records of each placement of a layer: what it has to be, and the test of it."""


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
        InvalidValueError: a parameter is not finite.
        UnsupportedError: a LoKr from a foreign file whose factors follow no rule, so it could not be read back.
    """
    folder = Path(folder)
    tensors, plans = {}, {}
    for layer, adapter in adapters.items():
        plans[layer] = _describe(adapter)
        expected = dict(_adapter(folder, layer, copy.deepcopy(plans[layer])).named_parameters())
        for key, p in adapter.named_parameters():
            if not p.isfinite().all():
                msg = f"Parameter {layer}.{key} is not finite; the adapter was not saved."
                raise InvalidValueError(msg)
            if key not in expected or p.shape != expected[key].shape:
                msg = f"{layer}: factors split as {list(p.shape)} follow no factor rule, so they cannot be saved here."
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


def load(model: nn.Module, folder: Path | str, name: str = "default", *, strict: bool = True) -> TransferReport:
    """Put a saved adapter on a model, everything checked first; see ``transfer`` for ``strict`` and the report.

    Raises:
        FileFormatError: config or weights are not what they have to be; file, key, expected and found are named.
        TransferError: a layer of the model does not fit.
    """
    return put(model, read(folder), name, strict=strict)


def read(folder: Path | str) -> dict[str, Adapter]:
    """The adapters in a folder, by layer, without a model.

    Raises:
        FileFormatError: config or weights are not what they have to be; file, key, expected and found are named.
    """
    path = Path(folder) / CONFIG
    config = _read_config(path)
    weights = Path(folder) / config["weights"]
    tensors = _read_weights(weights)
    adapters = {layer: _adapter(path, layer, entry) for layer, entry in config["layers"].items()}
    for layer, adapter in adapters.items():
        for key, expected in list(adapter.named_parameters()):
            found = tensors.pop(f"{layer}.{key}", None)
            if found is None or found.shape != expected.shape or found.dtype not in PLAIN_DTYPES:
                what = "nothing" if found is None else f"{found.dtype} {list(found.shape)}"
                msg = f"{weights}: tensor {layer}.{key} has to be floating point {list(expected.shape)}, found {what}."
                raise FileFormatError(msg)
            if not found.isfinite().all():
                msg = f"{weights}: tensor {layer}.{key} has to be finite, found NaN or infinity."
                raise FileFormatError(msg)
            owner, _, leaf = key.rpartition(".")
            setattr(adapter.get_submodule(owner), leaf, nn.Parameter(found))
    if tensors:
        msg = f"{weights}: tensors that {CONFIG} does not know: {', '.join(sorted(tensors)[:5])}."
        raise FileFormatError(msg)
    return adapters


class Recorded(Base):
    """A base of which only the sizes are known; parameters built for it take no memory."""

    pointwise = True
    bias = None
    axis = -1

    def __init__(self, rows: int, columns: int, channels: int) -> None:
        self.rows, self.columns, self.channels = rows, columns, channels
        self.like = torch.empty((), device="meta")

    def __call__(self, x: Tensor) -> Tensor:
        """X."""
        return x

    def dense(self) -> Tensor:
        """A matrix without content."""
        return torch.empty(self.rows, self.columns, device="meta")


def _describe(adapter: Adapter) -> dict[str, Any]:
    parts = {}
    for placement, family in adapter.parts():
        spec = {key: getattr(family.spec, key) for key in SPEC_FIELDS}
        parts[str(placement)] = {"size": list(family.size), **spec, "scaling": family.scaling}
    return {"family": adapter.family, "placements": parts}


def _adapter(path: Path, layer: str, entry: Any) -> Adapter:
    def demand(key: str, expected: str, found: Any, *, ok: bool) -> None:
        if not ok:
            msg = f"{path}: layers.{layer}.{key} has to be {expected}, found {found!r:.80}."
            raise FileFormatError(msg)

    demand("family", "an object", entry, ok=isinstance(entry, dict))
    family, parts = entry.get("family"), entry.get("placements")
    demand("family", f"one of {', '.join(FAMILIES)}", family, ok=isinstance(family, str) and family in FAMILIES)
    demand("placements", f"an object of {', '.join(Placement)}", parts, ok=isinstance(parts, dict) and bool(parts))
    families = {}
    for placement in Placement:
        if (part := parts.pop(placement, None)) is None:
            continue
        where = f"placements.{placement}"
        demand(
            where, f"an object with {', '.join(FIELDS)}", part, ok=isinstance(part, dict) and set(part) == set(FIELDS)
        )
        for key, (expected, valid) in FIELDS.items():
            demand(f"{where}.{key}", expected, part[key], ok=valid(part[key]))
        size = part.pop("size")
        families[placement] = FAMILIES[family](Recorded(*size), Spec(**part))
        families[placement].scaling = part["scaling"]
    demand("placements", f"nothing but {', '.join(Placement)}", parts, ok=not parts)
    return Adapter(family, families)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        msg = f"{path}: no such file; a saved adapter is a folder with {CONFIG}."
        raise FileFormatError(msg) from None
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path}: not readable as JSON: {error}."
        raise FileFormatError(msg) from None
    rules: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "format": (repr(FORMAT), lambda v: v == FORMAT),
        "version": (f"{VERSION}", lambda v: v == VERSION),
        "weights": ("a file name as save writes it", lambda v: isinstance(v, str) and WEIGHTS.fullmatch(v)),
        "layers": ("an object with at least one layer", lambda v: isinstance(v, dict) and v),
    }
    for key, (expected, valid) in rules.items():
        found = config.get(key) if isinstance(config, dict) else config
        if not valid(found):
            msg = f"{path}: {key} has to be {expected}, found {found!r}."
            raise FileFormatError(msg)
    return config


def header(folder: Path | str) -> dict[str, str]:
    """What the header of a folder's weights says besides; see ``write``.

    Raises:
        FileFormatError: config or weights are not what they have to be.
    """
    path = Path(folder) / _read_config(Path(folder) / CONFIG)["weights"]
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError, ValueError) as error:
        msg = f"{path}: not a complete safetensors file: {error}."
        raise FileFormatError(msg) from None


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return parse(path.read_bytes())
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        msg = f"{path}: not a complete safetensors file: {error}."
        raise FileFormatError(msg) from None
