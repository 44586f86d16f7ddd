"""`python -m tests.mutants`: plant the errors of drawn.json in the claims, and report those that no test notices.

The tests are those of the claims and of the commands, and ``paper_checks`` without ``test_register.py``. The exit
status is 1 if less than 95 % of the errors are noticed, and 2 if tests fail without a planted error.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = "ioadapt_theory/claims", "proofs"
MEANING = [
    *("tests/claims/test_registry.py", "paper_checks/test_links.py", "tests/claims/test_arguments.py"),
    *("tests/proofs", "tests/claims", "paper_checks", "tests/cli/test_claims.py", "tests/cli/test_verify.py"),
]
"""Tests to run; those that notice most errors in the shortest time come first."""
PATIENCE = 900
"""Seconds after which an unfinished run counts as noticed."""


def drawn() -> list[list[str]]:
    """Return the errors in drawn.json: kind, file, what stands there once, and what replaces it."""
    errors = json.loads(Path(__file__).with_name("drawn.json").read_text("utf-8"))
    for _, name, old, _ in errors:
        if (count := (ROOT / name).read_text("utf-8").count(old)) != 1:
            msg = f"{name} has {count} times: {old}"
            raise ValueError(msg)
    return errors


def noticed(error: list[str] | None) -> str:
    """Return the message of the first test that fails with an error in a copy of the claims and proofs, or ""."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        for other in ("tests", "paper_checks", "pyproject.toml"):
            (folder / other).symlink_to(ROOT / other)
        (folder / "ioadapt_theory").mkdir()
        for path in (ROOT / "ioadapt_theory").iterdir():
            if path.name != "claims":
                (folder / "ioadapt_theory" / path.name).symlink_to(path)
        for copied in FOLDERS:
            left_out = shutil.ignore_patterns("__pycache__", "*.vo", "*.glob")
            shutil.copytree(ROOT / copied, folder / copied, ignore=left_out)
        if error is not None:
            _, file, old, new = error
            (folder / file).write_text((folder / file).read_text("utf-8").replace(old, new), "utf-8")
        options = ["-x", "-q", "--tb=line", "-m", "not slow", "-p", "no:cacheprovider", "--rootdir", name]
        options += ["-o", "addopts=--import-mode=importlib", "-o", f"pythonpath={name}"]
        environment = os.environ | {"PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "pytest", *options, *MEANING, "--ignore=paper_checks/test_register.py"]
        settings = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
        try:
            done = subprocess.run(command, **settings, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return "no end"
        if not done.returncode:
            return ""
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "E "))]
        return (failed or [done.stdout[-200:] + done.stderr[-200:]])[-1][:200]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="processes")
    args = parser.parse_args()
    if red := noticed(None):
        sys.stderr.write(f"Tests fail without a planted error, so nothing can be counted: {red}\n")
        return 2
    errors, begin, survived = drawn(), time.monotonic(), 0
    with ThreadPoolExecutor(args.jobs) as threads:
        for (kind, file, old, new), by in zip(errors, threads.map(noticed, errors), strict=True):
            shown = f"{by or 'survives'}\n  {file} ({kind})\n  - {old}\n  + {new}"
            print(f"{time.monotonic() - begin:5.0f} s {shown}", flush=True)
            survived += not by
    print(f"\n{len(errors)} errors planted, {survived} not noticed.")
    return 1 if 20 * survived > len(errors) else 0


if __name__ == "__main__":
    sys.exit(main())
