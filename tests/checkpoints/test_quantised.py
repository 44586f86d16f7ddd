"""Quantised files are refused with an error that names the quantisation."""

import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.checkpoints import open_checkpoint
from ioadapt_theory.errors import FileFormatError, UnsupportedError

CODES = torch.zeros(4, 4, dtype=torch.int32)
REFUSED: dict[str, dict[str, torch.Tensor]] = {
    "GPTQ or AWQ": {"l.qweight": CODES, "l.qzeros": CODES + 1, "l.scales": torch.ones(4)},
    "bitsandbytes": {"l.weight": CODES.to(torch.uint8), "l.weight.absmax": torch.ones(2)},
    "compressed-tensors": {"l.weight_packed": CODES, "l.weight_shape": torch.ones(2)},
    "fp8 in blocks": {"l.weight": CODES.to(torch.float8_e4m3fn), "l.weight_scale_inv": torch.ones(1, 1)},
    "ComfyUI's fp8": {"l.weight": CODES.to(torch.float8_e4m3fn), "l.scale_weight": torch.ones(())},
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_codes_are_refused_by_the_name_of_what_made_them(name: str, tmp_path: Path):
    save_file(REFUSED[name], tmp_path / "model.safetensors")
    with pytest.raises(UnsupportedError, match=rf"not supported \(tensor l\.\S+: {name}\)\. Use the unquantised"):
        open_checkpoint(str(tmp_path))


@pytest.mark.parametrize("name", ["x.gguf", "x.safetensors"])
def test_a_gguf_file_is_refused_before_it_is_parsed(name: str, tmp_path: Path):
    """The gguf library does not finish reading a file of 51 bytes that announces an array of 2^60 entries."""
    (tmp_path / name).write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + b"\xff" * 40)
    with pytest.raises(FileFormatError, match=r"is a GGUF file, .* Use the safetensors file that it was converted"):
        open_checkpoint(str(tmp_path / name))
