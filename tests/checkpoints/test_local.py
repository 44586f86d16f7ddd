"""Folders, shards and single files on this machine give the same tensors whatever their form."""

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
from tests.similarity.models import sharded, value, weights


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


@pytest.mark.parametrize("form", ["model.safetensors", "pytorch_model.bin", "sharded", "index itself"])
def test_every_form_of_a_transformers_folder_gives_the_same(tmp_path: Path, form: str):
    values = {f"model.layers.{n}.mlp.up_proj.weight": torch.randn(4, 3, dtype=torch.float32) for n in range(4)}
    source = str(tmp_path)
    if form == "model.safetensors":
        save_file(values, tmp_path / form)
    elif form == "pytorch_model.bin":
        torch.save(values, tmp_path / form)
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


def test_other_parts_of_a_single_file(tmp_path: Path):
    path = single_file(tmp_path, "safetensors", ema=True)
    with open_checkpoint(f"{path}:vae", ema=False) as vae:
        assert list(vae.tensors) == ["first_stage_model.quant_conv.weight"]
    with open_checkpoint(f"{path}:all", ema=False) as whole:
        assert len(whole.tensors) == 688
    with pytest.raises(UnknownNameError, match="No part 'clip'"):
        open_checkpoint(f"{path}:clip", ema=False)


def test_objects_beside_the_weights_are_stubs_that_nobody_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As in files that keep their hyper-parameters as objects of the training package."""
    gone = types.ModuleType("gone_package")
    for name in ("Setting", "lower_case"):
        setattr(gone, name, type(name, (), {"__module__": gone.__name__}))
    setting, other = gone.Setting(), gone.lower_case()
    setting.rate, setting.inner, other.__class__.__reduce__ = 0.1, {"again": setting}, lambda _: (gone.Setting, (), {})
    extra = {"hyper_parameters": {"a": setting, "b": other}, "when": datetime(2026, 1, 2), "folder": tmp_path}
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, gone.__name__, gone)
        torch.save({"state_dict": {"w": torch.ones(2)}, **extra}, tmp_path / "x.bin")
        torch.save({"w": torch.ones(2), "a": setting}, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert torch.equal(value(checkpoint, "w"), torch.ones(2))
    with pytest.raises(FileFormatError, match=r"old\.bin contains custom classes \(gone_package\.Setting\)\. Save the"):
        open_checkpoint(str(tmp_path / "old.bin"))
    assert gone.__name__ not in sys.modules


def expanded(path: Path) -> None:
    torch.save({"w": torch.ones(3), "x": torch.zeros(1).expand(2_000_000_000)}, path)


def tables_in_tables(path: Path) -> None:
    table: dict[str, object] = {"w": torch.ones(1)}
    for _ in range(3):
        table = {f"{n}": table for n in range(60)}
    torch.save(table, path)


def tables_of_nothing(path: Path) -> None:
    """100^4 ways to no tensor."""
    table: dict[str, object] = {}
    for _ in range(4):
        table = {f"{n}": table for n in range(100)}
    torch.save({**table, "w": torch.ones(1)}, path)


def one_storage_under_many_names(path: Path) -> None:
    large = torch.zeros(100_000, dtype=torch.float32)
    torch.save({f"{n}": large.view(1000, 100).t() for n in range(2000)}, path)


def tuples_in_tuples(path: Path) -> None:
    """Its hash takes 2^60 steps."""
    bomb: tuple[object, ...] = (1,)
    for _ in range(60):
        bomb = (bomb, bomb)
    torch.save({"w": torch.ones(1), "x": [bomb]}, path)


def a_long_pickle(path: Path) -> None:
    torch.save({"w": torch.ones(1), "x": [[] for _ in range(60_000)]}, path)


def a_compressed_pickle(path: Path) -> None:
    torch.save({"w": torch.ones(2)}, path)
    with ZipFile(path, "a", ZIP_DEFLATED) as archive:
        archive.writestr("x/data/9", bytes(1_000_000))


def a_long_table_of_contents(path: Path) -> None:
    torch.save({"w": torch.ones(2)}, path)
    content = path.read_bytes()
    end = content.rfind(b"PK\5\6")
    path.write_bytes(content[: end + 12] + (9_000_000).to_bytes(4, "little") + content[end + 16 :])


@pytest.mark.parametrize(
    ("make", "told", "new_format"),
    [
        (expanded, r"holds 1 of the 2000000000 values of tensor x, shape \[2000000000\]", True),
        (expanded, r"holds 1 of the 2000000000 values of tensor x, shape \[2000000000\]", False),
        (tables_in_tables, "lists more tensors than a file of its size can hold", True),
        (tables_of_nothing, "lists more tensors than a file of its size can hold", True),
        (one_storage_under_many_names, r"its tensors, which share storage, 800000000: refused", True),
        (one_storage_under_many_names, r"its tensors, which share storage, 800000000: refused", False),
        (tuples_in_tuples, "has more than 16 tuples within one another: refused", True),
        (tuples_in_tuples, "has more than 16 tuples within one another: refused", False),
        (a_long_pickle, "has a pickle of more than 100000 operations: refused", True),
        (a_compressed_pickle, "is compressed, which torch.save never does: refused", True),
        (a_long_table_of_contents, "has a table of contents of 9000000 bytes", True),
    ],
)
def test_few_bytes_do_not_become_many(
    make: Callable[[Path], None], told: str, new_format: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ioadapt_theory.checkpoints.files.weights_only.MOST_OPERATIONS", 100_000)
    monkeypatch.setattr(torch, "save", partial(torch.save, _use_new_zipfile_serialization=new_format))
    make(tmp_path / "x.bin")
    began = time.process_time()
    with pytest.raises(FileFormatError, match=told):
        open_checkpoint(str(tmp_path / "x.bin"))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("dense", [b'{"a":1},', b"[[],[]],", b'"":0,'], ids=["tables", "lists", "names"])
def test_a_header_of_repeats_takes_no_more_than_its_bytes(dense: bytes, tmp_path: Path):
    text = b'{"x":[' + dense * (5_000_000 // len(dense)) + b"0]}"
    (tmp_path / "x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    began = time.process_time()
    with pytest.raises(FileFormatError, match="bytes are too many for what it says"):
        open_checkpoint(str(tmp_path / "x.safetensors"))
    assert time.process_time() - began < 1


@pytest.mark.parametrize("new_format", [True, False])
def test_strided_and_shared_tensors_of_a_pickle(tmp_path: Path, new_format: bool):
    base = torch.randn(6, 4)
    values = {"base": base, "turned": base.t(), "rows": base[2:4], "tied": base, "one": torch.nn.Parameter(base[0])}
    torch.save(values, tmp_path / "x.bin", _use_new_zipfile_serialization=new_format)
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert all(torch.equal(value(checkpoint, n), values[n].detach()) for n in values)


@pytest.mark.parametrize("new_format", [True, False])
def test_a_lazy_sign_is_read_and_a_tensor_without_values_is_left_out(tmp_path: Path, new_format: bool):
    """The values in the file are -w; on the meta device there are none."""
    w = torch.randn(6, 4)
    values = {"lazy": torch._neg_view(w), "w": w, "none": torch.empty(3, 2, device="meta"), "complex": w + 1j}
    assert values["lazy"].is_neg()
    torch.save(values, tmp_path / "x.bin", _use_new_zipfile_serialization=new_format)
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert list(checkpoint.tensors) == ["lazy", "w"]
        assert torch.equal(value(checkpoint, "lazy"), -w)
        assert torch.equal(value(checkpoint, "w"), w)
        assert checkpoint.metadata["left_out"] == "none, complex"


def test_a_table_that_contains_itself_ends(tmp_path: Path):
    table: dict[str, object] = {"a": torch.ones(2)}
    table["state_dict"] = table
    torch.save(table, tmp_path / "x.bin")
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert "a" in checkpoint.tensors


def test_a_symlink_to_nothing_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    Path("a/b").symlink_to("gone.safetensors")
    with pytest.raises(SourceError, match=r"^a/b is a broken symlink to gone\.safetensors\.$"):
        open_checkpoint("a/b")  # not a hub id
