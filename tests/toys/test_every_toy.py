"""Every script in toys/: help with examples, wrong values in a sentence, terminals, pipes and full disks."""

import contextlib
import io
import os
import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from toys.page import demo

ROOT = Path(__file__).parents[2]
SCRIPTS = (ROOT / "toys").glob("*.py")
TOYS = sorted(path.stem for path in SCRIPTS if "\nExamples:\n" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("toy", TOYS)
def test_help_has_the_examples_of_its_first_lines(toy: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", [f"{toy}.py", "--help"])
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "toys" / f"{toy}.py"), run_name="__main__")
    assert ended.value.code in (None, 0)
    assert f"python toys/{toy}.py" in out.getvalue().partition("Examples:")[2]


@pytest.mark.parametrize("toy", TOYS)
def test_a_bad_seed_and_a_file_for_a_folder_are_one_sentence_each(toy: str, tmp_path: Path, capsys):
    main = import_module(f"toys.{toy}").main
    file = tmp_path / "file"
    file.touch()
    for wrong in (["--seed", "-1"], ["--out", str(file)]):
        assert main(wrong) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"{toy}: ")
        assert wrong[1] in told
        assert len(told.splitlines()) == 1
    assert [*tmp_path.iterdir()] == [file]


def test_an_argument_of_the_demo_is_misuse(capsys):
    assert demo.main(["--out", "x"]) == 2
    assert capsys.readouterr().err == "demo: Unrecognized arguments: --out x.\n"


@pytest.mark.parametrize(
    ("shell", "status", "out", "err"),
    [
        ("| true", 0, "", ""),
        ("> /dev/full", 2, "", "toy: Cannot read or write: No space left on device.\n"),
        ("", 0, "β" * 9 + "\n", ""),
    ],
)
def test_greek_without_utf_8_closed_pipes_and_full_disks(shell: str, status: int, out: str, err: str):
    code = "from ioadapt_theory.cli import guarded; raise SystemExit(guarded('toy', lambda: print('β' * 9) or 0))"
    command = ["bash", "-o", "pipefail", "-c", f'"{sys.executable}" -c "{code}" {shell}']
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (status, out, err)
