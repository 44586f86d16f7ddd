"""Parts of a verification on every executor, the journals and records that restore their results, and the output."""

import json
import os
import random
import signal
import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict, records, verify, verifying
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verification
from ioadapt_theory.claims.records import Journal, default_folder
from ioadapt_theory.claims.report import cells, describe, remark, short, summary, table
from ioadapt_theory.claims.settings.letters import EPSILON
from ioadapt_theory.claims.verifying import RefusedError, Results, do, parts, results, strategies, total, versions
from ioadapt_theory.errors import InvalidValueError, UnknownNameError, WorkerError
from ioadapt_theory.processes import pool

SMALL = Run(instances=50, starts=4, steps=3)
NAMES = ["lemma-3", "prop-2-output-abs"]


def everything(run: Run = SMALL, executor: Executor | None = None, names: list[str] = NAMES) -> Results:
    return dict(results(parts(names, run), executor))


def test_parts_add_up_to_a_verification_on_every_executor() -> None:
    alone = everything()
    assert total(NAMES, alone) == {name: verify(CLAIMS[name], SMALL) for name in NAMES}
    with pool(2) as processes:
        assert everything(executor=processes) == alone
    with ThreadPoolExecutor(4) as threads:  # as in a cluster's worker; digits are set per process
        assert everything(executor=threads) == alone


def test_a_part_is_done_in_one_thread_and_the_others_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, real, before = list[int](), verifying.work, torch.get_num_threads()
    monkeypatch.setattr(verifying, "work", lambda *a: seen.append(torch.get_num_threads()) or real(*a))
    try:
        torch.set_num_threads(2)
        do(next(parts(["prop-4"], SMALL)), versions())
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


def test_the_time_of_a_part_and_the_python_it_ran_on_are_measured() -> None:
    begin = time.perf_counter()
    assert 0 < verify(PROP_4, SMALL).seconds < time.perf_counter() - begin
    assert versions()["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_no_names_are_all_claims_and_the_largest_settings_are_allowed() -> None:
    assert verifying.named(CLAIMS, ()) == [*CLAIMS.values()]
    verifying.check(Run(instances=10**6, seed=2**63 - 1))
    assert Run.of(SMALL.chosen()) == SMALL


@pytest.mark.parametrize(
    ("name", "value"),
    [("instances", 0), ("instances", -3), ("starts", 2.5), ("steps", 10**6 + 1), ("seed", "1"), ("seed", -1)],
)
def test_python_refuses_what_the_command_refuses(name: str, value: Any) -> None:
    with pytest.raises(InvalidValueError, match=rf"^{name} must be a whole number from . to [\d,]+, not {value!r}\.$"):
        verify("prop-4-exact", Run(**{name: value}))


def test_a_claim_is_named_by_its_id() -> None:
    assert verify("lemma-3", SMALL) == verify(CLAIMS["lemma-3"], SMALL)
    with pytest.raises(UnknownNameError, match=r"Unknown claim 'lemma-33'\. Did you mean"):
        verify("lemma-33")


SETTINGS = {"seed": 1, "instances": 51, "starts": 5, "steps": 4}


@pytest.mark.parametrize(
    ("claim", "strategy", "matters"),
    [
        *(
            ("prop-2-output-sharp", s, set())
            for s in ("Replay", "Argued", "Attained", "Said", "Needed", "MachineChecked")
        ),
        ("prop-2-output-sharp", "RandomInstances", {"seed", "instances"}),
        ("prop-2-output-sharp", "GradientAscent", {"seed", "starts", "steps"}),
    ],
)
def test_a_strategy_depends_on_these_settings_and_on_no_others(claim: str, strategy: str, matters: set[str]) -> None:
    own = next(s for s in strategies(CLAIMS[claim]) if type(s).__name__ == strategy)
    changed = {n: replace(SMALL, **{n: x}) for n, x in SETTINGS.items()}
    assert {n for n, run in changed.items() if run.only(*own.settings) != SMALL.only(*own.settings)} == matters


def test_a_worker_that_would_do_something_else_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    part = next(parts(["lemma-3"], SMALL))
    monkeypatch.setattr(verifying, "work", Mock(side_effect=InvalidValueError("too large.")))
    with pytest.raises(RefusedError, match=r"^lemma-3: too large\.$"):
        list(results([part]))
    for name, ours, shown in (
        ("torch", "1.0", f"torch {versions()['torch']} (here 1.0)"),
        ("torch", None, f"torch {versions()['torch']} (here not installed)"),
        ("code", "0123", "the claims' code"),
    ):
        answer = do(part, versions() | {name: ours})
        assert answer["refused"].startswith(f"A worker runs different versions: {shown}. Install")


def test_a_worker_that_is_lost_is_one_sentence() -> None:
    with pool(2) as processes:
        os.kill(processes.submit(os.getpid).result(), signal.SIGKILL)
        with pytest.raises(WorkerError, match="A worker process died, for example because memory ran out"):
            everything(executor=processes)


def test_a_journal_gives_back_what_was_finished_and_forgets_a_broken_line(tmp_path: Path) -> None:
    journal, done = Journal(tmp_path, NAMES, SMALL, pytest.fail), everything()
    (first, *others) = done.items()
    journal.add(*first)
    with journal.path.open("a") as file:
        file.write('{"claim": "lemma-3", "strategy": 9, "par')
    assert journal.read() == dict([first])
    for item in others:  # new lines are not appended to the truncated one
        journal.add(*item)
    assert journal.read() == done
    journal.broken = True  # then nothing else is tried
    journal.remove()
    assert journal.read() == done
    journal.broken = False
    journal.remove()
    assert journal.read() == {}


def test_journals_are_kept_in_the_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for cache in ("", str(tmp_path / "own")):
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
        assert default_folder() == Path(cache or tmp_path / ".cache") / "ioadapt-theory" / "verify"


def test_another_run_and_other_code_have_another_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def path(names: list[str], run: Run) -> Path:
        return Journal(tmp_path, names, run, print).path

    before = path(NAMES, SMALL)
    assert path(["lemma-3"], SMALL) != before != path(NAMES, Run(seed=1))
    monkeypatch.setattr(records, "versions", lambda: "others")
    assert path(NAMES, SMALL) != before


WRONG = [
    None, True, -1, 7, 1e400, float("nan"), "text", [], ["x", 1], {}, {"x": [1]}, {"stacks": 0}, "10" * 400, 10**400,
]  # fmt: skip


def damaged(line: dict[str, Any], draw: random.Random) -> str:
    """Return a line of a journal with one value, or one key, replaced at a random depth, or with its end cut off."""
    line = json.loads(json.dumps(line))
    where: Any = line
    while True:
        key = draw.choice([*where]) if isinstance(where, dict) else draw.randrange(len(where))
        if not isinstance(where[key], dict | list) or not where[key] or draw.random() < 0.3:
            break
        where = where[key]
    if draw.random() < 0.2 and isinstance(where, dict):
        where[draw.choice(["claim", "", "x"])] = where.pop(key)
    else:
        where[key] = draw.choice(WRONG)
    text = json.dumps(line)
    return text[: draw.randrange(len(text))] if draw.random() < 0.1 else text


def test_a_line_of_another_run_or_with_wrong_values_is_not_counted(tmp_path: Path) -> None:
    done, draw = everything(names=["lemma-3"]), random.Random(0)
    other = Journal(tmp_path, ["lemma-3"], replace(SMALL, seed=1), pytest.fail)
    journal = Journal(tmp_path, ["lemma-3"], SMALL, pytest.fail)
    for item in everything(replace(SMALL, seed=1), names=["lemma-3", "prop-2-output-abs"]).items():
        other.add(*item)
    for item in done.items():
        journal.add(*item)
    lines = [line for line in journal.path.read_text().splitlines() if line]
    journal.path.write_text(other.path.read_text())
    seedless = {part for part in done if "seed" not in part.run and part in other.todo}
    assert journal.read().keys() == seedless  # parts that do not depend on the seed are those of this run, too
    journal.path.write_text("[" * 10**5 + "\n" + "\n".join(lines))
    assert journal.read() == done
    for _ in range(300):
        journal.path.write_text(damaged(json.loads(draw.choice(lines)), draw))
        read = journal.read()
        assert read.keys() <= done.keys()
        verdict = total(["lemma-3"], read)["lemma-3"]
        assert summary(CLAIMS, {"lemma-3": verdict})
        assert json.dumps(verdict.to_json(), allow_nan=False)


PROP_4 = replace(CLAIMS["prop-4"], reading="as it stands", notes=(EPSILON <= 2 * EPSILON,))
REFUTED = replace(CLAIMS["any-phi"], witnesses=())


def test_a_table_is_a_block_a_claim_then_the_counts_and_the_place() -> None:
    first, *rest = table([PROP_4, REFUTED], 70).split("The instances are in ")
    assert first == (
        "PROVED    prop-4  (Proposition 4 (App. A.2))\n"
        "          [as printed: as it stands] given ‖W₁W₂ − W₁'W₂'‖_F² ≤ ε:\n"
        "            E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ σ²‖I + AB‖₂²ε\n"
        "          attained: r1\n"
        "          note: ε ≤ 2ε\n"
        "\n"
        "REFUTED   any-phi  (Section 3.3)\n"
        "          [a reading of what is printed: any Φ with its start: PiSSA\n"
        "            starts from singular vectors of I, any unit vectors, with\n"
        "            one I − pᵀp] given ‖p‖ = 1, ‖q‖ = 1: I − pᵀp = I − qᵀq\n"
        "          note: true instead: any-phi-weaker\n"
        "\n"
        "2 claims: 1 proved, 1 refuted.\n"
    )
    assert rest[0].endswith("/witnesses.json; evaluate one with `ioadapt verify prop-4 --instance r1`.\n")
    assert table([REFUTED], 70).endswith("\n1 claim: 1 refuted.\n")
    assert "witness: 1.333 times the bound: ce5, ce5-low-rank\n" in table([CLAIMS["prop-1-main"]], 70)
    assert describe(CLAIMS["prop-2-input"])["ratio"] == pytest.approx(50)  # the largest of several
    unmeasured = {name: cells(CLAIMS[name])[3] for name in ("prop-4-interior", "stronger-requirement")}
    assert unmeasured == {
        "prop-4-interior": "g1",
        "stronger-requirement": "stronger",
    }  # the bound is 0, or the claim is an equation
    assert describe(CLAIMS["prop-4-interior"])["ratio"] == "inf"
    assert [describe(CLAIMS[name])["executable"] for name in ("prop-4", "tables-seeds")] == [True, False]


def test_a_value_is_a_fraction_of_small_numbers_only_if_it_is_one() -> None:
    assert [short(x) for x in (2.5, 1 / 999, 1 / 1001, (1 + 1e-11) / 3)] == ["5/2", "1/999", "0.000999", "0.3333"]


def test_a_refuted_claim_names_what_is_true_instead() -> None:
    assert remark(CLAIMS["prop-1"]).startswith("true instead: prop-1-abs, prop-1-sine, prop-1-sharp, prop-1-weights")
    assert "prop-2-input-sharp" in remark(CLAIMS["prop-2-input-literal"])  # by its left side
    assert remark(CLAIMS["lemma-1"]) == "√(1 − s²) ≤ 1 + |s|"


def test_a_summary_marks_what_differs_from_the_record_or_is_not_finished() -> None:
    def found(verdict: Verdict) -> Verification:
        refutes = frozenset(["x"] if verdict is Verdict.REFUTED else [])
        findings = {
            Evidence.EXACT: Finding(kind=Evidence.EXACT, instances=0, proves=frozenset(["p"])),
            Evidence.RANDOM: Finding(kind=Evidence.RANDOM, instances=12, worst_ratio=0.12345678, refutes=refutes),
        }
        return Verification(claim="prop-4", findings=findings, seconds=1.26)

    claims = {"prop-4": PROP_4, "b": PROP_4, "c": PROP_4}
    some = {"prop-4": found(Verdict.PROVED), "b": found(Verdict.REFUTED), "c": Verification(claim="c")}
    assert summary(claims, some, {"c"}) == (
        "claim   verdict   recorded              worst ratio  evidence   seconds\n"
        "prop-4  proved    proved                0.123457     random 12  1.3\n"
        "b       refuted   proved  <- differs    0.123457     random 12  1.3\n"
        "c       untested  proved  not finished  -                       0.0\n"
    )
