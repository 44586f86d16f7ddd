"""Whether an error would be noticed: tests that have to fail, in a copy of the repository that has it."""

import os
import re
import shutil
import signal
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from tests.mutants.plant import Mutant


class RedError(Exception):
    """The tests are not green before anything is planted."""


ROOT = Path(__file__).resolve().parents[2]
FOLDER = "ioadapt_theory/claims"
PATIENCE = 900
"""Seconds until a run that does not end counts as noticed."""
REGISTER = "paper_checks/test_register.py"
PAGES = "tests/test_readme.py::test_the_generated_sections_are_up_to_date"
PRINTED = (REGISTER, "tests/test_readme.py", "tests/cli/test_claims.py")
"""Tests that compare what is printed with what was printed: asked last, so that what they alone notice is seen."""


def identifiers(root: Path, mutant: Mutant) -> list[str]:
    """Ids of the claims that a file states, or that a witness is about; none for a file that states none."""
    from ioadapt_theory.claims.registry import FILES

    name = f"{FOLDER}/{mutant.file.removeprefix(f'{FOLDER}/')}"
    if mutant.file.endswith(".json"):
        before = (root / mutant.file).read_bytes()[: mutant.begin].decode()
        shipped = re.findall(r'^ "(.+)": {$', before, re.MULTILINE)[-1:]
        stated = [c for file in FILES for c in file.CLAIMS if {*shipped} & {*c.witnesses, *c.attained}]
    else:
        stated = [c for file in FILES for c in file.CLAIMS if name == f"{file.__name__.replace('.', '/')}.py"]
    return sorted(claim.id for claim in stated)


def stages(root: Path, mutant: Mutant) -> list[list[str]]:
    """Arguments of pytest, run by run: what is about the claims of the file, everything, what is printed."""
    quick = ["-m", "not slow"]
    printed = [REGISTER, *([*PRINTED[2:], PAGES] if mutant.kind == "word" else [])]
    if names := identifiers(root, mutant):
        about = [*quick, "-k", " or ".join(names)]
        claimed = [[*about, "tests/claims"], [*about, "paper_checks", f"--ignore={REGISTER}"]]
        return [*claimed, [*quick, "tests/claims"], printed]
    return [
        [*quick, "tests/claims", "tests/cli/test_verify.py"],
        [*quick, "paper_checks", f"--ignore={REGISTER}"],
        printed,
    ]


def copied(root: Path, mutant: Mutant | None) -> Path:
    """A folder that is the repository with the error in it, if there is one."""
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    for path in root.iterdir():
        if path.name not in {"ioadapt_theory", ".git"}:
            (folder / path.name).symlink_to(path)
    package = root / "ioadapt_theory"
    (folder / "ioadapt_theory").mkdir()
    for path in package.iterdir():
        if path.name != "claims":
            (folder / "ioadapt_theory" / path.name).symlink_to(path)
    shutil.copytree(
        package / "claims", folder / "ioadapt_theory" / "claims", ignore=shutil.ignore_patterns("__pycache__")
    )
    if mutant is not None:
        changed = folder / mutant.file
        changed.write_bytes(mutant.applied(changed.read_bytes()))
    return folder


@cache
def require_green(root: Path, file: str) -> None:
    """A test that fails anyway notices nothing.

    Raises:
        RedError: tests of this file fail with no error planted.
    """
    folder = copied(root, None)
    try:
        if _pytest(folder, [file]) not in (0, 5):
            msg = f"These tests fail with no error planted, so nothing can be counted: {_first_failure(folder)}"
            raise RedError(msg)
    finally:
        shutil.rmtree(folder)


def noticed(root: Path, mutant: Mutant) -> tuple[bool, str, float]:
    """Whether a test fails, which one, and the seconds that it took; in a fork of this process, which has torch."""
    begin, folder = time.monotonic(), copied(root, mutant)
    try:
        for arguments in stages(root, mutant):
            status = _pytest(folder, arguments)
            if status not in (0, 5):
                by = _first_failure(folder)
                if file := re.match(r"(?:FAILED|ERROR) ([\w/]+\.py)", by):
                    require_green(root, file[1])
                return True, by, time.monotonic() - begin
    finally:
        said = _first_failure(folder)
        shutil.rmtree(folder)
    return False, said, time.monotonic() - begin


def _pytest(folder: Path, arguments: list[str]) -> int:
    child = os.fork()
    if child == 0:
        os._exit(_run(folder, arguments))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    (folder / "said.txt").write_text("no end")
    return -1


def _run(folder: Path, arguments: list[str]) -> int:
    import pytest

    os.setpgid(0, 0)
    os.chdir(folder)
    sys.path[:] = [str(folder), *(p for p in sys.path if Path(p or ".").resolve() != ROOT)]
    os.environ["PYTHONPATH"] = str(folder)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    for name in [name for name in sys.modules if name.split(".")[0] in {"tests", "ioadapt_theory"}]:
        del sys.modules[name]
    said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    options = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    options += ["-o", "addopts=--import-mode=importlib --strict-markers"]
    status: Any = pytest.main([*options, *arguments])
    sys.stdout.flush()
    return int(status)


def _first_failure(folder: Path) -> str:
    try:
        lines = (folder / "said.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (failed or lines or [""])[-1 if not failed else 0][:200]
