import sys
import types
from datetime import datetime
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.checkpoints import SourceError, open_checkpoint
from ioadapt_theory.errors import FileFormatError, UnknownNameError
from tests.similarity.models import sharded, value, weights


def test_a_pipeline_opens_its_model_and_a_component_on_request(tmp_path: Path):
    for folder, size in (("transformer", 2), ("vae", 3)):
        (tmp_path / folder).mkdir()
        save_file({"w": torch.ones(size)}, tmp_path / folder / "diffusion_pytorch_model.safetensors")
    with open_checkpoint(str(tmp_path)) as model, open_checkpoint(f"{tmp_path}:vae") as vae:
        assert (model.tensors["w"].shape, vae.tensors["w"].shape, model.name) == ((2,), (3,), tmp_path.name)
    with pytest.raises(SourceError, match=r"has no file or folder 'text_encoder'; it contains transformer, vae"):
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


def test_safetensors_come_before_pickles_and_the_variant_before_the_plain_file(tmp_path: Path):
    torch.save({"bin": torch.ones(1)}, tmp_path / "diffusion_pytorch_model.fp16.bin")
    save_file({"plain": torch.ones(1)}, tmp_path / "diffusion_pytorch_model.safetensors")
    for variant, expected in ((None, "plain"), ("fp16", "bin"), ("int8", "plain")):
        with open_checkpoint(str(tmp_path), variant=variant) as checkpoint:
            assert list(checkpoint.tensors) == [expected]


@pytest.mark.parametrize("ending", ["safetensors", "ckpt"])
def test_a_single_file_is_cut_into_parts_without_averaged_weights(tmp_path: Path, ending: str):
    trained = weights("sd15", 1, ldm=True)
    averaged = {"model_ema." + n.removeprefix("model.").replace(".", ""): v + 1 for n, v in trained.items()}
    rest = {"first_stage_model.quant_conv.weight": torch.ones(2), "cond_stage_model.x.weight": torch.ones(3)}
    whole = trained | rest | averaged | {"model_ema.decay": torch.tensor(0.9)}
    path = str(tmp_path / f"v1-5.{ending}")
    torch.save({"state_dict": whole, "global_step": 840000}, path) if ending == "ckpt" else save_file(whole, path)
    with open_checkpoint(path) as unet:
        assert unet.tensors.keys() == trained.keys()
        assert all(torch.equal(value(unet, n), trained[n]) for n in list(trained)[::50])
    with open_checkpoint(f"{path}:vae") as vae, open_checkpoint(f"{path}:all") as both:
        assert list(vae.tensors) == ["first_stage_model.quant_conv.weight"]
        assert both.tensors.keys() == trained.keys() | rest.keys()
    with pytest.raises(UnknownNameError, match="Unknown part 'clip'"):
        open_checkpoint(f"{path}:clip")


def test_objects_beside_the_weights_are_stubs_that_nobody_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Such a file has hyper-parameters of a training package that is not installed."""
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
    with pytest.raises(FileFormatError, match=r"old\.bin contains .* \(gone_package\.Setting\), which were not"):
        open_checkpoint(str(tmp_path / "old.bin"))
    assert gone.__name__ not in sys.modules


@pytest.mark.parametrize("new_format", [True, False])
def test_strided_shared_and_lazily_negative_tensors_of_a_pickle(tmp_path: Path, new_format: bool):
    """The last file has the values -w; complex tensors and tensors on the meta device are skipped."""
    w = torch.randn(6, 4)
    values = {"w": w, "turned": w.t(), "rows": w[2:4], "tied": w, "one": torch.nn.Parameter(w[0])}
    values["lazy"] = torch._neg_view(w)
    left_out = {"none": torch.empty(3, 2, device="meta"), "complex": w + 1j}
    torch.save(values | left_out, tmp_path / "x.bin", _use_new_zipfile_serialization=new_format)
    with open_checkpoint(str(tmp_path / "x.bin")) as checkpoint:
        assert list(checkpoint.tensors) == list(values)
        assert all(torch.equal(value(checkpoint, n), values[n].detach()) for n in values)
        assert checkpoint.metadata["left_out"] == "none, complex"
