"""``python -m notebooks [NAME ...]``: run the scripts in this folder as notebooks, and write them with outputs.

Only the scripts are edited by hand.
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


def run(made: NotebookNode, *, first: str = "") -> NotebookNode:
    """Execute a notebook, with the code ``first`` before its first cell, and return it; raise if a cell fails."""
    from nbclient import NotebookClient

    if first:
        made.cells.insert(0, nbformat.v4.new_code_cell(first))
    resources = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(made, timeout=600, record_timing=False, resources=resources).execute()
    return made


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m notebooks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 05_does_it_transfer (default: all)")
    names = parser.parse_args(argv).names
    for script in SCRIPTS:
        if not names or script.stem in names:
            script.with_suffix(".ipynb").write_text(nbformat.writes(run(notebook(script))) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
