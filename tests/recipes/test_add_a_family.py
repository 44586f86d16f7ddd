"""A family is added by one file and its name in the registry; laws, cutting, PEFT and files then hold for it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPE = Path(__file__).parent / "family" / "ia3.py"
LAWS = (
    "test_laws.py",
    "test_transforms.py",
    "test_torch_features.py",
    "test_wrappers.py",
    "test_formats_originals.py",
    "test_peft.py",
)


def test_a_new_family_is_one_file_and_one_name(tmp_path):
    for part in ("ioadapt_theory", "tests"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    families = tmp_path / "ioadapt_theory" / "adapters" / "families"
    shutil.copy(RECIPE, families)
    registry = (families / "__init__.py").read_text(encoding="utf-8")
    added, count = re.subn(r'^(NAMES = \(.*"full",?)\)', rf'\1, "{RECIPE.stem}")', registry, flags=re.MULTILINE)
    assert count == 1
    (families / "__init__.py").write_text(added, encoding="utf-8")
    tests = [f"tests/adapters/{name}" for name in LAWS]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", RECIPE.stem, *tests]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 300  # 31 pairs of placement and layer, ten laws, and what each of the other files asks
