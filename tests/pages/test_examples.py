import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
import torch

from ioadapt_theory import adapt, layers
from ioadapt_theory.presets import PRESETS
from tests.adapters.foreign import quiet

ROOT = Path(__file__).parents[2]
MODELS = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
TOLD = {
    "plain_loop": r"copy is predicted(.|\n)*10 of 10 layers matched(.|\n)*exact up to rounding(.|\n)*for PEFT and vLLM",
    "dreambooth": "drawn by out/sd with the adapter",
    "elite": "drawn by out/sd",
    "ominicontrol": "finite: True",
    "clear": r"without the adapter, and by \d.*% with it",
    "sft_trainer": "On a newly loaded base, it gives the same outputs up to",
    "tiny": "",
    "what_it_costs": r"sd15 +0\.86 G +0\.80 M +4 .* 500 ",
}


def commands(script: Path) -> list[list[str]]:
    """Return the commands in a script's docstring that run examples, each as a list of words."""
    doc = script.read_text(encoding="utf-8").split('"""')[1].replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^    python (examples/.*)$", doc, re.MULTILINE)]


def test_every_recipe_is_tried():
    assert {script.stem for script in SCRIPTS} == set(TOLD)
    assert all(commands(script) for script in SCRIPTS)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    return tmp_path_factory.mktemp("recipes")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_recipe_runs_as_written(script, workplace, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    torch.set_default_dtype(torch.float32)  # the default for users
    lines = commands(script)[:1] if script.stem == "what_it_costs" else commands(script)
    for path, *arguments in lines:
        if path.endswith("tiny.py") and script.stem != "tiny" and Path(arguments[1]).exists():
            continue  # created by another example
        monkeypatch.setattr(sys, "argv", [path, *arguments])
        quiet(lambda where=ROOT / path: runpy.run_path(str(where), run_name="__main__"))
    said = capsys.readouterr().out
    assert re.search(TOLD[script.stem], said)
    if script.stem == "what_it_costs":
        assert set(said.splitlines()) <= set(MODELS.splitlines()), "run it, and copy its output into docs/models.md"


@pytest.mark.filterwarnings("ignore")
def test_how_many_layers_the_page_says_that_a_preset_adapts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import what_it_costs

    makers = {"sdxl-cross": "sdxl", "clear": "flux-dev", "metamath": "llama"}
    told = dict(re.findall(r"^\| [^|]+ \| `([a-z0-9-]+)` \| (\d+) \|", MODELS, re.MULTILINE))
    assert set(told) == {name for name, preset in PRESETS.items() if preset.ranks}
    for name, preset in PRESETS.items():
        if name in told:
            with torch.device("meta"):
                model, _ = what_it_costs.ROWS[makers.get(name, "llama" if preset.length else name)].make(1)
            adapt(model, **preset.adapter(next(iter(preset.ranks)), "output"))
            assert (name, len(layers(model))) == (name, int(told[name]))
