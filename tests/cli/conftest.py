"""The fixtures `here`, a new working folder, and `ioadapt`, which runs command lines as users type them."""

from pathlib import Path
from typing import NamedTuple

import pytest

from ioadapt_theory.cli import MISUSE, OK, main


class Printed(NamedTuple):
    out: str
    err: str


class Shell:
    """Runs command lines, which name the files of the working folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, line: str, status: int = OK) -> Printed:
        """Run a command, check its exit status, and return what it printed."""
        self.capsys.readouterr()
        assert main(line.split()) == status, line
        return Printed(*self.capsys.readouterr())

    def refuses(self, line: str, *words: str) -> Printed:
        """Check that a command ends with one sentence that has all of the words, and return what it printed."""
        printed = self(line, MISUSE)
        (told,) = (said for said in printed.err.splitlines() if said.startswith("ioadapt"))
        assert [some for some in words if some not in told] == []
        return printed


@pytest.fixture
def ioadapt(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
