"""Errors in files are reported with the file, the layer, the cause and a remedy; no code in a file is executed."""

import os
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.checkpoints import SourceError, open_checkpoint
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from tests.checkpoints.broken import GGUFS, GOOD, INDEXES, PICKLES, SAFETENSORS, header
from tests.similarity.models import value

TABLES = {"x.safetensors": SAFETENSORS, "x.bin": PICKLES, "model": INDEXES, "x.gguf": GGUFS}


@pytest.mark.filterwarnings("ignore:.*torch.jit")  # a warning whose category depends on torch's version
@pytest.mark.parametrize(("name", "case"), [(name, case) for name, table in TABLES.items() for case in table])
def test_what_is_broken_or_hostile_is_described_and_nothing_is_executed_or_read_elsewhere(name, case, tmp_path):
    make, message = TABLES[name][case]
    if name == "model":
        (tmp_path / name).mkdir()
    make(tmp_path / name)
    with pytest.raises((FileFormatError, SourceError, UnsupportedError), match=rf"(?s){name}.*({message})"):
        open_checkpoint(str(tmp_path / name))
    assert not (tmp_path / "executed").exists()


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


def test_a_folder_with_several_weights_asks_which(tmp_path: Path):
    for name in ("one", "two"):
        save_file(GOOD, tmp_path / f"{name}.safetensors")
    several = r"several files of weights: one\.safetensors, two\.safetensors\. Append one as :PART, like :"
    with pytest.raises(SourceError, match=rf"{several}one\.safetensors\.$"):
        open_checkpoint(str(tmp_path))
    with pytest.raises(SourceError, match=rf"{several}{tmp_path.name}/one\.safetensors\.$"):
        open_checkpoint(f"{tmp_path.parent}:{tmp_path.name}")
    with open_checkpoint(f"{tmp_path}:two.safetensors") as two:
        assert two.tensors.keys() == GOOD.keys()


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
        with pytest.raises(FileFormatError, match=r"x\.safetensors: tensor C64 has dtype C64, which cannot be read"):
            opened.tensor("C64")


def test_pipes_are_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "x.safetensors")
    with pytest.raises(SourceError, match=r"x\.safetensors is a device, pipe or socket"):
        open_checkpoint(str(tmp_path / "x.safetensors"))
