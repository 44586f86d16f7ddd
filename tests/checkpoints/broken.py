"""Invalid files: name -> (a function that writes one to a path, the expected message)."""

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save, save_file

GOOD = {"a": torch.arange(6, dtype=torch.float32).view(2, 3), "b": torch.ones(4, dtype=torch.float32)}
AGAIN = "[Dd]elete (it|the file) and download it again"


def header(entries: object, data: bytes = b"") -> bytes:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(begin: int, end: int, shape: object = (2,), dtype: object = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape, "data_offsets": [begin, end]}


class Touches:
    """An object whose unpickling creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.target}",)


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _hostile(**options: object) -> Callable[[Path], object]:
    return lambda path: torch.save(GOOD | {"run": Touches(path.with_name("executed"))}, path, **options)


def _cut_pickle(path: Path) -> None:
    torch.save(GOOD, path)
    path.write_bytes(path.read_bytes()[:-50])


CODES = torch.zeros(4, 4, dtype=torch.int32)
GGUF = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + b"\xff" * 40
"""A file of 51 bytes that announces an array of 2^60 entries, which the gguf library does not finish reading."""
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3438167540\n"

SAFETENSORS: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated body": (_bytes(save(GOOD)[:-5]), rf"is truncated .* not fully covered\)\. {AGAIN}"),
    "empty": (_bytes(b""), rf"is empty\. {AGAIN}"),
    "truncated header": (_bytes(save(GOOD)[:40]), rf"is truncated .*{AGAIN}"),
    "LFS pointer": (_bytes(LFS), r"is a git-LFS pointer to 3438167540 bytes.* Run `git lfs pull`"),
    "web page": (_bytes(b"\n<!DOCTYPE html>"), r"is a web page, not weights"),
    "pickle": (lambda p: torch.save(GOOD, p), r"is a zip file, .* If it is a PyTorch pickle, rename it to \.bin"),
    "text": (_bytes(b"hello, world"), r"is truncated or has a broken header"),
    "overlap": (_bytes(header({"a": entry(0, 8), "b": entry(4, 12)}, bytes(12))), r"invalid offset for tensor `b`"),
    "unknown dtype": (_bytes(header({"a": entry(0, 8, dtype="F99")}, bytes(8))), r"unknown variant `F99`"),
    "65 axes": (_bytes(header({"a": entry(0, 8, [1] * 65 + [2])}, bytes(8))), r"of more than 64 axes"),
    "deep JSON": (_bytes(header(b"[" * 100_000)), r"has a broken header \(invalid JSON"),
    "escape codes": (_bytes(header({"\x1b[2J": entry(0, 8)}, bytes(8))), r"'\\x1b\[2J' has a name with unprintable"),
    "GGUF": (_bytes(GGUF), r"is a GGUF file, .* Use the safetensors file that it was converted"),
    "GPTQ": (_bytes(save({"l.qweight": CODES})), r"tensor l\.qweight: GPTQ or AWQ\)\. Use the unquantised"),
    "bitsandbytes": (_bytes(save({"l.weight.absmax": CODES})), r"weight\.absmax: bitsandbytes\)"),
    "compressed": (_bytes(save({"l.weight_packed": CODES})), r"l\.weight_packed: compressed-tensors\)"),
    "fp8": (_bytes(save({"l.weight_scale_inv": CODES})), r"weight_scale_inv: fp8 in blocks\)"),
    "ComfyUI": (_bytes(save({"l.scale_weight": CODES})), r"scale_weight: ComfyUI's fp8\)"),
}
"""Invalid or quantised contents of x.safetensors."""
GGUFS = {"only its name": (_bytes(bytes(40)), SAFETENSORS["GGUF"][1])}

PICKLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "code": (_hostile(), r"contains code or custom classes \(posix\.system\), which were not executed"),
    "code, old format": (_hostile(_use_new_zipfile_serialization=False), r"code or custom classes \(posix\.system\)"),
    "bare pickle of code": (
        lambda p: p.write_bytes(pickle.dumps(Touches(p.with_name("executed")), protocol=2)),
        r"contains code or custom classes \(posix\.system\)|is truncated, broken or not a PyTorch pickle",
    ),
    "truncated": (_cut_pickle, rf"truncated, broken or not a PyTorch pickle of weights \(.*directory\)\. {AGAIN}"),
    "no table": (lambda p: torch.save([torch.ones(2)], p), r"contains an object of type list without named tensors"),
    "program": (
        lambda p: torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), p),
        r"is a TorchScript program.* Save its state_dict\(\) instead",
    ),
}
"""Invalid contents of x.bin."""


def _index(**changes: object) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        save_file({"a": GOOD["a"]}, folder / "one.safetensors")
        save_file({"b": GOOD["b"]}, folder.parent / "secret.safetensors")
        index = {"weight_map": {"a": "one.safetensors"} | changes}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    return make


INDEXES: dict[str, tuple[Callable[[Path], object], str]] = {
    "outside": (_index(b="../secret.safetensors"), r"names the shard '../secret\.safetensors', which is not a name of"),
    "missing shard": (_index(b="two.safetensors"), r"lists shards that are missing: two\.safetensors"),
    "wrong shard": (_index(b="one.safetensors"), r"lists tensor 'b' in one\.safetensors, which lacks it"),
    "not a string": (_index(b=3), r"has no weight_map from tensor names to file names\."),
    "not JSON": (lambda p: (p / "model.safetensors.index.json").write_text("{"), r"index\.json is not valid JSON"),
}
"""Invalid contents of a folder."""
