"""`ioadapt` itself: help, version, misuse, and a terminal that is not there."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from ioadapt_theory.cli import COMMANDS, main


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {summary}" in out for name, summary in COMMANDS.items())


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == version("ioadapt-theory") + "\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "ioadapt: The following arguments are required: command.\n"),
        (["claimz"], "ioadapt: Argument command: invalid choice: 'claimz' (choose from "),
        (["claims", "--format", "xml"], "ioadapt claims: Argument --format: invalid choice: 'xml' (choose from "),
        (["claims", "--nonsense"], "ioadapt claims: Unrecognized arguments: --nonsense.\n"),
    ],
)
def test_misuse_is_one_sentence(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert err.startswith(message)
    assert err.count("\n") == 1


@pytest.mark.parametrize(("shell", "status"), [(">&-", 0), ("> /dev/full 2>&-", 2)])
def test_closed_streams_are_no_traceback(shell: str, status: int) -> None:
    command = f'"{sys.executable}" -c "from ioadapt_theory.cli import main; raise SystemExit(main())" claims {shell}'
    found = subprocess.run(["bash", "-c", command], capture_output=True)
    assert (found.returncode, found.stderr) == (status, b"")
