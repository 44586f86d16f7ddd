"""Safetensors files: the library validates the header, and values are read by position.

Layout: 8 bytes with the length n (little-endian), n bytes of JSON {name: {dtype, shape, data_offsets}}, the values. The
JSON may be padded with spaces, and the values need not be aligned: those of the official SD-1.5 UNet are not.
"""

from collections.abc import Sequence
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, OTHER_DTYPES, TensorInfo
from ioadapt_theory.checkpoints.files.plain import OffsetCheckpoint, PlainFile, parse_json
from ioadapt_theory.errors import FileFormatError

LONGEST: Final = 12_000_000
"""Maximum size of a safetensors header in bytes; the entry of one tensor takes about 100 bytes."""
MAX_AXES: Final = 64
"""Maximum number of axes of a tensor in torch."""


def read(file: PlainFile) -> OffsetCheckpoint:
    from safetensors import SafetensorError, safe_open

    path = file.path
    text = file.head(8 + _header_length(file))[8:]
    try:
        entries: dict[str, Any] = parse_json(text)  # first, since the library does not limit the number of entries
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, ValueError) as error:
        reason = str(error).removeprefix("Error while deserializing header: ")[:200]
        msg = f"{path} is truncated or has a broken header ({reason}). Delete it and download it again."
        raise FileFormatError(msg) from error
    metadata = entries.pop("__metadata__", None) or {}
    tensors, places = dict[str, TensorInfo](), dict[str, tuple[PlainFile, int]]()
    for key in sorted(entries, key=lambda key: tuple(entries[key]["data_offsets"])):
        entry = entries.pop(key)  # frees the original, which may have 10⁵ entries
        tensors[key] = tensor_info(key, entry["dtype"], entry["shape"], str(path))
        places[key] = file, 8 + len(text) + entry["data_offsets"][0]
    opened = OffsetCheckpoint(path.stem, str(path), tensors, places)
    opened.metadata = metadata
    return opened


def tensor_info(name: str, dtype: str, shape: Sequence[int], path: str) -> TensorInfo:
    problem = ""
    if not name.isprintable():
        problem = "a name with unprintable characters. Rename the tensor"
    elif dtype not in {*DTYPES, *OTHER_DTYPES}:
        problem = f"the unknown dtype {dtype!r}. Convert the tensor to float32"
    elif len(shape) > MAX_AXES or not all(type(n) is int and 0 <= n < 1 << 63 for n in shape):
        problem = f"shape {shape!r:.80}, not a list of at most {MAX_AXES} non-negative integers. Save the file again"
    if problem:
        msg = f"{path}: tensor {name!r} has {problem}."
        raise FileFormatError(msg)
    return TensorInfo(name, dtype, tuple(shape))


def _header_length(file: PlainFile) -> int:
    length = int.from_bytes(file.head(8), "little")
    if file.head(2) == b"PK":
        problem = "is a zip file, not a safetensors file. If it is a PyTorch pickle, rename it to .bin."
    elif length > LONGEST:
        problem = f"is not a safetensors file: a header of {length:,} bytes exceeds {LONGEST:,}. Check the path."
    elif 8 + length > file.size:
        problem = f"is truncated in its header, at byte {file.size} of {8 + length}. Delete it and download it again."
    else:
        return length
    msg = f"{file.path} {problem}"
    raise FileFormatError(msg)
