"""The registry and the record of Coq match the sources; a changed claim loses its theorem."""

import contextlib
import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ioadapt_theory.claims import CLAIMS, Run
from ioadapt_theory.claims.evidence import formal
from ioadapt_theory.claims.evidence.formal import Entry, digest, formula_digest, machine_checked, record, theorem_name
from ioadapt_theory.claims.instances import SHIPPED, witnesses
from ioadapt_theory.claims.verifying import FILES, strategies
from proofs.render import NoCoqError, statement

ROOMS = ("statements", "beyond", "words", "laws")
FOLDER = Path(str(SHIPPED)).parent


def test_every_file_and_claim_is_listed_and_no_id_is_given_twice():
    files = (p for room in ROOMS for p in (FOLDER / room).glob("*.py") if p.stem != "__init__")
    assert {f"{p.parent.name}.{p.stem}" for p in files} == {*FILES}
    for file, names in FILES.items():
        assert [claim.id for claim in import_module(f"ioadapt_theory.claims.{file}").CLAIMS] == names
    assert len(CLAIMS) == sum(map(len, FILES.values()))


def test_a_claim_loads_its_own_file_alone_and_no_computer_algebra():
    program = "import sys; from ioadapt_theory import CLAIMS; CLAIMS['prop-3']; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("ioadapt_theory.claims.") for name in done.stdout.split()}
    assert loaded & {*FILES, "sympy", "flint", "scipy", "matplotlib"} == {"statements.props_3_to_5"}


def test_every_shipped_instance_is_about_a_claim():
    used = {name for claim in CLAIMS.values() for name in (*claim.witnesses, *claim.attained)}
    assert used == set(witnesses())


ROOT = Path(__file__).parents[2]
COQ = ROOT / "proofs" / "coq"


def test_statements_and_witnesses_in_coq_are_what_the_claims_render():
    from proofs.__main__ import rendered

    for name, text in rendered().items():
        assert (COQ / name).read_text(encoding="utf-8") == text, f"{name} is out of date: run python -m proofs --render"


def test_no_two_claims_are_rendered_as_the_same_statement():
    """Otherwise Coq would lose a distinction, such as a word, and the theorem of one claim would prove the other."""
    text = (COQ / "Statements.v").read_text(encoding="utf-8").replace("End Statements.", "")
    said = [part.partition(":=")[2].strip() for part in text.split("Definition ")[1:]]
    assert len({*said}) == len(said) >= len(record())


@pytest.mark.parametrize("claim_id", sorted(record()))
def test_the_record_is_of_the_statement_that_is_rendered_and_of_the_formula(claim_id):
    claim, entry = CLAIMS[claim_id], record()[claim_id]
    assert entry == Entry(theorem_name(claim), digest(statement(claim)), formula_digest(claim))


def test_the_record_is_of_the_sources_that_stand_here():
    from proofs.__main__ import RECORD_FILE, digests

    recorded = json.loads(RECORD_FILE.read_text(encoding="utf-8"))["sources"]
    assert recorded == digests(), "the proofs have changed: python -m proofs --record"


def test_the_record_names_theorems_that_the_sources_have():
    from proofs.__main__ import settled

    assert {c.id for c in settled()} == set(record())


def test_a_statement_that_coq_cannot_be_told_has_no_evidence(monkeypatch):
    claim = CLAIMS["effect-random"]
    with pytest.raises(NoCoqError):
        statement(claim)
    entry = {claim.id: Entry(theorem_name(claim), digest(""), "")}
    monkeypatch.setattr(formal, "record", lambda: entry)
    assert not machine_checked(claim, Run()).proves
    monkeypatch.undo()
    names = {frozenset(["Coq: prop_4_holds"]), frozenset(["Coq: prop_2_input_refuted"])}
    checked = [machine_checked(CLAIMS[name], Run()) for name in ("prop-4", "prop-2-input")]
    assert ({checked[0].proves, checked[1].refutes}, [x.instances for x in checked]) == (names, [1, 1])
    assert machine_checked not in strategies(claim)


def test_without_coqc_the_build_says_so_in_a_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "proofs"], cwd=ROOT, env={"PATH": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("coqc is missing")
    assert len(done.stderr.splitlines()) == 1


def test_a_build_counts_if_every_theorem_is_closed_and_the_record_is_its_own(monkeypatch, capsys, tmp_path):
    """Coq's output is simulated; nothing is compiled."""
    from proofs import __main__ as proofs

    number, commands = len(record()), list[str]()

    def build(said, *options):
        monkeypatch.setattr(sys, "argv", ["proofs", *options])
        monkeypatch.setattr(proofs, "run", lambda *command: commands.append(command[0]) or said)
        with contextlib.suppress(SystemExit):
            proofs.main()
        return "".join(capsys.readouterr())

    closed = f"{proofs.CLOSED}\n"
    monkeypatch.setattr(proofs, "HERE", shutil.copytree(proofs.HERE, tmp_path / "coq"))  # the build writes a file there
    monkeypatch.setattr(proofs.shutil, "which", lambda _: "coqc")
    monkeypatch.setattr(proofs, "rendered", dict)
    assert f"{number} of {len(CLAIMS)} claims are settled" in build(closed)
    assert commands == ["coq_makefile", "make", "coqc"]
    for said in ("Axioms:\nclassic : forall P, P \\/ ~ P\n", "", closed + closed):
        assert f"have assumptions beyond logic: {said.strip()}" in build(said)
    monkeypatch.setattr(proofs, "digests", dict)
    assert "formal.json is not the record of this build" in build(closed)
    monkeypatch.setattr(proofs, "rendered", lambda: {"Statements.v": "another formula"})
    assert "Statements.v does not match the claims" in build(closed)
