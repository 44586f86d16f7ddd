"""An adapter is written whole or not at all, equal adapters are equal files, and PEFT's two files belong together."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ioadapt_theory import adapt, save
from ioadapt_theory.cli import MISUSE, main
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.formats import open_adapter
from ioadapt_theory.formats.kinds.peft import CONFIG, WEIGHTS, config_of, write_folder
from ioadapt_theory.formats.tensors import write


def peft(folder: Path, alpha: float, value: float | None = None) -> Path:
    shapes = {"base_model.model.0.lora_A.weight": (2, 6), "base_model.model.0.lora_B.weight": (4, 2)}
    tensors = {key: torch.full(shape, alpha if value is None else value).float() for key, shape in shapes.items()}
    write_folder(folder, config_of("LORA", ["0"], None, r=2, lora_alpha=2 * alpha), tensors, {"a": "b"})
    return folder


def stored(folder: Path) -> tuple[float, float]:
    (layer,) = open_adapter(folder).layers
    return layer.adapter()["weight"].scaling, float(layer.adapter()["weight"].A[0, 0].detach())


def test_equal_adapters_are_equal_files(tmp_path):
    model = adapt(nn.Sequential(nn.Linear(6, 4)), target_modules=["0"], placement="input", rank=2, init="random")
    contents = {(save(model, tmp_path / f"{k}") / "ioadapt.safetensors").read_bytes() for k in range(6)}
    assert len(contents) == 1
    write(tmp_path / "ä.safetensors", {"ä": torch.ones(3).half(), "b": torch.ones(())}, {"z": "ö", "a": '"\\'})
    assert load_file(tmp_path / "ä.safetensors")["ä"].tolist() == [1, 1, 1]
    header = (tmp_path / "ä.safetensors").read_bytes()
    assert (8 + int.from_bytes(header[:8], "little")) % 8 == 0
    assert json.loads(header[8 : 8 + header[0]])["__metadata__"] == {"a": '"\\', "format": "pt", "z": "ö"}


def test_a_folder_that_cannot_be_written_stays_as_it_is(tmp_path):
    folder = peft(tmp_path, 2.0)
    with pytest.raises(InvalidValueError, match=r"lora_A\.weight contains NaN or infinity; nothing was written"):
        peft(folder, 3.0, float("nan"))
    assert stored(folder) == (2, 2)
    assert sorted(p.name for p in folder.iterdir()) == sorted([CONFIG, WEIGHTS[0]])


def test_bake_writes_no_infinity(tmp_path, capsys):
    model = nn.Sequential(nn.Linear(6, 4)).float()
    nn.init.constant_(model[0].weight, 3e38)
    save_file(dict(model.state_dict()), tmp_path / "base.safetensors")
    save(adapt(model, target_modules=["0"], placement="input", rank=2, alpha=1e4, init="random"), tmp_path / "lora")
    former = peft(tmp_path / "out", 1.0)
    words = ["adapters", "bake", tmp_path / "lora", "--out", former, "--force", "--base", tmp_path / "base.safetensors"]
    assert main([*map(str, words)]) == MISUSE
    told = capsys.readouterr()
    assert told.out == ""
    assert "too large for torch.float32" in told.err
    assert stored(former) == (1, 1)
