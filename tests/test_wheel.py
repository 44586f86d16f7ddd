"""The wheel contains every file of the package and nothing else, and works without the repository."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    line = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", line, str(folder)], cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    there = (
        path for path in (ROOT / "ioadapt_theory").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    held = {name for name in names if ".dist-info/" not in name}
    assert held == {path.relative_to(ROOT).as_posix() for path in there}
    assert {"ioadapt_theory/py.typed", "ioadapt_theory/presets.toml", "ioadapt_theory/claims/formal.json"} <= held
    assert {Path(name).suffix for name in held} <= {".py", ".typed", ".toml", ".json", ".csv", ".html", ".css", ".js"}
    assert {Path(name).name for name in names - held} == {"METADATA", "WHEEL", "RECORD", "LICENSE", "entry_points.txt"}


@pytest.mark.slow
def test_what_is_in_the_wheel_works_without_the_repository(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed"), "OMP_NUM_THREADS": "1"}
    script = [sys.executable, "-P", str(ROOT / ".ci" / "smoke.py"), "--anywhere"]
    done = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"in {tmp_path / 'installed'}" in done.stdout


def test_the_version_stands_once_in_effect():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]


def test_the_targets_that_lists_and_workflows_call_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    callers = [ROOT / name for name in ("RELEASING.md", "CONTRIBUTING.md", ".ci/run")]
    for path in callers:
        called = set(re.findall(r"(?:`|step |^ +)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert called
        assert called <= targets, path.name
