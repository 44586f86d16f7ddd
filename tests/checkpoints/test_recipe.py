"""A new kind of checkpoint is one file and one line: tried with numpy's archives in a copy of the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.checkpoints.hub import LoopbackHub, Repo

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "tests" / "recipes" / "source" / "npz.py"
LINE = '    ".npz": "npz",\n'
FIRST = "READERS: Final[Mapping[str, str]] = {\n"

SAME_AS_NUMPY = """
import sys
import numpy as np, torch
from ioadapt_theory.checkpoints.sources import open_checkpoint
expected = np.load(sys.argv[1])
for source in sys.argv[2:]:
    with open_checkpoint(source, progress=False) as opened:
        assert list(opened.tensors) == ["a.weight", "b"], (source, list(opened.tensors))
        for name, info in opened.tensors.items():
            out = torch.empty(info.numel, dtype=torch.from_numpy(expected[name]).dtype)
            opened.read(name, 0, out)
            assert (out.view(info.shape).numpy() == expected[name]).all(), source
"""


def with_the_recipe(folder: Path) -> Path:
    """A copy of the package that has the new reader."""
    shutil.copytree(ROOT / "ioadapt_theory", folder / "ioadapt_theory", ignore=shutil.ignore_patterns("__pycache__"))
    files = folder / "ioadapt_theory" / "checkpoints" / "files"
    shutil.copy(RECIPE, files)
    table = (files / "readers.py").read_text(encoding="utf-8")
    assert FIRST in table
    (files / "readers.py").write_text(table.replace(FIRST, FIRST + LINE), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_a_reader_for_another_kind_of_file_serves_paths_folders_the_hub_and_the_command(
    tmp_path: Path, hub: LoopbackHub, hub_cache: Path
):
    copy = with_the_recipe(tmp_path / "copy")
    (tmp_path / "model").mkdir()
    path = tmp_path / "model" / "weights.npz"
    arrays = {"a.weight": np.random.default_rng(0).standard_normal((4, 3)), "b": np.arange(3.0, dtype=np.float32)}
    np.savez(path, **arrays, words=np.array(["left", "out"]))
    hub.repos["some/model"] = Repo({"unet/weights.npz": path.read_bytes()})
    environment = os.environ | {"PYTHONPATH": str(copy), "HF_HUB_CACHE": str(hub_cache)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("-c", SAME_AS_NUMPY, str(path), str(path), str(path.parent), f"{path.parent}:weights.npz", "some/model")
    assert "1.0000" in run("-m", "ioadapt_theory.similarity", str(path), str(path.parent), "--quiet")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(AssertionError, match=r"weights\.npz is no whole archive of numpy arrays"):
        run("-m", "ioadapt_theory.similarity", str(path), str(path.parent))
