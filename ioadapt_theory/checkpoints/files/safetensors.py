"""Safetensors files; the header is read strictly: nothing is accepted that two readers could understand differently.

Layout: 8 bytes little-endian length n, n bytes of JSON {name: {dtype, shape, data_offsets}}, then the values. The JSON
may be padded with blanks, and the values may begin anywhere: the official SD-1.5 UNet is not aligned to 8 bytes.
"""

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ioadapt_theory.checkpoints.checkpoint import DTYPES, OTHER_DTYPES, TensorInfo
from ioadapt_theory.checkpoints.files.plain import LARGEST_JSON, OffsetCheckpoint, PlainFile, parse_json
from ioadapt_theory.errors import FileFormatError

MAX_AXES: Final = 64
"""Most axes of a tensor in torch."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says: tensors in file order, where their values begin (bytes from the start of the file)."""

    tensors: dict[str, TensorInfo]
    offsets: dict[str, int]
    metadata: dict[str, str]


def read(file: PlainFile, name: str | None) -> OffsetCheckpoint:
    """See `readers.Read`."""
    header = read_header(file)
    places = {tensor: (file, offset) for tensor, offset in header.offsets.items()}
    return OffsetCheckpoint(name or file.path.stem, str(file.path), header.tensors, places, header.metadata)


def read_header(file: PlainFile) -> Header:
    """Read and check the header of an open file.

    Raises:
        SourceError: If the file cannot be read.
        FileFormatError: If it is no safetensors file, is cut, or its header is broken; see `parse_header`.
    """
    length = header_length(file.head(8), str(file.path), file.size)
    return parse_header(file.head(8 + length)[8:], str(file.path), file.size)


def header_length(start: bytes, path: str, size: int) -> int:
    """Return n, the length of the JSON, from the first 8 bytes of a file of `size` bytes.

    Raises:
        FileFormatError: If this is not a safetensors file, or is cut within its header.
    """
    if start.startswith(b"PK"):
        problem = f"{path} is a PyTorch pickle (a zip file) under a safetensors name. Rename it to end in .bin."
    elif size < 8:
        problem = f"{path} is cut within its first 8 bytes ({size} bytes). Delete it and download it again."
    else:
        (length,) = struct.unpack("<Q", start[:8])
        if 8 + length <= size and length <= LARGEST_JSON:
            return int(length)
        problem = f"{path} is not a safetensors file: it announces a header of {length} bytes (at most {LARGEST_JSON})."
        if length <= LARGEST_JSON:
            problem = f"{path} is cut within its header: {size} bytes, the header alone needs {8 + length}. "
            problem += "Delete it and download it again."
    raise FileFormatError(problem)


def parse_header(text: bytes, path: str, size: int) -> Header:
    """Parse the JSON of a header (without its 8 leading bytes) of the file `path` of `size` bytes.

    Raises:
        FileFormatError: If the JSON is broken or names a tensor twice; see also `tensors_of`.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(pairs)
        if len(entries) < len(pairs):
            ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
            raise _corrupt(path, f"names {twice!r} twice")
        return entries

    try:
        entries = parse_json(text, unique)
    except FileFormatError:
        raise
    except ValueError as error:
        raise _corrupt(path, f"is not JSON ({error})") from error
    if not isinstance(entries, dict):
        raise _corrupt(path, "is not a JSON object")
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _corrupt(path, "has __metadata__ that is not a table of strings")
    data = 8 + len(text)
    tensors = tensors_of(entries, path, size - data, data)
    return Header(tensors, {name: data + entries[name]["data_offsets"][0] for name in tensors}, metadata)


def tensors_of(entries: Mapping[str, Any], path: str, size: int, data: int | None = None) -> dict[str, TensorInfo]:
    """Return the tensors that a header's entries describe, in the order of the file.

    Args:
        entries: name -> dtype, shape and data_offsets, not trusted.
        path: for sentences.
        size: bytes of values, or at most so many where ``data`` is None.
        data: byte of the file at which they begin, if that is known.

    Raises:
        FileFormatError: if a dtype is unknown; if shape, dtype and offsets of a tensor disagree; if values overlap,
            leave holes, or do not end where the file ends.
    """
    spans: list[tuple[int, int, TensorInfo]] = []
    for name, entry in entries.items():
        if not name.isprintable():
            raise _corrupt(path, f"names a tensor {name!r}, with characters that cannot be printed")
        if problem := _entry_problem(entry):
            raise _corrupt(path, f"gives tensor {name!r} {problem}")
        info = TensorInfo(name, entry["dtype"], tuple(entry["shape"]))
        begin, end = entry["data_offsets"]
        if end - begin != info.nbytes:
            takes = f"where {info.dtype} of shape {list(info.shape)} takes {info.nbytes}"
            raise _corrupt(path, f"gives tensor {name!r} {end - begin} bytes, {takes}")
        spans.append((begin, end, info))
    spans.sort(key=lambda s: s[:2])
    covered = 0
    for begin, end, info in spans:
        if begin != covered:
            kind = "overlaps the one before it" if begin < covered else f"leaves a hole of {begin - covered} bytes"
            raise _corrupt(path, f"places tensor {info.name!r} where it {kind} (byte {begin} of the values)")
        covered = end
    if covered > size or (data is not None and covered < size):
        state = "is truncated" if covered > size else "has extra bytes at its end"
        start = data or 0
        msg = f"{path} {state}: {start + size} bytes, its header needs {start + covered}. "
        raise FileFormatError(msg + "Delete it and download it again.")
    return {info.name: info for _, _, info in spans}


def _corrupt(path: str, what: str) -> FileFormatError:
    return FileFormatError(f"Corrupt header in {path}: it {what}. Delete the file and download it again.")


def _entry_problem(entry: object) -> str | None:
    """Say what is wrong with the form of one entry, or None."""
    if not isinstance(entry, Mapping) or set(entry) != {"dtype", "shape", "data_offsets"}:
        return "something other than dtype, shape and data_offsets"
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in {*DTYPES, *OTHER_DTYPES}:
        return f"the dtype {entry['dtype']!r} (readable: {', '.join(DTYPES)})"
    for key in ("shape", "data_offsets"):
        value = entry[key]
        if not isinstance(value, list | tuple) or not all(type(n) is int and 0 <= n < 1 << 63 for n in value):
            return f"the {key} {value!r}, which is no list of natural numbers"
    if len(entry["shape"]) > MAX_AXES:
        return f"a shape of {len(entry['shape'])} axes (at most {MAX_AXES})"
    if len(entry["data_offsets"]) != 2:
        return f"{len(entry['data_offsets'])} data_offsets instead of 2"
    return None
