"""Folders, shards and single files on this machine give the same tensors whatever their form."""

import json
import sys
import time
import types
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.checkpoints.checkpoint import SourceError, TensorInfo
from ioadapt_theory.checkpoints.sources import open_checkpoint
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnknownNameError
from tests.similarity.models import rows, shapes, sharded, value, weights


def test_a_shape_is_compared_without_its_trailing_ones():
    assert TensorInfo("a", "F16", (320, 320, 1, 1)).key == TensorInfo("a", "F32", (320, 320)).key == (320, 320)
    assert TensorInfo("a", "F32", (1, 94)).key == (1, 94)
    assert TensorInfo("a", "F32", (1,)).key == TensorInfo("a", "F32", ()).key == ()
    assert TensorInfo("a", "BF16", (3, 2)).nbytes == 12


@pytest.mark.parametrize("component", ["unet", "transformer"])
def test_a_pipeline_opens_its_model_and_a_component_on_request(tmp_path: Path, component: str):
    for folder, size in ((component, 2), ("vae", 3)):
        (tmp_path / folder).mkdir()
        save_file({"w": torch.ones(size)}, tmp_path / folder / "diffusion_pytorch_model.safetensors")
    (tmp_path / "model_index.json").write_text("{}")
    with open_checkpoint(str(tmp_path)) as model, open_checkpoint(f"{tmp_path}:vae") as vae:
        assert (model.tensors["w"].shape, vae.tensors["w"].shape) == ((2,), (3,))
        assert model.name == tmp_path.name
    with pytest.raises(SourceError, match=rf"has no folder 'text_encoder' \(it has {component}, vae\)"):
        open_checkpoint(f"{tmp_path}:text_encoder")


@pytest.mark.parametrize("form", ["model.safetensors", "pytorch_model.bin", "sharded", "sharded bin", "index itself"])
def test_every_form_of_a_transformers_folder_gives_the_same(tmp_path: Path, form: str):
    values = {f"model.layers.{n}.mlp.up_proj.weight": torch.randn(4, 3, dtype=torch.float32) for n in range(4)}
    source = str(tmp_path)
    if form == "model.safetensors":
        save_file(values, tmp_path / form)
    elif form == "pytorch_model.bin":
        torch.save(values, tmp_path / form)
    elif form == "sharded bin":
        names = {"pytorch_model-1.bin": list(values)[:1], "pytorch_model-2.bin": list(values)[1:]}
        for file, some in names.items():
            torch.save({k: values[k] for k in some}, tmp_path / file)
        index = {"weight_map": {k: file for file, some in names.items() for k in some}}
        (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    else:
        for file, content in sharded(values, "model").items():
            (tmp_path / file).write_bytes(content)
        source += "/model.safetensors.index.json" if form == "index itself" else ""
    with open_checkpoint(source) as checkpoint:
        assert checkpoint.tensors.keys() == values.keys()
        assert all(torch.equal(value(checkpoint, n), values[n]) for n in values)
        assert checkpoint.pending() == 0


def test_safetensors_come_before_pickles_and_the_variant_before_the_plain_file(tmp_path: Path):
    torch.save({"bin": torch.ones(1)}, tmp_path / "diffusion_pytorch_model.fp16.bin")
    save_file({"plain": torch.ones(1)}, tmp_path / "diffusion_pytorch_model.safetensors")
    for variant, expected in ((None, "plain"), ("fp16", "bin"), ("int8", "plain")):
        with open_checkpoint(str(tmp_path), variant=variant) as checkpoint:
            assert list(checkpoint.tensors) == [expected]


def single_file(folder: Path, ending: str, *, ema: bool) -> str:
    """A file in the original layout: UNet, VAE, text encoder, and the averaged UNet under names without dots."""
    values = weights("sd15", 1, ldm=True)
    averaged = {"model_ema." + n.removeprefix("model.").replace(".", ""): v + 1 for n, v in values.items()}
    rest = {"first_stage_model.quant_conv.weight": torch.ones(2), "cond_stage_model.x.weight": torch.ones(3)}
    whole = values | rest | (averaged | {"model_ema.decay": torch.tensor(0.9)} if ema else {})
    path = folder / f"v1-5.{ending}"
    if ending == "ckpt":
        torch.save({"state_dict": whole, "global_step": 840000}, path)
    else:
        save_file(whole, path)
    return str(path)


@pytest.mark.parametrize("ending", ["safetensors", "ckpt"])
def test_of_a_single_file_with_both_kinds_one_has_to_be_chosen(tmp_path: Path, ending: str):
    path = single_file(tmp_path, ending, ema=True)
    with pytest.raises(InvalidValueError, match=r"v1-5\.\w+ has both trained and averaged .* --ema or --no-ema"):
        open_checkpoint(path)
    trained = weights("sd15", 1, ldm=True)
    for ema in (False, True):
        with open_checkpoint(path, ema=ema) as unet:
            assert unet.tensors.keys() == trained.keys()
            assert all(torch.equal(value(unet, n), trained[n] + ema) for n in list(trained)[::50])


def test_a_single_file_without_averaged_weights_needs_no_choice(tmp_path: Path):
    path = single_file(tmp_path, "safetensors", ema=False)
    with open_checkpoint(path) as unet:
        assert len(unet.tensors) == 686
    with pytest.raises(InvalidValueError, match=r"has no model_ema\.\*; an 'emaonly' file .* drop --ema"):
        open_checkpoint(path, ema=True)


def test_other_parts_of_a_single_file(tmp_path: Path):
    path = single_file(tmp_path, "safetensors", ema=True)
    with open_checkpoint(f"{path}:vae", ema=False) as vae:
        assert list(vae.tensors) == ["first_stage_model.quant_conv.weight"]
    with open_checkpoint(f"{path}:all", ema=False) as whole:
        assert len(whole.tensors) == 688
    with pytest.raises(UnknownNameError, match="No part 'clip'"):
        open_checkpoint(f"{path}:clip", ema=False)


def test_a_part_of_a_file_in_another_layout_is_refused(tmp_path: Path):
    save_file({"a": torch.ones(1)}, tmp_path / "x.safetensors")
    with pytest.raises(InvalidValueError, match="not in the original single-file layout"):
        open_checkpoint(f"{tmp_path}/x.safetensors:vae")


def test_the_official_checkpoint_opens_although_its_pickle_names_more_than_weights(tmp_path: Path):
    """v1-5-pruned.ckpt names pytorch_lightning's ModelCheckpoint and numpy scalars beside its weights."""
    import numpy as np

    names = "pytorch_lightning", "pytorch_lightning.callbacks", "pytorch_lightning.callbacks.model_checkpoint"
    modules = {name: types.ModuleType(name) for name in names}
    callback = type("ModelCheckpoint", (), {"__module__": names[-1]})
    modules[names[-1]].ModelCheckpoint = callback  # type: ignore[attr-defined]
    sys.modules |= modules
    try:
        extra = {"callbacks": {callback: {"best_model_score": np.float64(0.5)}}, "global_step": 3}
        torch.save({"state_dict": weights("bk-sdm-tiny", 1)} | extra, tmp_path / "x.ckpt")
    finally:
        for name in names:
            del sys.modules[name]
    with open_checkpoint(str(tmp_path / "x.ckpt")) as checkpoint:
        assert len(checkpoint.tensors) == 358
        assert checkpoint.metadata["inside"] == "state_dict"


@pytest.mark.parametrize("new_format", [True, False])
def test_objects_beside_the_weights_are_stubs_that_nobody_imports(
    tmp_path: Path, new_format: bool, monkeypatch: pytest.MonkeyPatch
):
    """As in files that keep their hyper-parameters as objects of the training package."""
    gone = types.ModuleType("gone_package")
    for name in ("Setting", "lower_case"):
        setattr(gone, name, type(name, (), {"__module__": gone.__name__}))
    setting, other = gone.Setting(), gone.lower_case()
    setting.rate, setting.inner, other.__class__.__reduce__ = 0.1, {"again": setting}, lambda _: (gone.Setting, (), {})
    extra = {"hyper_parameters": {"a": setting, "b": other}, "when": datetime(2026, 1, 2), "folder": tmp_path}
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, gone.__name__, gone)
        torch.save(
            {"state_dict": {"w": torch.ones(2)}, **extra}, tmp_path / "x.bin", _use_new_zipfile_serialization=new_format
        )
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert torch.equal(value(checkpoint, "w"), torch.ones(2))
    assert gone.__name__ not in sys.modules


def expanded(path: Path) -> None:
    torch.save({"w": torch.ones(3), "x": torch.zeros(1).expand(2_000_000_000)}, path)


def a_graph_of_tables(path: Path) -> None:
    table: dict[str, object] = {"w": torch.ones(1)}
    for _ in range(3):
        table = {f"{n}": table for n in range(60)}
    torch.save(table, path)


def one_storage_under_many_names(path: Path) -> None:
    large = torch.zeros(100_000, dtype=torch.float32)
    torch.save({f"{n}": large.view(1000, 100).t() for n in range(2000)}, path)


def a_zip_that_unpacks_to_far_more(path: Path) -> None:
    torch.save({"w": torch.ones(2)}, path)
    with ZipFile(path, "a", ZIP_DEFLATED) as archive:
        with archive.open("x/data/9", "w") as entry:
            for _ in range(300):
                entry.write(bytes(1_000_000))


@pytest.mark.parametrize(
    ("make", "told", "new_format"),
    [
        (expanded, r"has for tensor x of shape \[2000000000\] only 1 of its 2000000000 values", True),
        (expanded, r"has for tensor x of shape \[2000000000\] only 1 of its 2000000000 values", False),
        (a_graph_of_tables, "names more tensors than it can hold", True),
        (a_graph_of_tables, "names more tensors than it can hold", False),
        (one_storage_under_many_names, r"its tensors, which share them, 800000000: refused", True),
        (one_storage_under_many_names, r"its tensors, which share them, 800000000: refused", False),
        (a_zip_that_unpacks_to_far_more, r"bytes and unpacks to 300\d+: refused", True),
    ],
)
def test_few_bytes_do_not_become_many(
    make: Callable[[Path], None], told: str, new_format: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch, "save", partial(torch.save, _use_new_zipfile_serialization=new_format))
    make(tmp_path / "x.bin")
    assert (tmp_path / "x.bin").stat().st_size < 700_000
    began = time.process_time()
    with pytest.raises(FileFormatError, match=told):
        open_checkpoint(str(tmp_path / "x.bin"))
    assert time.process_time() - began < 5


def test_what_a_pickle_cannot_be_compared_by_is_left_out_by_name(tmp_path: Path):
    torch.save({"w": torch.ones(2), "z": torch.zeros(2, dtype=torch.complex64)}, tmp_path / "x.bin")
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert list(checkpoint.tensors) == ["w"]
        assert checkpoint.metadata["left_out"] == "z"


@pytest.mark.parametrize("new_format", [True, False])
def test_strided_and_shared_tensors_of_a_pickle(tmp_path: Path, new_format: bool):
    base = torch.randn(6, 4)
    values = {"base": base, "turned": base.t(), "rows": base[2:4], "tied": base, "one": torch.nn.Parameter(base[0])}
    torch.save(values, tmp_path / "x.bin", _use_new_zipfile_serialization=new_format)
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert all(torch.equal(value(checkpoint, n), values[n].detach()) for n in values)


def test_a_compressed_pickle_is_decompressed_and_not_read_as_it_lies(tmp_path: Path):
    values = {"w": torch.arange(1000.0)}
    torch.save(values, tmp_path / "plain.bin")
    with ZipFile(tmp_path / "plain.bin") as plain, ZipFile(tmp_path / "x.bin", "w", ZIP_DEFLATED) as packed:
        for item in plain.infolist():
            packed.writestr(item.filename, plain.read(item))
    assert (tmp_path / "x.bin").stat().st_size < 4000
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert torch.equal(value(checkpoint, "w"), values["w"])


def test_a_table_that_contains_itself_ends(tmp_path: Path):
    table: dict[str, object] = {"a": torch.ones(2)}
    table["state_dict"] = table
    torch.save(table, tmp_path / "x.bin")
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert "a" in checkpoint.tensors


def test_the_small_models_of_these_tests_have_the_real_counts():
    assert [len(shapes(m)) for m in ("sd15", "lcm", "bk-sdm-base", "bk-sdm-small", "bk-sdm-tiny")] == [
        686, 687, 442, 396, 358,
    ]  # fmt: skip
    assert len({row["ldm"] for row in rows()} - {"-"}) == 686


def test_a_symlink_to_nothing_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    Path("a/b").symlink_to("gone.safetensors")
    with pytest.raises(SourceError, match=r"^a/b is a symlink to gone\.safetensors, where there is nothing\.$"):
        open_checkpoint("a/b")  # not a hub id


def test_a_device_is_not_called_an_empty_download():
    with pytest.raises(SourceError, match=r"^/dev/null is a device, pipe or socket"):
        open_checkpoint("/dev/null")
