"""Every script in toys/: help with examples, errors for invalid values, terminals, pipes and full disks."""

import contextlib
import io
import runpy
import sys
from importlib import import_module
from pathlib import Path

import pytest

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
