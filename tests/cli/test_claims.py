import json
from pathlib import Path

import pytest

from ioadapt_theory.cli import main


def test_the_table_says_where_the_witnesses_lie_and_how_to_evaluate_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "lemma-1-expansion", "prop-2-input"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    file, command = line.removeprefix("The instances are in ").removesuffix("`.").split("; evaluate one with `ioadapt ")
    assert "ce1" in json.loads(Path(file).read_text("utf-8"))
    assert command == "verify prop-2-input --instance ce1"
    assert main(command.split()) == 0
    capsys.readouterr()
    assert main(["claims", "lemma-1-expansion"]) == 0
    assert "Witnesses" not in capsys.readouterr().out


def test_an_argument_is_printed_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "prop-4", "prop-1-weights", "prop-2-output", "--proof"]) == 0
    lines = (out := capsys.readouterr().out).splitlines()
    assert out.endswith(" = 8/505\n")
    heads = [line for line in lines if line.startswith(("About", "Against"))]
    assert heads[0].startswith(
        "About prop-1-weights: attained by these instances: W = diag(s_c, s_{c−1}), y = (1, ±h), AB = ε diag(1, −1)"
    )
    assert heads[1] == "Against prop-2-output: ce2 in exact numbers"
    assert lines[0] == "For prop-4: a chain of formulas, which Coq has proved"
    assert lines[1].strip() == "E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖²"
    assert lines[4].strip() == "the hypothesis on the models: σ²‖I + AB‖₂²ε"
    assert "    ce2: |δ − δ'| = 64/125, 4(1 + s₀)ε = 8/25" in lines
