"""A wrong proof is not counted: of another statement, from an axiom, or unfinished. Coq checks small planted files."""

import shutil
import subprocess

import pytest

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.evidence.formal import theorem_name
from proofs import __main__ as proofs

CLAIM, REFUTED = CLAIMS["eq-5"], CLAIMS["eq-5-scope"]
PLANTED = {  # a theorem, and what Coq says of it
    "right": ("Theorem eq_5_holds (R : rcfType) : eq_5 R. Proof. split. Qed.", proofs.CLOSED),
    "another statement": ("Theorem eq_5_holds (R : rcfType) : True \\/ eq_5 R. Proof. left; split. Qed.", "has type"),
    "one more hypothesis": ("Theorem eq_5_holds (R : rcfType) : 0 = 1 -> eq_5 R. Proof. split. Qed.", "has type"),
    "an axiom": ("Axiom no : False. Theorem eq_5_holds (R : rcfType) : eq_5 R. Proof. destruct no. Qed.", "Axioms:"),
    "admitted": ("Theorem eq_5_holds (R : rcfType) : eq_5 R. Admitted.", "Axioms:"),
}  # fmt: skip


def test_every_theorem_is_checked_against_the_type_of_its_statement():
    text = proofs.checks([CLAIM, REFUTED])
    for claim, sign in ((CLAIM, ""), (REFUTED, "~ ")):
        name, said = theorem_name(claim), claim.id.replace("-", "_")
        assert f"Definition checked_{name} : forall R : rcfType, {sign}Statements.{said} R := @{name}." in text
    assert "Definition checked := (checked_eq_5_holds, checked_eq_5_scope_refuted)." in text
    assert "Print Assumptions checked." in text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("coqc") is None, reason="needs Coq")
@pytest.mark.parametrize("plant", PLANTED)
def test_only_the_right_proof_is_closed(plant, tmp_path, monkeypatch):
    theorem, says = PLANTED[plant]
    files = {
        "mathcomp/ssreflect": "",
        "mathcomp/ssralg": "",
        "mathcomp/ssrnum": "Definition rcfType := Type.",
        "Statements": "From mathcomp Require Import ssrnum.\nDefinition eq_5 (R : rcfType) : Prop := True.",
        "Planted": f"From mathcomp Require Import ssrnum.\nFrom ioadapt Require Import Statements.\n{theorem}",
    }
    (tmp_path / "mathcomp").mkdir()
    for name, text in files.items():
        (tmp_path / f"{name}.v").write_text(text + "\n")
    monkeypatch.setattr(proofs, "HERE", tmp_path)
    (tmp_path / "Checked.v").write_text(proofs.checks([CLAIM]))
    said = ""
    for name in (*files, "Checked"):
        command = ["coqc", "-w", "none", "-Q", "mathcomp", "mathcomp", "-Q", ".", "ioadapt", f"{name}.v"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        said += done.stdout + done.stderr
    assert says in " ".join(said.split())
    assert (proofs.CLOSED in said) == (plant == "right")
