"""`ioadapt claims`: the registry as a table, JSON or Markdown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ioadapt_theory.cli import main


def test_the_table_says_where_the_witnesses_lie_and_how_to_evaluate_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "lemma-1-expansion", "prop-2-input"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    file, command = line.removeprefix("Witnesses are in ").removesuffix("`.").split("; evaluate one with `ioadapt ")
    assert "ce1" in json.loads(Path(file).read_text("utf-8"))
    assert command == "verify prop-2-input --instance ce1"
    assert main(command.split()) == 0
    capsys.readouterr()
    assert main(["claims", "lemma-1-expansion"]) == 0
    assert "Witnesses" not in capsys.readouterr().out


def test_an_argument_is_printed_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "prop-4", "prop-2-output", "--proof"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "For prop-4: factor out I + AB on the left"
    assert lines[1].strip() == "E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖²"
    assert lines[4].strip() == "the hypothesis on the models: σ²‖I + AB‖₂²ε"
    assert "    ce2: |δ − δ'| = 64/125, 4(1 + s₀)ε = 8/25" in lines


def ioadapt(shell: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = f'"{sys.executable}" -c "from ioadapt_theory.cli import main; raise SystemExit(main())" {shell}'
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], env=os.environ | environment, capture_output=True)


def test_formulas_print_on_a_terminal_without_utf_8() -> None:
    found = ioadapt("claims lemma-1 --format json", PYTHONIOENCODING="ascii")
    assert (found.returncode, found.stderr) == (0, b"")
    assert "Δu" in found.stdout.decode("utf-8")


def test_a_reader_that_goes_away_is_no_error() -> None:
    found = ioadapt("claims | true")
    assert (found.returncode, found.stderr) == (0, b"")
