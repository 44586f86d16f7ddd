import json
from pathlib import Path

from ioadapt_theory.cli import main


def test_the_table_says_where_the_witnesses_lie_and_how_to_evaluate_one(capsys):
    assert main(["claims", "lemma-1-expansion", "prop-2-input"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    file, command = line.removeprefix("The instances are in ").removesuffix("`.").split("; evaluate one with `ioadapt ")
    assert "ce1" in json.loads(Path(file).read_text("utf-8"))
    assert command == "verify prop-2-input --instance ce1"
    assert main(command.split()) == 0
    capsys.readouterr()
    assert main(["claims", "lemma-1-expansion"]) == 0
    assert "Witnesses" not in capsys.readouterr().out


def test_an_argument_is_printed_step_by_step(capsys):
    assert main(["claims", "prop-4", "prop-1-weights", "prop-2-output", "--proof"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "prop-4: proved, Proposition 4 (App. A.2), as printed"
    assert lines[1] == "letters: W₁ (c x h), W₂ (h x d), W₁' (c x k), W₂' (k x d), AB (c x c), σ, ε (number)"
    chain = lines.index("For prop-4: a chain of formulas")
    assert lines[chain + 1] == "E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖²"
    assert lines[chain + 4] == "≤ σ²‖I + AB‖₂²ε  (the hypothesis on the models)"
    assert "Coq: theorem prop_4_holds" in lines
    assert any(line.startswith("Without ‖W₁W₂ − W₁'W₂'‖_F² ≤ ε: ") and "times the bound" in line for line in lines)
    attained = (
        "About prop-1-weights: attained by these instances: W = diag(s_c, s_{c−1}), y = (1, ±h), AB = ε diag(1, −1)"
    )
    assert any(line.startswith(attained) for line in lines)
    against = lines.index("Against prop-2-output: ce2 in exact numbers")
    assert lines[against + 1 : against + 3] == ["W = [1 0; 0 1]", "W' = [0 1; -1 0]"]
    assert "|δ − δ'| = 64/125, but 4(1 + s₀)ε = 8/25" in lines
