"""The header of a safetensors file, read strictly: nothing is accepted that two readers could understand differently.

Layout: 8 bytes little-endian length n, n bytes of JSON {name: {dtype, shape, data_offsets}}, then the values. The JSON
may be padded with blanks, and the values may begin anywhere: the official SD-1.5 UNet is not aligned to 8 bytes.
"""

import json
import struct
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ioadapt_theory.checkpoints.checkpoint import DTYPES, TensorInfo
from ioadapt_theory.errors import FileFormatError

MAX_HEADER: Final = 100_000_000
"""Longest header in bytes that the reference implementation writes or reads."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says: tensors in file order, where their values begin (bytes from the start of the file)."""

    tensors: dict[str, TensorInfo]
    offsets: dict[str, int]
    metadata: dict[str, str]


def refuse_other_kinds(start: bytes, path: str, size: int) -> None:
    """Tell from the first bytes whether a file can hold weights at all.

    Raises:
        FileFormatError: If it is empty, a git-LFS pointer or a web page.
    """
    if problem := _other_kind(start, path, size):
        raise FileFormatError(problem)


def _other_kind(start: bytes, path: str, size: int) -> str | None:
    again = "Delete it and download it again."
    if size == 0:
        return f"{path} is empty. {again}"
    if start.startswith(b"version https://git-lfs"):
        pointed = next((line.split()[1] for line in start.splitlines() if line.startswith(b"size ")), b"?").decode()
        return f"{path} is a git-LFS pointer to {pointed} bytes, not the weights themselves. Run git lfs pull."
    if start.lstrip()[:1] == b"<":
        return f"{path} is a web page, not weights (a login or error page?). {again}"
    return None


def header_length(start: bytes, path: str, size: int) -> int:
    """Return n, the length of the JSON, from the first bytes of a file of `size` bytes.

    Raises:
        FileFormatError: If this is not a safetensors file, or is cut within its header.
    """
    problem = _other_kind(start, path, size)
    if problem is None and start.startswith(b"PK"):
        problem = f"{path} is a PyTorch pickle (a zip file) under a safetensors name. Rename it to end in .bin."
    if problem is None and size < 8:
        problem = f"{path} is cut within its first 8 bytes ({size} bytes). Delete it and download it again."
    if problem is None:
        (length,) = struct.unpack("<Q", start[:8])
        if length > MAX_HEADER:
            problem = (
                f"{path} is not a safetensors file: it announces a header of {length} bytes (at most {MAX_HEADER})."
            )
        elif 8 + length > size:
            problem = (
                f"{path} is cut within its header: {size} bytes, the header alone needs {8 + length}. "
                "Delete it and download it again."
            )
        else:
            return int(length)
    raise FileFormatError(problem)


def parse_header(text: bytes, path: str, size: int) -> Header:
    """Parse the JSON of a header (without its 8 leading bytes) of the file `path` of `size` bytes.

    Raises:
        FileFormatError: If the JSON is broken or names a tensor twice; if a dtype is unknown; if shape, dtype and
            offsets of a tensor disagree; if values overlap, leave holes, or do not end where the file ends.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [k for k, _ in pairs]
            twice = next(k for k in names if names.count(k) > 1)
            fail(f"names {twice!r} twice")
        return found

    def fail(what: str) -> NoReturn:
        msg = f"Corrupt header in {path}: it {what}. Delete the file and download it again."
        raise FileFormatError(msg)

    try:
        entries = json.loads(text, object_pairs_hook=unique)
    except FileFormatError:
        raise
    except (ValueError, RecursionError) as error:
        fail(f"is not JSON ({error})")
    if not isinstance(entries, dict):
        fail("is not a JSON object")
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        fail("has __metadata__ that is not a table of strings")
    spans: list[tuple[int, int, TensorInfo]] = []
    for name, entry in entries.items():
        if not name.isprintable():
            fail(f"names a tensor {name!r}, with characters that cannot be printed")
        if problem := _entry_problem(entry):
            fail(f"gives tensor {name!r} {problem}")
        info = TensorInfo(name, entry["dtype"], tuple(entry["shape"]))
        begin, end = entry["data_offsets"]
        if end - begin != info.nbytes:
            shape = list(info.shape)
            fail(f"gives tensor {name!r} {end - begin} bytes, where {info.dtype} of shape {shape} takes {info.nbytes}")
        spans.append((begin, end, info))
    spans.sort(key=lambda s: s[:2])
    covered = 0
    for begin, end, info in spans:
        if begin != covered:
            kind = "overlaps the one before it" if begin < covered else f"leaves a hole of {begin - covered} bytes"
            fail(f"places tensor {info.name!r} where it {kind} (byte {begin} of the values)")
        covered = end
    data = 8 + len(text)
    if data + covered != size:
        state = "is truncated" if size < data + covered else "has extra bytes at its end"
        msg = f"{path} {state}: {size} bytes, its header needs {data + covered}. Delete it and download it again."
        raise FileFormatError(msg)
    return Header({s[2].name: s[2] for s in spans}, {s[2].name: data + s[0] for s in spans}, metadata)


def _entry_problem(entry: object) -> str | None:
    """Say what is wrong with the form of one entry, or None."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        return "something other than dtype, shape and data_offsets"
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
        return f"the dtype {entry['dtype']!r} (readable: {', '.join(DTYPES)})"
    for key in ("shape", "data_offsets"):
        value = entry[key]
        if not isinstance(value, list) or not all(type(n) is int and 0 <= n < 1 << 63 for n in value):
            return f"the {key} {value!r}, which is no list of natural numbers"
    if len(entry["data_offsets"]) != 2:
        return f"{len(entry['data_offsets'])} data_offsets instead of 2"
    return None
