"""Whatever is wrong with a file is said with its name, the layer, the cause and the way out; nothing is executed."""

import json
import os
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ioadapt_theory.checkpoints.checkpoint import SourceError
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.errors import FileFormatError, InvalidValueError, IoAdaptError
from tests.checkpoints.broken import GOOD, INDEXES, PICKLES, SAFETENSORS, entry, header
from tests.similarity.models import value

Case = tuple[Callable[[Path], object], str]


@pytest.mark.parametrize("case", SAFETENSORS.values(), ids=SAFETENSORS)
def test_a_broken_safetensors_file_is_described(case: Case, tmp_path: Path):
    make, message = case
    make(tmp_path / "x.safetensors")
    with pytest.raises(FileFormatError, match=message):
        open_checkpoint(str(tmp_path / "x.safetensors"))


@pytest.mark.filterwarnings("ignore:.*torch.jit")  # a DeprecationWarning or a FutureWarning, as torch ages
@pytest.mark.parametrize("case", PICKLES.values(), ids=PICKLES)
def test_a_broken_or_hostile_pickle_is_described_and_not_executed(case: Case, tmp_path: Path):
    make, message = case
    make(tmp_path / "x.bin")
    with pytest.raises(FileFormatError, match=message):
        open_checkpoint(str(tmp_path / "x.bin"))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("case", INDEXES.values(), ids=INDEXES)
def test_a_broken_index_reads_nothing_outside_its_folder(case: Case, tmp_path: Path):
    make, message = case
    (tmp_path / "model").mkdir()
    make(tmp_path / "model")
    with pytest.raises((FileFormatError, SourceError), match=message):
        open_checkpoint(str(tmp_path / "model"))


def test_the_hostile_pickle_of_these_tests_would_have_worked(tmp_path: Path):
    PICKLES["code"][0](tmp_path / "x.bin")
    torch.load(tmp_path / "x.bin", weights_only=False)
    assert (tmp_path / "executed").exists()


def test_values_that_begin_at_any_byte_are_read_as_the_old_sd15_file_needs(tmp_path: Path):
    save_file(GOOD, tmp_path / "x.safetensors")
    content = (tmp_path / "x.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    text = content[8 : 8 + length].rstrip() + b" " * 3
    text += b" " * (1 - len(text) % 2)  # an odd length
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    with open_checkpoint(str(tmp_path / "x.safetensors")) as odd:
        assert all(torch.equal(value(odd, n), GOOD[n]) for n in GOOD)


def test_a_file_that_shrinks_while_open_gives_an_error_and_not_a_dead_process(tmp_path: Path):
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.ones(1 << 20)}, path)
    with open_checkpoint(str(path)) as shrinking:
        os.truncate(path, 1000)
        with pytest.raises(
            SourceError, match=r"x\.safetensors became shorter while it was read: tensor a ends at byte 1000"
        ):
            value(shrinking, "a")


@pytest.mark.parametrize("strided", [False, True], ids=["by position", "mapped"])
def test_a_pickle_that_shrinks_while_open_gives_an_error_too(tmp_path: Path, strided: bool):
    path = tmp_path / "x.bin"
    torch.save({"a": torch.ones(2000, 1000).t() if strided else torch.ones(1000, 2000), "b": torch.ones(1000)}, path)
    with open_checkpoint(str(path)) as shrinking:
        os.truncate(path, 1000)
        with pytest.raises(SourceError, match=r"x\.bin became shorter while it was read: tensor b"):
            value(shrinking, "b")


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int64"]
)
def test_every_dtype_is_read_to_the_bit(dtype: str, tmp_path: Path):
    stored = torch.arange(-8, 7, dtype=torch.float32).view(5, 3).to(getattr(torch, dtype))
    save_file({"a": stored}, tmp_path / "x.safetensors")
    torch.save({"a": stored}, tmp_path / "x.bin")
    for name in ("x.safetensors", "x.bin"):
        with open_checkpoint(str(tmp_path / name)) as checkpoint:
            assert torch.equal(value(checkpoint, "a").view(torch.uint8), stored.view(torch.uint8))
            middle = torch.empty(4, dtype=stored.dtype)
            checkpoint.read("a", 7, middle)
            assert torch.equal(middle.float(), stored.flatten()[7:11].float())


@pytest.mark.parametrize(("start", "length"), [(-1, 2), (5, 2), (0, 7)])
def test_a_range_outside_a_tensor_is_refused(start: int, length: int, tmp_path: Path):
    save_file(GOOD, tmp_path / "x.safetensors")
    with open_checkpoint(str(tmp_path / "x.safetensors")) as good:
        with pytest.raises(
            InvalidValueError, match=rf"a has 6 elements; \[{start}, {start + length}\) is not within them"
        ):
            good.read("a", start, torch.empty(length, dtype=torch.float32))
        with pytest.raises(InvalidValueError, match=r"has to be flat, contiguous and F32, not torch\.float64"):
            good.read("a", 0, torch.empty(2, dtype=torch.float64))


def test_a_missing_file_is_told_with_what_lies_beside_it(tmp_path: Path):
    save_file(GOOD, tmp_path / "y.safetensors")
    with pytest.raises(SourceError, match=r"No file .*x\.safetensors \(its folder holds y\.safetensors\)"):
        open_checkpoint(str(tmp_path / "x.safetensors"))


def test_a_folder_without_weights_is_told_with_what_it_holds(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SourceError, match=r"The folder .* holds no weights that can be read \(it holds config\.json\)"):
        open_checkpoint(str(tmp_path))


def test_a_folder_with_several_weights_asks_which(tmp_path: Path):
    for name in ("one", "two"):
        save_file(GOOD, tmp_path / f"{name}.safetensors")
    with pytest.raises(SourceError, match=r"several weights: one\.safetensors, two\.safetensors\. Say which"):
        open_checkpoint(str(tmp_path))
    with open_checkpoint(f"{tmp_path}:two.safetensors") as two:
        assert two.tensors.keys() == GOOD.keys()


def test_only_variants_asks_for_one(tmp_path: Path):
    save_file(GOOD, tmp_path / "model.fp16.safetensors")
    save_file(GOOD, tmp_path / "model.bf16.safetensors")
    with pytest.raises(SourceError, match=r"only the variants bf16, fp16: choose one, as in --variant bf16"):
        open_checkpoint(str(tmp_path))


def damaged(path: Path, trial: int, within: int) -> None:
    """Change three bytes among the first `within`."""
    content = bytearray(path.read_bytes())
    generator = torch.Generator().manual_seed(trial)
    for _ in range(3):
        place, new = (int(torch.randint(0, n, (1,), generator=generator)) for n in (within, 256))
        content[place] = new
    path.write_bytes(content)


@pytest.mark.parametrize("trial", range(60))
def test_a_damaged_header_is_refused_or_read_as_the_reference_reads_it(trial: int, tmp_path: Path):
    path = tmp_path / "x.safetensors"
    save_file(GOOD, path)
    damaged(path, trial, within=150)
    try:
        opened = open_checkpoint(str(path))
    except IoAdaptError:
        return
    with safe_open(path, "pt") as reference, opened:
        names = list(reference.keys())
        assert {n: t.shape for n, t in opened.tensors.items()} == {
            n: tuple(reference.get_slice(n).get_shape()) for n in names
        }


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("trial", range(40))
def test_a_damaged_pickle_raises_nothing_but_our_errors(trial: int, new_format: bool, tmp_path: Path):
    path = tmp_path / "x.bin"
    torch.save(GOOD, path, _use_new_zipfile_serialization=new_format)
    damaged(path, trial, within=path.stat().st_size)
    with suppress(IoAdaptError), open_checkpoint(str(path)) as opened:
        for name in opened.tensors:
            value(opened, name)


def test_legal_dtypes_that_nobody_computes_with_are_named_and_the_others_are_read(tmp_path: Path):
    sizes = {"F8_E8M0": (16, 16), "C64": (2, 16), "F4": (6, 3), "F6_E2M3": (4, 3), "F32": (2, 8)}
    entries, begin = {}, 0
    for dtype, (n, size) in sizes.items():
        entries[dtype] = {"dtype": dtype, "shape": [n], "data_offsets": [begin, begin + size]}
        begin += size
    (tmp_path / "x.safetensors").write_bytes(header(entries, bytes(begin)))
    with open_checkpoint(str(tmp_path / "x.safetensors")) as opened:
        assert {n: t.is_float for n, t in opened.tensors.items()} == {n: n == "F32" for n in sizes}
        assert value(opened, "F32").tolist() == [0, 0]
        with pytest.raises(InvalidValueError, match="C64 is C64, whose values cannot be read"):
            opened.read("C64", 0, torch.empty(2))


@pytest.mark.parametrize("shape", [None, [1] * 65, [2**62] * 40_000], ids=["null", "65 axes", "large"])
def test_shapes_that_no_tensor_has_are_refused_at_once(shape: object, tmp_path: Path):
    (tmp_path / "x.safetensors").write_bytes(header({"a": entry(0, 8, shape)}, bytes(8)))
    began = time.process_time()
    with pytest.raises(FileFormatError, match=r"gives tensor 'a' (the shape None|a shape of .* axes)"):
        open_checkpoint(str(tmp_path / "x.safetensors"))
    assert time.process_time() - began < 2


def test_a_name_that_comes_twice_among_very_many_is_found_at_once(tmp_path: Path):
    names = [f"{n}" for n in range(100_000)]
    text = ",".join(f'"{n}":0' for n in [*names, names[-1]])
    (tmp_path / "x.safetensors").write_bytes(header(b"{" + text.encode() + b"}"))
    began = time.process_time()
    with pytest.raises(FileFormatError, match="names '99999' twice"):
        open_checkpoint(str(tmp_path / "x.safetensors"))
    assert time.process_time() - began < 3


@pytest.mark.parametrize("length", [60, 15392])
def test_a_header_whose_length_looks_like_the_start_of_a_web_page(length: int, tmp_path: Path):
    """60 is '<', and 15392 is ' <'."""
    text = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    (tmp_path / "x.safetensors").write_bytes(header(text, bytes(8), pad=length - len(text)))
    with open_checkpoint(str(tmp_path / "x.safetensors")) as opened:
        assert list(opened.tensors) == ["a"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.npz", b"PK\x03\x04" + bytes(60), r"x\.npz is an archive of numpy arrays, .* safetensors\.numpy"),
        ("x.onnx", b"\x08\x08\x12\x07pytorch" + bytes(60), r"x\.onnx is an ONNX program"),
    ],
    ids=["npz", "onnx"],
)
def test_files_of_other_kinds_are_called_what_they_are(name: str, content: bytes, told: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=told):
        open_checkpoint(str(tmp_path / name))


def test_pipes_are_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "x.safetensors")
    with pytest.raises(SourceError, match=r"x\.safetensors is a device, pipe or socket"):
        open_checkpoint(str(tmp_path / "x.safetensors"))
    os.mkfifo(tmp_path / "own.toml")
    with pytest.raises(SourceError, match=r"Cannot read the aliases in .*own\.toml: .* is a device, pipe or socket"):
        open_checkpoint("sd15", aliases=tmp_path / "own.toml")


def test_a_system_that_cannot_read_by_position_seeks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "preadv")
    values = {f"t{n}": torch.full((10_000,), float(n)) for n in range(8)}
    save_file(values, tmp_path / "x.safetensors")
    with open_checkpoint(str(tmp_path / "x.safetensors")) as opened, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: value(opened, name), list(values) * 20))
        assert all(torch.equal(a, values[n]) for a, n in zip(found, list(values) * 20, strict=True))
        os.truncate(tmp_path / "x.safetensors", 1000)
        with pytest.raises(SourceError, match="became shorter while it was read"):
            value(opened, "t7")


def test_an_index_with_extra_tensors_in_a_shard_follows_the_index(tmp_path: Path):
    save_file(GOOD, tmp_path / "one.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "one.safetensors"}}))
    with open_checkpoint(str(tmp_path)) as checkpoint:
        assert list(checkpoint.tensors) == ["a"]
