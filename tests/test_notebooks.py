"""The notebooks are those that the scripts beside them make, run in Jupyter's kernel, and assert what they say."""

import json

import pytest

from notebooks.__main__ import SCRIPTS, notebook, run, text


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_notebook_is_what_its_script_makes(script):
    made = text(notebook(script))
    assert made == text(notebook(script))
    assert script.with_suffix(".ipynb").read_text(encoding="utf-8") == made, "run: python -m notebooks"
    cells = json.loads(made)["cells"]
    assert all(not cell.get("outputs") for cell in cells)
    assert cells[0]["source"][0].startswith("# "), "it begins with a title"
    assert any("assert " in line for line in cells[-1]["source"]), "its last cell checks what it said"


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.filterwarnings("default")  # of the client; the kernel's own are errors, see below
def test_a_notebook_runs_to_its_end_without_a_warning(script):
    done = run(notebook(script), first="import warnings; warnings.simplefilter('error')")
    shown = [output for cell in done.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in shown), "it has a picture"
    assert not [o["text"] for o in shown if o.get("name") == "stderr"]
