"""``python -m notebooks``: the notebooks, made from the scripts beside them; ``--run FOLDER`` also runs them.

The scripts are what is written by hand. The notebooks have no outputs here, so that they differ only where those do.
"""

import argparse
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent
SCRIPTS = sorted(FOLDER.glob("[0-9]*.py"))
NEIGHBOURS = 'import sys\n\nsys.path.append("..")  # toys and figures stand beside the notebooks'


def notebook(script: Path) -> NotebookNode:
    """The notebook of a script, without outputs; the same bytes for the same script."""
    made = jupytext.read(script)
    made.cells.insert(1, nbformat.v4.new_code_cell(NEIGHBOURS))
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number:02d}"
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    made.nbformat, made.nbformat_minor = 4, 5
    return made


def text(made: NotebookNode) -> str:
    """As it is written to a file."""
    return nbformat.writes(made) + "\n"


def run(made: NotebookNode, *, first: str = "") -> NotebookNode:
    """Run it in its folder, as Jupyter does; a cell that fails raises. ``first`` is code to run before it."""
    from nbclient import NotebookClient

    if first:
        made.cells.insert(0, nbformat.v4.new_code_cell(first))
    NotebookClient(made, timeout=600, resources={"metadata": {"path": str(FOLDER)}}).execute()
    return made


def main(argv: list[str] | None = None) -> int:
    """Write them; status 0."""
    parser = argparse.ArgumentParser(prog="python -m notebooks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="run each and write it with its outputs to FOLDER")
    folder = parser.parse_args(argv).run
    for script in SCRIPTS:
        made = notebook(script)
        script.with_suffix(".ipynb").write_text(text(made), encoding="utf-8")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{script.stem}.ipynb").write_text(text(run(made)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
