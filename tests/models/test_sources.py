"""Models from the hub, and single files whose configurations are there or beside them."""

import json
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.checkpoints import SourceError
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.models.sources import open_source
from tests.adapters.foreign import filled, in_authors_names, tiny_flux
from tests.checkpoints.conftest import hub  # noqa: F401
from tests.checkpoints.hub import LoopbackHub, Repo
from tests.cli.pipelines import models, pipeline, single_file

pytestmark = pytest.mark.filterwarnings("ignore")

SD = "stable-diffusion-v1-5/stable-diffusion-v1-5"
"""The repository in which diffusers looks for the configurations of a single file of Stable Diffusion 1.5."""


@pytest.fixture
def served(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoopbackHub:  # noqa: F811
    """Return a hub, with an empty cache, and write a tiny pipeline to ./pipe and its models to ./file.safetensors."""
    torch.set_default_dtype(torch.float32)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    some = models()
    pipeline(tmp_path / "pipe", some)
    single_file(tmp_path / "file.safetensors", some)
    return hub


def repository(folder: Path) -> Repo:
    return Repo({str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()})


def test_a_pipeline_on_the_hub_is_loaded_without_its_vae(served: LoopbackHub, tmp_path: Path):
    served.repos["some/pipe"] = repository(tmp_path / "pipe")
    source = open_source("some/pipe")
    assert source.parts == ("unet", "text_encoder")
    here, there = (open_source(one).load("text_encoder").state_dict() for one in (source.root, "some/pipe"))
    assert all(torch.equal(t, there[name]) for name, t in here.items())
    assert not any("vae" in path for method, path in served.log if method == "GET")
    assert open_source("some/pipe:unet").parts == ("unet",)


def test_a_hub_that_does_not_answer_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    told = r"some/pipe cannot be loaded from the hub or its cache \(.+\); give a local"
    with pytest.raises(SourceError, match=told):
        open_source("some/pipe")


def test_a_single_file_takes_its_configuration_from_the_hub_or_names_it(served: LoopbackHub, tmp_path: Path):
    told = rf"configuration of \S+ \(v1: {SD}\) is neither in the hub's cache nor can be loaded; give a .* as --config"
    with pytest.raises(InvalidValueError, match=told):
        open_source(tmp_path / "file.safetensors")
    served.repos[SD] = repository(tmp_path / "pipe")
    source = open_source(tmp_path / "file.safetensors")
    assert source.parts == ("unet", "text_encoder")
    assert not any(path.endswith(".safetensors") for method, path in served.log if method == "GET")
    assert sum(p.numel() for p in source.load("unet").parameters()) > 1000


def test_a_flux_in_its_authors_single_file_is_read_with_the_configuration_beside_it(tmp_path: Path):
    """The model has a width that diffusers' converter does not know."""
    torch.set_default_dtype(torch.float32)
    flux = filled(tiny_flux())
    state = flux.state_dict()
    whole = in_authors_names(state)
    file = tmp_path / "flux.safetensors"
    save_file(whole, file)
    flux.save_pretrained(tmp_path / "flux" / "transformer")
    (tmp_path / "flux" / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    source = open_source(file)
    assert source.parts == ("transformer",)
    read = source.load().state_dict()
    assert read.keys() == state.keys()
    assert all(torch.equal(t, read[name]) for name, t in state.items())
    with pytest.raises(InvalidValueError, match="is not a local folder; give a transformers"):
        source.load("text_encoder")  # looked for beside the configuration, since the file has none
    del whole["txt_in.weight"]
    save_file(whole, file)
    with pytest.raises(FileFormatError, match="does not fit the FluxTransformer2DModel of"):
        open_source(file).load()
