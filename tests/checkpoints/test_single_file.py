"""A FLUX transformer in its authors' single file, of a width that diffusers' converter does not know."""

import json

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.models.sources import open_source
from tests.adapters.foreign import filled, in_authors_names, quiet, tiny_flux


def test_it_is_read_with_the_configuration_beside_it(tmp_path):
    torch.set_default_dtype(torch.float32)
    flux = filled(tiny_flux())
    state = flux.state_dict()
    whole = in_authors_names(state)
    file = tmp_path / "flux.safetensors"
    save_file(whole, file)
    quiet(lambda: flux.save_pretrained(tmp_path / "flux" / "transformer"))
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
