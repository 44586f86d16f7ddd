import nbformat
import pytest

from notebooks.__main__ import SCRIPTS, notebook, run

MOST = 8_000
"""Maximum number of characters that a notebook may print."""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_notebook_has_the_cells_of_its_script_and_their_outputs(script):
    written = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    cells = notebook(script).cells
    assert [(c.cell_type, c.source) for c in written.cells] == [(c.cell_type, c.source) for c in cells], (
        f"run: python -m notebooks {script.stem}"
    )
    outputs = [output for cell in written.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs), "it has a picture"
    assert sum(len(output.get("text", "")) for output in outputs) < MOST
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert cells[0].source.startswith("# "), "it begins with a title"
    assert "assert " in cells[-1].source, "its last cell has assertions"


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.filterwarnings("default")  # warnings of the client; those of the kernel are errors, see below
def test_a_notebook_runs_to_its_end_without_a_warning(script):
    done = run(notebook(script), first="import warnings; warnings.simplefilter('error')")
    assert not [o for cell in done.cells for o in cell.get("outputs", ()) if o.get("name") == "stderr"]
