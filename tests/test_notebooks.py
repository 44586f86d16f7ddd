"""The notebooks are those that the scripts beside them make, run in Jupyter's kernel, and assert what they say."""

import json

import jupytext
import pytest

from notebooks.__main__ import SCRIPTS, notebook, run, text
from toys.transfer.command import recorded
from toys.transfer.protocol import names

NO_PICTURES = set() if any(map(recorded, names())) else {"05_does_it_transfer"}
"""What has nothing to draw before a full run is recorded."""


def test_there_are_notebooks():
    assert [script.name[:2] for script in SCRIPTS] == [f"{n:02d}" for n in range(1, len(SCRIPTS) + 1)]
    assert {path.stem for path in SCRIPTS[0].parent.glob("*.ipynb")} == {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_notebook_is_what_its_script_makes(script):
    made = text(notebook(script))
    assert made == text(notebook(script))
    assert script.with_suffix(".ipynb").read_text(encoding="utf-8") == made, "run: python -m notebooks"
    assert all(not cell.get("outputs") for cell in json.loads(made)["cells"])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.filterwarnings("default")  # of the client; the kernel's own are errors, see below
def test_a_notebook_runs_to_its_end_without_a_warning(script):
    done = run(notebook(script), first="import warnings; warnings.simplefilter('error')")
    shown = [output for cell in done.cells for output in cell.get("outputs", ())]
    assert script.stem in NO_PICTURES or any("image/png" in output.get("data", {}) for output in shown), (
        "it has a picture"
    )
    assert not [o["text"] for o in shown if o.get("name") == "stderr"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_notebook_begins_with_a_title_and_ends_with_a_check(script):
    cells = jupytext.read(script).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert "assert " in cells[-1].source, "its last cell checks what it said"
