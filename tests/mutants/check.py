"""Whether an error would be noticed: the narrowest tests that have to fail, in a copy of the repository that has it."""

import os
import re
import shutil
import signal
import sys
import tempfile
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.mutants.plant import Mutant


class RedError(Exception):
    """The tests are not green before anything is planted."""


ROOT = Path(__file__).resolve().parents[2]
FOLDER = "ioadapt_theory/claims"
PATIENCE = 900
"""Seconds until a run that does not end counts as noticed."""
PROOFS = ("../../paper_checks/test_hollow_proofs", "../../paper_checks/test_proofs")
SIGNED = "../../paper_checks/test_register"
SAID = ("test_expression", *PROOFS[1:], SIGNED)
"""What is said of letters and hypotheses."""
BY_FILE = {
    "arithmetic.py": (
        "test_arithmetic",
        "test_witnesses",
        "test_evaluation",
        "test_relative_similarity",
        "test_lemma_2",
        *PROOFS[1:],
    ),
    "claim.py": ("test_arguments", "test_witnesses", "test_words", "test_evidence", "test_runner", SIGNED),
    "ranks.py": ("test_ranks", "test_evaluation"),
    "report.py": ("test_report", "../cli/test_claims", SIGNED),
    "evidence/argument.py": ("test_arguments", "test_tolerances", "test_words", *PROOFS, SIGNED),
    "evidence/formal.py": ("test_formal", "test_runner"),
    "evidence/gradients.py": (*PROOFS, SIGNED),
    "evidence/mixtures.py": ("test_mixtures", "test_monte_carlo"),
    "evidence/monte_carlo.py": (
        "test_thresholds",
        "test_tolerances",
        "test_monte_carlo",
        "test_planted_errors",
        "test_runner",
    ),
    "evidence/findings.py": ("test_thresholds", "test_tolerances", "test_evidence", "test_monte_carlo", "test_runner"),
    "evidence/sampled.py": ("test_thresholds", "test_tolerances", "test_evidence", "test_monte_carlo"),
    "evidence/searches.py": (
        "test_thresholds",
        "test_tolerances",
        "test_searches",
        "test_evidence",
        "test_planted_errors",
        "test_evaluation",
        "test_runner",
    ),
    "evidence/orders.py": (
        "test_thresholds",
        "test_tolerances",
        "test_planted_errors",
        "test_runner",
    ),
    "evidence/identities.py": (
        "test_thresholds",
        "test_tolerances",
        "test_planted_errors",
        "test_runner",
    ),
    "evidence/inequality.py": ("test_thresholds", "test_tolerances", "test_evaluation", "test_searches"),
    "expression/algebra.py": ("test_expression", *PROOFS),
    "expression/coq.py": ("test_formal",),
    "expression/deduction.py": ("test_expression", *PROOFS),
    "expression/limits.py": ("test_witnesses", "test_expression"),
    "expression/notation.py": ("test_expression", SIGNED),
    "expression/tree.py": ("test_witnesses", "test_expression", "test_formal", SIGNED),
    "expression/values.py": ("test_witnesses", "test_evaluation", "test_expression"),
    "settings/increments.py": ("test_settings", "test_evaluation", "test_planted_errors", "test_searches", *SAID),
    "settings/intervals.py": ("test_tolerances", *PROOFS[1:]),
    "settings/letters.py": ("test_settings", "test_evaluation", *SAID),
    "settings/matrices.py": ("test_settings", "test_evaluation", "test_instances"),
    "settings/placement.py": ("test_settings", "test_evaluation"),
    "settings/printed.py": ("../../paper_checks/test_tables", "../../paper_checks/test_tables_wins"),
    "settings/relative_similarity.py": (
        "test_settings",
        "test_relative_similarity",
        "test_evaluation",
        "test_planted_errors",
        *SAID,
    ),
    "settings/relative_similarity_instances.py": (
        "test_settings",
        "test_relative_similarity",
        "test_evaluation",
        "test_planted_errors",
        *SAID,
    ),
    "settings/shared_function.py": (
        "test_settings",
        "test_evaluation",
        "test_planted_errors",
        "test_monte_carlo",
        *SAID,
    ),
    "settings/stacks.py": ("test_settings", "test_monte_carlo", "test_runner"),
    "evaluation.py": ("test_thresholds", "test_tolerances", "test_evaluation", "test_witnesses", "test_instances"),
    "instances.py": ("test_instances", "test_evaluation", "test_relative_similarity"),
    "pieces.py": ("test_runner",),
    "records.py": ("test_runner",),
    "runner.py": ("test_runner", "../cli/test_verify"),
    "statements/lemma_2.py": ("test_lemma_2",),
    "beyond/depth.py": ("test_depth",),
    "words/absorption.py": ("test_settings",),
    "verifying.py": ("test_formal", "test_runner", "test_evidence"),
}
"""The tests that look at a part directly, from ``tests/claims``, quickest first."""
CLAIMED = (
    "test_witnesses",
    "test_hypotheses",
    "test_evaluation",
    "test_planted_errors",
    "test_proofs_planted",
    "test_proofs",
)
"""Tests of ``tests/claims`` that are named after claims, beside ``paper_checks``."""
SHARED = (*CLAIMED, "test_relative_similarity", "test_lemma_2", "test_searches", "test_evidence")
"""Tests of ``tests/claims`` that a formula, a letter or a step of all claims has to pass, beside ``paper_checks``."""
REGISTER = "paper_checks/test_register.py"
PAGES = "tests/test_readme.py::test_the_generated_sections_are_up_to_date"
PRINTED = (REGISTER, "tests/test_readme.py", "tests/cli/test_claims.py")
"""Tests that compare what is printed with what was printed: asked last, so that what they alone notice is seen."""


def identifiers(root: Path, mutant: Mutant) -> list[str]:
    """Ids of the claims that a file states, or that a witness is about; none for a file that states none."""
    from ioadapt_theory.claims.registry import CLAIMS, FILES

    if mutant.file.endswith(".json"):
        name = f'"{Path(mutant.file).stem}"'
        files = [f for f in FILES if name in (root / FOLDER / f"{f.replace('.', '/')}.py").read_text("utf-8")]
    else:
        files = [f for f in FILES if mutant.file == f"{FOLDER}/{f.replace('.', '/')}.py"]
    stated = [claim for file in files for claim in import_module(f"ioadapt_theory.claims.{file}").CLAIMS]
    return sorted(claim.id for claim in stated if claim.id in CLAIMS)


def stages(root: Path, mutant: Mutant) -> list[list[str]]:
    """Arguments of pytest, run by run."""
    printed = [*PRINTED[2:], PAGES] if mutant.kind == "word" else []
    direct = [
        os.path.normpath(f"tests/claims/{name}.py") for name in BY_FILE.get(mutant.file.removeprefix(f"{FOLDER}/"), ())
    ]
    if names := identifiers(root, mutant):
        about = ["-k", " or ".join([*names, *(["tables"] if "tables" in mutant.file else [])])]
        claimed = [f"tests/claims/{name}.py" for name in CLAIMED]
        own = [[*about, *claimed], [*about, "paper_checks", f"--ignore={REGISTER}"], [*about, REGISTER]]
        return [run for run in (*own[:2], direct, own[2], printed) if run]
    if direct:
        return [direct]
    shared = [f"tests/claims/{name}.py" for name in SHARED]
    return [shared, ["paper_checks", f"--ignore={REGISTER}"], [REGISTER, *printed]]


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
