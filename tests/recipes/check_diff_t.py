"""A file of the new kind is read, split, described and saved, and rejected if it is inconsistent."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

from ioadapt_theory import load, save
from ioadapt_theory.errors import FileFormatError


def test_it_does_what_its_numbers_say_and_is_saved_as_any_other(tmp_path):
    base, x = nn.ModuleDict({"a": nn.Linear(4, 6)}), torch.randn(3, 4)
    plain, delta = base["a"](x), torch.randn(4, 6)
    save_file({"a.diff_t": delta}, tmp_path / "file.safetensors")
    twin = nn.ModuleDict({"a": nn.Linear(4, 6)})
    twin.load_state_dict(base.state_dict())
    load(base, tmp_path / "file.safetensors")
    assert_close(base["a"](x), plain + x @ delta)
    load(twin, save(base, tmp_path / "own"))
    assert torch.equal(twin["a"](x), base["a"](x))


def test_a_vector_is_one_sentence(tmp_path):
    save_file({"a.diff_t": torch.randn(6)}, tmp_path / "file.safetensors")
    with pytest.raises(FileFormatError, match="do not fit together"):
        load(nn.ModuleDict({"a": nn.Linear(4, 6)}), tmp_path / "file.safetensors")
