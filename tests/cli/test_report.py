import json
from html import unescape

import pytest
import torch
import transformers
from safetensors.torch import save_file

from ioadapt_theory.adapters import adapt
from ioadapt_theory.formats import save
from ioadapt_theory.models.load import load_model
from toys.ani.networks import potential


@pytest.mark.filterwarnings("ignore")
def test_models_that_run_are_measured_on_a_file_of_inputs(here, ioadapt):
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(vocab_size=50, **sizes)
    source = transformers.BertModel(config)
    source.save_pretrained("source")
    for p in source.parameters():
        p.data += 0.05 * p.data.std() * torch.randn_like(p) if p.ndim > 1 else 0
    source.save_pretrained("target")
    trained = transformers.BertModel.from_pretrained("source")
    save(adapt(trained, target_modules=["query"], placement="input", rank=2, init="random"), "adapter")
    save_file({"input_ids": torch.randint(0, 50, (10, 7))}, "x.safetensors")
    line = "report {} source target --inputs x.safetensors --batch 4"
    lines = ioadapt(line.format("adapter")).out.splitlines()
    assert len(lines) <= 36
    assert lines[0].startswith("Copy the adapter")
    data = json.loads(ioadapt(f"{line} --format json --html page.html".format("adapter")).out)
    assert data["answer"].startswith(lines[0])
    assert lines[0] in unescape((here / "page.html").read_text(encoding="utf-8"))
    assert data["copied"]["rows"] == 10
    assert 0.5 < data["copied"]["cosine"] <= 1
    data = json.loads(ioadapt(f"{line} --format json".format("")).out)  # without the adapter
    assert (data["copied"], data["advice"]) == (None, [])
    assert "the outputs of the plain models differ by" in data["answer"]


def test_members_of_ani_run_as_torchani_runs_them(float32):
    features = {element: torch.rand(5 + k, 384) / 4 for k, element in enumerate("HCNO")}
    theirs = potential("1x", 3)
    expected = torch.cat([theirs[element](x).flatten() for element, x in features.items()])
    torch.testing.assert_close(load_model("ani-1x:3")(**features), expected)
