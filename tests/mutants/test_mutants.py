"""The planter plants what it says, and of a few errors, one of every sort that matters, none goes unnoticed."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants import check
from tests.mutants.__main__ import EQUIVALENTS, sample
from tests.mutants.check import FOLDER, ROOT, identifiers, stages
from tests.mutants.plant import Mutant, equivalents, mutants


@pytest.fixture(scope="module")
def every() -> list[Mutant]:
    return mutants(ROOT, FOLDER)


def planted(tmp_path: Path, source: str, name: str = "x.py") -> list[str]:
    path = tmp_path / "folder" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(source, encoding="utf-8")
    content = path.read_bytes()
    return [m.applied(content).decode() for m in mutants(tmp_path, "folder") if m.changes(content)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("A = 4 * X", {"A = 5 * X", "A = 4 / X", "A = 4"}),
        ("a = x <= y", {"a = x < y", "a = (y) <= (x)"}),
        ("a = fro(m) + spectral(n)", {"a = spectral(m) + spectral(n)", "a = fro(m) + fro(n)", "a = fro(m)"}),
        ("c = C(given=(A, B))", {"c = C(given=(B,))", "c = C(given=(A,))"}),
        ("c = chained(A, Link(), Link())", {"c = chained(A, Link())"}),
        ("def f():\n    yield Step(1)\n    yield Step(2)", {"def f():\n    yield from ()\n    yield Step(2)"}),
        ('s = "‖AB‖₂ ≤ ε for every W"', {'s = "‖AB‖_F ≤ ε for every W"', 's = "‖AB‖₂ ≤ ε for some W"'}),
        ("if not a:\n    b()", {"if False:\n    b()", "if True:\n    b()", "if (a):\n    b()"}),
    ],
)
def test_what_is_planted(tmp_path: Path, source: str, expected: set[str]) -> None:
    assert expected <= set(planted(tmp_path, source))


def test_every_number_of_a_witness_is_edited(tmp_path: Path) -> None:
    found = planted(tmp_path, '{"comment": "s0 = -3/5 < 0", "W": [[1, "-2/3"]], "epsilon": "0.5"}', "w.json")
    assert '{"comment": "s0 = -3/5 < 0", "W": [[1, "2/3"]], "epsilon": "0.5"}' in found
    assert '{"comment": "s0 = -3/5 < 0", "W": [[2, "-2/3"]], "epsilon": "0.5"}' in found
    assert '{"comment": "s0 = -3/5 < 0", "W": [[1, "-2/3"]], "epsilon": "1.5"}' in found


def test_docstrings_annotations_and_messages_are_left_alone(tmp_path: Path) -> None:
    assert (
        planted(tmp_path, '"""At most 4."""\n\n\ndef f(x: "int | None") -> None:\n    msg = "at most 4 of them"\n')
        == []
    )


@pytest.mark.slow
def test_a_sample_covers_every_room_and_every_kind(every: list[Mutant]) -> None:
    assert len(every) > 4000
    chosen = sample(every, 240, seed=0)
    assert len(set(chosen)) == 240
    assert {m.kind for m in chosen} == {m.kind for m in every}
    assert {m.file.split("/")[2] for m in chosen} == {m.file.split("/")[2] for m in every}
    assert max(Counter(m.file for m in chosen).values()) < 40
    assert sample(every, 240, seed=0) == chosen
    assert sample(every, 240, seed=1) != chosen


@pytest.mark.slow
def test_a_file_is_asked_about_its_own_claims_first_and_about_what_is_printed_last(every: list[Mutant]) -> None:
    prop_4 = Mutant(f"{FOLDER}/statements/props_3_to_5.py", "", 0, 0, "")
    assert {"lemma-3", "prop-4", "prop-4-exact"} <= {*identifiers(ROOT, prop_4)}
    witnesses = f"{FOLDER}/witnesses.json"
    begin = (ROOT / witnesses).read_bytes().index(b'"ce1"') + 100
    assert "prop-2-input" in identifiers(ROOT, Mutant(witnesses, "", begin, begin, ""))
    for file in {m.file for m in every}:
        first, *_, last = stages(ROOT, Mutant(file, "word", 0, 0, ""))
        assert "paper_checks/test_register.py" in last
        assert all((ROOT / a.split("::")[0].removeprefix("--ignore=")).exists() for a in (*first, *last) if "/" in a)


@pytest.mark.slow
def test_every_equivalent_names_a_mutant_and_says_why(every: list[Mutant]) -> None:
    known = equivalents(EQUIVALENTS)
    contents = {m.file: (ROOT / m.file).read_bytes() for m in every}
    there = {(m.file, *m.lines(contents[m.file])) for m in every}
    assert set(known) <= there
    assert all(len(why) > 20 for why in known.values())


def test_tests_that_are_red_anyway_notice_nothing(tmp_path: Path) -> None:
    (tmp_path / "ioadapt_theory" / "claims").mkdir(parents=True)
    (tmp_path / "test_red.py").write_text("def test_red():\n    assert False\n")
    (tmp_path / "test_green.py").write_text("def test_green():\n    assert True\n")
    check.require_green(tmp_path, "test_green.py")
    with pytest.raises(check.RedError, match="fail with no error planted, so nothing can be counted"):
        check.require_green(tmp_path, "test_red.py")


@pytest.mark.slow
def test_a_few_errors_are_noticed_and_kept(tmp_path: Path, every: list[Mutant]) -> None:
    """As `make mutants` does it; the second time nothing is left to do."""
    command = [
        sys.executable,
        "-m",
        "tests.mutants",
        "--count",
        "2",
        "--seed",
        "2",
        "--only",
        "statements/props_3_to_5",
    ]
    command += ["--jobs", "2", "--kept", str(tmp_path / "kept.jsonl")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for already in (0, 2):
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert (
            f"2 of {len([m for m in every if 'statements/props_3_to_5' in m.file])} errors, {already} of them"
            in ended.stdout
        )
        assert "2 errors planted: 2 noticed" in ended.stdout, ended.stdout + ended.stderr
        assert ended.returncode == 0
