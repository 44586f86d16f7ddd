import re
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import ModelCard
from torch import nn

from ioadapt_theory import adapt, count, load, save
from ioadapt_theory.cli import main

CARD = "README.md"


def two_layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 20), nn.Linear(20, 6))


def adapted(**options: object) -> nn.Sequential:
    return adapt(two_layers(), target_modules=["0", "1"], init="random", **{"placement": "input", "rank": 2, **options})


def test_it_says_what_the_adapter_is_and_what_it_was_trained_on(tmp_path):
    model = adapted(placement_pattern={"1": "output"}, rank_pattern={"1": 3}, alpha=6)
    model.config = SimpleNamespace(_name_or_path="owner/base-1.5")
    data = ModelCard.load(save(model, tmp_path, card=True) / CARD)
    assert (data.data.base_model, data.data.library_name) == ("owner/base-1.5", "ioadapt_theory")
    assert data.data.tags == ["lora", "input-adapter", "output-adapter"]
    for row in ("rank | 2, 3", "layers | 2: `0`, `1`", f"parameters | {count(model)}"):
        assert f"| {row} |" in data.text
    assert "input (1 layer); output (1 layer)" in data.text


def test_the_lines_that_it_tells_to_run_run(tmp_path, capsys):
    model = adapted(placement="output")
    text = (save(model, tmp_path / "a", card=True) / CARD).read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    fresh = two_layers()
    exec(code.replace("THIS FOLDER", str(tmp_path / "a")), {"model": fresh})
    x = torch.randn(5, 12)
    assert torch.equal(fresh(x), model(x))
    assert "2 of 2 layers" in capsys.readouterr().out


def test_a_readme_that_is_there_is_left_and_the_adapter_is_saved(tmp_path):
    (tmp_path / CARD).write_text("# My own page\n")
    with pytest.warns(UserWarning, match=r"README.md exists and was not replaced; delete it"):
        save(adapted(), tmp_path, card=True)
    assert (tmp_path / CARD).read_text() == "# My own page\n"
    assert len(load(two_layers(), tmp_path).matched) == 2


def test_the_command_prints_the_card_of_an_adapter_that_is_there(tmp_path, capsys):
    folder = save(adapted(), tmp_path, card=True)
    assert main(["adapters", "inspect", str(folder), "--format", "card"]) == 0
    assert capsys.readouterr().out == (folder / CARD).read_text()
