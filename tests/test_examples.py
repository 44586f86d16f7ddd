"""The recipes in examples/, run as they say one should try them."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from tests.adapters.foreign import quiet

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
TOLD = {
    "plain_loop": r"Advice: .*2 of 2|layers matched",
    "dreambooth": "drawn by out/sd with the adapter",
    "elite": "is drawn by out/sd",
    "ominicontrol": "finite: True",
    "clear": r"with the adapter by \d",
    "sft_trainer": "on a fresh base it differs by",
    "sft_trl": "or with ioadapt_theory.load on any model",
    "tiny": "",
    "what_it_costs": r"sd15 +0\.86 G +0\.80 M +4 .* 500 ",
}


def commands(script: Path) -> list[list[str]]:
    """The indented lines of its docstring that call Python."""
    doc = script.read_text(encoding="utf-8").split('"""')[1].replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^    python (examples/.*)$", doc, re.MULTILINE)]


def test_every_recipe_is_tried():
    assert {script.stem for script in SCRIPTS} == set(TOLD)
    assert all(commands(script) for script in SCRIPTS)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    return tmp_path_factory.mktemp("recipes")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_recipe_runs_as_written(script, workplace, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    lines = commands(script)[:1] if script.stem == "what_it_costs" else commands(script)
    for path, *arguments in lines:
        if path.endswith("tiny.py") and script.stem != "tiny" and Path(arguments[1]).exists():
            continue  # another recipe has made it
        monkeypatch.setattr(sys, "argv", [path, *arguments])
        quiet(lambda where=ROOT / path: runpy.run_path(str(where), run_name="__main__"))
    assert re.search(TOLD[script.stem], capsys.readouterr().out)
