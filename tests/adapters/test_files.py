"""Saved adapters: whole or not at all, and every mismatch named."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ioadapt_theory.adapters import TransferError, adapt, layers
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.formats import load, save


@pytest.fixture
def saved(tmp_path):
    model = adapt(nn.Sequential(nn.Linear(6, 4)), target_modules=["0"], rank=2, alpha=5, init="random")
    return save(model, tmp_path / "adapter")


def fresh() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 4))


def rewrite(folder, change):
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def retensor(folder, change):
    (path,) = folder.glob("*.safetensors")
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def part(config):
    return config["layers"]["0"]["placements"]["input"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format="peft"), "format has to be 'ioadapt_theory', found 'peft'"),
        (lambda c: c.update(version=2), "version has to be 1, found 2"),
        (lambda c: c.update(weights="../../etc/passwd"), "weights has to be a file name as save writes it"),
        (lambda c: c.update(layers={}), "layers has to be an object with at least one layer"),
        (lambda c: c.update(layers={"\x1b[2J": c["layers"]["0"]}), r"of printable names, found \{'\\x1b\[2J'"),
        (lambda c: c.update(format="x" * 10**6), "found 'x{79}[.]$"),
        (lambda c: c["layers"].update({"0": 3}), r"layers\.0\.family has to be an object, found 3"),
        (lambda c: c["layers"]["0"].update(family="vera"), r"family has to be one of lora, .*found 'vera'"),
        (lambda c: c["layers"]["0"].update(placements={}), "placements has to be an object of input, output, weight"),
        (lambda c: c["layers"]["0"]["placements"].update(side={}), "nothing but input, output, weight, found"),
        (lambda c: part(c).update(rank=0), r"placements\.input\.rank has to be a whole number, at least 1, found 0"),
        (lambda c: part(c).update(scaling=10**400), "scaling has to be a finite number, found 1000"),
        (lambda c: part(c).update(size=[10**30] * 3), r"size has to be \[rows, columns, channels\], found"),
        (lambda c: c["layers"]["0"].update(family=["lora"]), r"family has to be one of .*, found \['lora'\]"),
        (lambda c: part(c).update(scaling="big"), r"scaling has to be a finite number, found 'big'"),
        (lambda c: part(c).update(size=[6, 6]), r"size has to be \[rows, columns, channels\], found \[6, 6\]"),
        (lambda c: part(c).pop("dropout"), r"placements\.input has to be an object with size, rank"),
        (
            lambda c: part(c).update(rank=3),
            r"tensor 0\.input\.A has to be floating point \[6, 3\], found torch.float64 \[6, 2\]",
        ),
    ],
)
def test_a_wrong_config_names_file_key_expected_and_found(saved, change, message):
    rewrite(saved, change)
    model = fresh()
    with pytest.raises(FileFormatError, match=message) as error:
        load(model, saved)
    assert str(saved) in str(error.value)
    assert not layers(model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("0.input.B"), r"0\.input\.B has to be floating point \[2, 6\], found nothing"),
        (lambda t: t.update({"0.input.B": torch.zeros(2, 5)}), r"found torch.float64 \[2, 5\]"),
        (lambda t: t.update({"0.input.B": torch.zeros(2, 6, dtype=torch.int32)}), "found torch.int32"),
        (lambda t: t.update({"0.input.B": torch.zeros(2, 6).to(torch.float8_e5m2)}), "found torch.float8_e5m2"),
        (lambda t: t.update({"0.input.B": torch.full((2, 6), torch.nan)}), "has to be finite"),
        (lambda t: t.update({"1.input.B": torch.zeros(1)}), r"does not know: 1\.input\.B"),
    ],
)
def test_wrong_weights_name_file_key_expected_and_found(saved, change, message):
    retensor(saved, change)
    model = fresh()
    with pytest.raises(FileFormatError, match=message):
        load(model, saved)
    assert not layers(model)


def test_a_truncated_weights_file(saved):
    (path,) = saved.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileFormatError, match="not a complete safetensors file"):
        load(fresh(), saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "ioadapt_theory"}', "[" * 100_000])
def test_broken_json(saved, text):
    (saved / "adapter_config.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"adapter_config\.json"):
        load(fresh(), saved)


def test_a_folder_without_an_adapter(tmp_path):
    with pytest.raises(FileFormatError, match="a saved adapter is a folder with"):
        load(fresh(), tmp_path)


def test_a_huge_size_in_the_config_allocates_nothing(saved):
    rewrite(saved, lambda c: part(c).update(size=[10**12] * 3))
    with pytest.raises(FileFormatError, match="1000000000000"):
        load(fresh(), saved)


def test_a_model_that_does_not_fit_is_left_alone(saved):
    model = nn.Sequential(nn.Linear(7, 4))
    with pytest.raises(TransferError, match="input side has 7 -> 7, the adapter 6 -> 6"):
        load(model, saved)
    assert not layers(model)


def test_a_scaled_adapter_keeps_its_scaling(tmp_path):
    from ioadapt_theory.adapters import scale

    model = adapt(fresh(), target_modules=["0"], rank=2, alpha=5, init="random")
    scale(model, 0.5)
    save(model, tmp_path)
    twin = fresh()
    load(twin, tmp_path)
    assert layers(twin)["0"].adapters["default"]["input"].scaling == 1.25


def test_a_non_finite_adapter_is_not_saved_and_the_former_one_stays(saved):
    model = adapt(fresh(), target_modules=["0"], rank=2, init="random")
    layers(model)["0"].adapters["default"]["input"].A.data[0, 0] = float("nan")
    before = {p.name: p.read_bytes() for p in saved.iterdir()}
    with pytest.raises(InvalidValueError, match=r"0\.input\.A is not finite"):
        save(model, saved)
    assert {p.name: p.read_bytes() for p in saved.iterdir()} == before


def test_saving_again_leaves_one_weights_file(saved):
    model = adapt(fresh(), target_modules=["0"], rank=3, init="random")
    save(model, saved)
    assert len(list(saved.iterdir())) == 2
    load(fresh(), saved)


@pytest.mark.parametrize("moment", ["write_bytes", "replace"])
def test_a_failing_disk_leaves_the_former_adapter(saved, monkeypatch, moment):
    from pathlib import Path

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = {p.name: p.read_bytes() for p in saved.iterdir()}
    model = adapt(fresh(), target_modules=["0"], rank=3, init="random")
    monkeypatch.setattr(Path, moment, fail)
    with pytest.raises(OSError, match="No space left"):
        save(model, saved)
    assert {p.name: p.read_bytes() for p in saved.iterdir()} == before


def test_killing_a_process_that_saves_all_the_time_leaves_a_whole_adapter(tmp_path):
    script = """
        import sys, torch
        from torch import nn
        from ioadapt_theory.adapters import adapt
        from ioadapt_theory.formats import save
        print("ready", flush=True)
        rank = 1
        while True:
            model = adapt(nn.Sequential(nn.Linear(400, 300)), target_modules=["0"], rank=rank, init="random")
            save(model, sys.argv[1])
            print(rank, flush=True)
            rank = rank % 7 + 1
    """
    for delay in (0.02, 0.11, 0.2):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.readline()
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert load(nn.Sequential(nn.Linear(400, 300)), tmp_path).matched == ("0",)
