"""Safetensors files: the library checks a header, and the values are read by position.

Layout: 8 bytes little-endian length n, n bytes of JSON {name: {dtype, shape, data_offsets}}, then the values. The JSON
may be padded with blanks, and the values may begin anywhere: the official SD-1.5 UNet is not aligned to 8 bytes.
"""

from collections.abc import Sequence
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, OTHER_DTYPES, TensorInfo
from ioadapt_theory.checkpoints.files.plain import OffsetCheckpoint, PlainFile, parse_json
from ioadapt_theory.errors import FileFormatError

LONGEST: Final = 12_000_000
"""Bytes of a header that are read, of some hundred a tensor."""
MAX_AXES: Final = 64
"""Most axes of a tensor in torch."""


def read(file: PlainFile) -> OffsetCheckpoint:
    """Return the tensors of an open file."""
    from safetensors import SafetensorError, safe_open

    path = file.path
    text = file.head(8 + _header_length(file))[8:]
    try:
        entries: dict[str, Any] = parse_json(text)  # first, as the library has no limit
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, ValueError) as error:
        reason = str(error).removeprefix("Error while deserializing header: ")[:200]
        msg = f"{path} is truncated or has a broken header ({reason}). Delete it and download it again."
        raise FileFormatError(msg) from error
    metadata = entries.pop("__metadata__", None) or {}
    tensors, places = dict[str, TensorInfo](), dict[str, tuple[PlainFile, int]]()
    for key in sorted(entries, key=lambda key: tuple(entries[key]["data_offsets"])):
        entry = entries.pop(key)  # hundreds of thousands do not stay twice
        tensors[key] = tensor_info(key, entry["dtype"], entry["shape"], str(path))
        places[key] = file, 8 + len(text) + entry["data_offsets"][0]
    opened = OffsetCheckpoint(path.stem, str(path), tensors, places)
    opened.metadata = metadata
    return opened


def tensor_info(name: str, dtype: str, shape: Sequence[int], path: str) -> TensorInfo:
    """Return what a header says of a tensor; FileFormatError where that is nothing that can be read, or printed."""
    problem = ""
    if not name.isprintable():
        problem = "a name with characters that cannot be printed"
    elif dtype not in {*DTYPES, *OTHER_DTYPES}:
        problem = f"the dtype {dtype!r} (readable: {', '.join(DTYPES)})"
    elif len(shape) > MAX_AXES or not all(type(n) is int and 0 <= n < 1 << 63 for n in shape):
        problem = f"a shape of {len(shape)} axes, which is none of at most {MAX_AXES} natural numbers"
    if problem:
        msg = f"The header of {path} gives tensor {name!r} {problem}. Delete the file and download it again."
        raise FileFormatError(msg)
    return TensorInfo(name, dtype, tuple(shape))


def _header_length(file: PlainFile) -> int:
    """Return the length of the JSON, from the first 8 bytes; refuse what is no safetensors file or is cut there."""
    length = int.from_bytes(file.head(8), "little")
    if file.head(2) == b"PK":
        problem = "is a PyTorch pickle (a zip file) under a safetensors name. Rename it to end in .bin."
    elif length > LONGEST:
        problem = f"is not a safetensors file: it announces a header of {length} bytes (at most {LONGEST})."
    elif 8 + length > file.size:
        problem = f"is cut within its header, at byte {file.size} of {8 + length}. Delete it and download it again."
    else:
        return length
    msg = f"{file.path} {problem}"
    raise FileFormatError(msg)
