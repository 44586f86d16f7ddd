"""Every recipe in docs/extending.md works in a copy of the repository, and the tests of its example pass."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^## (.+?)\n.*?^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "out", "__pycache__", ".*_cache", "*.egg-info")


def test_every_kind_of_thing_has_a_recipe():
    assert len(RECIPES) == TEXT.count("\n## ")


QUICKEST = "A figure"


@pytest.mark.parametrize("name", [r if r == QUICKEST else pytest.param(r, marks=pytest.mark.slow) for r in RECIPES])
def test_the_recipe_works_as_written(name: str, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    settings = {
        "PATH": path,
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        "SAMPLE": "",  # a recipe runs all tests that it names
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", RECIPES[name]],
        cwd=copy,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"(\d+) passed", done.stdout), "the last command of a recipe runs tests"
