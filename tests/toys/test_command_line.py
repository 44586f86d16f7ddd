"""What the toys' command lines do with terminals, pipes and disks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def guarded(shell: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    code = "from ioadapt_theory.cli import guarded; raise SystemExit(guarded('toy', lambda: print('β' * 9) or 0))"
    command = f'"{sys.executable}" -c "{code}" {shell}'
    environment = os.environ | environment
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=ROOT, env=environment, capture_output=True)


@pytest.mark.parametrize(
    ("shell", "status", "out", "err"),
    [
        ("", 0, "β" * 9 + "\n", ""),
        ("| true", 0, "", ""),
        ("> /dev/full", 2, "", "toy: Cannot read or write: No space left on device.\n"),
    ],
)
def test_greek_without_utf_8_closed_pipes_and_full_disks(shell: str, status: int, out: str, err: str) -> None:
    found = guarded(shell, PYTHONIOENCODING="ascii")
    assert (found.returncode, found.stdout.decode(), found.stderr.decode()) == (status, out, err)
