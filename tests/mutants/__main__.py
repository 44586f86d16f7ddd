"""`python -m tests.mutants`: plant the errors of drawn.json in the claims, and report those that no test notices.

The tests are those of the claims and of the commands, and ``paper_checks`` without ``test_register.py``. The exit
status is 1 if less than 95 % of the errors are noticed, and 2 if tests fail without a planted error.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.plant import Mutant, by_hand

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "ioadapt_theory/claims"
MEANING = [
    *("tests/claims/test_registry.py", "paper_checks/test_links.py", "tests/claims/test_arguments.py"),
    *("tests/proofs", "tests/claims", "paper_checks", "tests/cli/test_claims.py", "tests/cli/test_verify.py"),
]
"""Tests to run; those that notice most errors in the shortest time come first."""
PATIENCE = 900
"""Seconds after which an unfinished run counts as noticed."""


def noticed(mutant: Mutant | None) -> str:
    """Return the message of the first test that fails if the mutant is applied to a copy of the claims, or ""."""
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    try:
        for name in ("tests", "paper_checks", "pyproject.toml"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "ioadapt_theory").mkdir()
        for path in (ROOT / "ioadapt_theory").iterdir():
            if path.name != "claims":
                (folder / "ioadapt_theory" / path.name).symlink_to(path)
        for name in (FOLDER, "proofs"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.vo", "*.glob"))
        if mutant is not None:
            changed = folder / mutant.file
            changed.write_bytes(mutant.applied(changed.read_bytes()))
        options = ["-x", "-q", "--tb=line", "-m", "not slow", "-p", "no:cacheprovider", "--rootdir", str(folder)]
        options += ["-o", "addopts=--import-mode=importlib", "-o", f"pythonpath={folder}"]
        environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "pytest", *options, *MEANING, "--ignore=paper_checks/test_register.py"]
        settings = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
        try:
            done = subprocess.run(command, **settings, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return "no end"
        if done.returncode:
            failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "E "))]
            return (failed or [done.stdout[-200:] + done.stderr[-200:]])[-1][:200]
        return ""
    finally:
        shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="processes")
    args = parser.parse_args()
    if red := noticed(None):
        sys.stderr.write(f"Tests fail without a planted error, so nothing can be counted: {red}\n")
        return 2
    chosen = by_hand(ROOT)
    begin = time.monotonic()
    with ThreadPoolExecutor(args.jobs) as threads:
        survivors = []
        for mutant, by in zip(chosen, threads.map(noticed, chosen), strict=True):
            before, after = mutant.lines((ROOT / mutant.file).read_bytes())
            shown = f"{by or 'survives'}\n  {mutant.file} ({mutant.kind})\n  - {before}\n  + {after}"
            sys.stdout.write(f"{time.monotonic() - begin:5.0f} s {shown}\n")
            sys.stdout.flush()
            survivors += [] if by else [mutant]
    sys.stdout.write(f"\n{len(chosen)} errors planted, {len(survivors)} not noticed.\n")
    return 1 if 20 * len(survivors) > len(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
