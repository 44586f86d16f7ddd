"""Parts of a verification on every executor, the journals and records that restore their results, and the output."""

import json
import os
import signal
import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict, records, verify, verifying
from ioadapt_theory.claims.claim import Claim, Origin
from ioadapt_theory.claims.evidence.findings import Evidence, Finding, Verification
from ioadapt_theory.claims.records import Journal, Record, default_folder, merge
from ioadapt_theory.claims.report import cells, counted, describe, remark, short, summary, table
from ioadapt_theory.claims.verifying import Part, RefusedError, Results, do, parts, results, strategies, total, versions
from ioadapt_theory.errors import FileFormatError, WorkerError
from ioadapt_theory.processes import pool

SMALL = Run(instances=50, starts=4, steps=3, stacks=70, samples=50)
NAMES = ["lemma-3", "prop-2-output-abs"]


def everything(run: Run = SMALL, executor: Executor | None = None, names: list[str] = NAMES) -> Results:
    return dict(results(parts(names, run), executor))


def record(run: Run = SMALL, names: list[str] = NAMES) -> Record:
    return Record(everything(run, names=names), ({**asdict(run), "claims": names},))


def written(path: Path, record: Record) -> str:
    path.write_text(record.text(record.claims, record.unfinished()), encoding="utf-8")
    return str(path)


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
    verifying.check(Run(depth=1000, condition=1e12), 1024)
    for run in (SMALL, replace(SMALL, widths=(8, 11, 6))):
        assert Run.of(run.chosen()) == run


def monte_carlo(**settings: object) -> list[Part]:
    return [part for part in parts(["lemma-3"], replace(SMALL, **settings)) if "samples" in part.run]


STACKED = {"seed", "depth", "rank", "widths", "pair", "spectrum"}
SETTINGS = {
    **{"seed": 1, "instances": 51, "starts": 5, "steps": 4, "stacks": 71, "samples": 51, "depth": 3, "rank": 1},
    **{"widths": (8, 11, 6), "pair": "gauge", "spectrum": "conditioned"},
}


@pytest.mark.parametrize(
    ("claim", "strategy", "matters"),
    [
        *(("prop-2-output-sharp", s, set()) for s in ("Replay", "Told", "Attained", "Said", "MachineChecked")),
        ("prop-2-output-sharp", "RandomInstances", {"seed", "instances"}),
        ("prop-2-output-sharp", "GradientAscent", {"seed", "starts", "steps"}),
        ("prop-4", "StackMonteCarlo", {"samples", "stacks", *STACKED}),
    ],
)
def test_a_strategy_depends_on_these_settings_and_on_no_others(claim: str, strategy: str, matters: set[str]) -> None:
    own = next(s for s in strategies(CLAIMS[claim]) if type(s).__name__ == strategy)
    last = own.parts(SMALL) - 1
    changed = {n: replace(SMALL, **{n: x}) for n, x in SETTINGS.items()}
    assert {n for n, run in changed.items() if own.pinned(run, last) != own.pinned(SMALL, last)} == matters


def test_a_worker_that_would_do_something_else_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    part = monte_carlo()[0]
    with pytest.raises(RefusedError, match=r"lemma-3: Unknown pair 'x'\."):
        list(results([part._replace(run='{"pair": "x"}')]))
    for name, ours, shown in (
        ("torch", "1.0", f"torch {versions()['torch']} (here 1.0)"),
        ("torch", None, f"torch {versions()['torch']} (here not installed)"),
        ("code", "0123", "the claims' code"),
    ):
        answer = do(part, versions() | {name: ours})
        assert answer["refused"].startswith(f"A worker runs different versions: {shown}. Install")


def test_workers_that_are_lost_are_one_sentence() -> None:
    with pool(2) as processes:
        os.kill(processes.submit(os.getpid).result(), signal.SIGKILL)
        with pytest.raises(WorkerError, match="A worker process died, for example because memory ran out"):
            everything(executor=processes)
    with pytest.raises(WorkerError, match=r"no longer answers.*ConnectionResetError"):
        next(results(parts(["lemma-3"], SMALL), Mock(), Mock(side_effect=ConnectionResetError)))


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


@pytest.mark.parametrize(("name", "other"), [("SCHEMA", 99), ("versions", lambda: "others")])
def test_another_run_and_other_code_have_another_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: object
) -> None:
    def path(names: list[str], run: Run) -> Path:
        return Journal(tmp_path, names, run, print).path

    before = path(NAMES, SMALL)
    assert path(["lemma-3"], SMALL) != before != path(NAMES, Run(seed=1))
    monkeypatch.setattr(records, name, other)
    assert path(NAMES, SMALL) != before


def test_records_are_united_and_count_once(tmp_path: Path) -> None:
    a, b = (written(tmp_path / f"{seed}.json", record(replace(SMALL, seed=seed))) for seed in (1, 2))
    both = merge([a, b])
    assert [config["seed"] for config in both.configs] == [1, 2]
    assert merge([written(tmp_path / "both.json", both)]).configs == both.configs
    counts = {kind: f.instances for kind, f in total(NAMES, both.results)["prop-2-output-abs"].findings.items()}
    assert (counts["random"], counts["exact"]) == (100, 1)
    assert merge([b, a]).text(NAMES) == both.text(NAMES)
    assert Path(written(tmp_path / "c.json", merge([a, a]))).read_text() == Path(a).read_text()
    turned = tmp_path / "turned.json"  # as rewritten by a tool that reorders the keys of objects
    turned.write_text(json.dumps(json.loads(Path(a).read_text(), object_pairs_hook=lambda pairs: dict(pairs[::-1]))))
    again = merge([a, str(turned)])
    assert (again.results.keys(), len(again.configs)) == (merge([a]).results.keys(), 1)
    few, many = (record(replace(SMALL, stacks=n)) for n in (64, 96))
    overlap = merge([written(tmp_path / "few.json", few), written(tmp_path / "many.json", many)])
    assert total(NAMES, overlap.results) == total(NAMES, many.results)


def test_what_is_no_number_is_not_written() -> None:
    lost = Finding(kind=Evidence.RANDOM, worst={"x": float("nan")})
    part = {Part("lemma-3", 0, 0, "{}"): Verification(claim="lemma-3", findings={lost.kind: lost})}
    with pytest.raises(ValueError, match="JSON"):
        Record(part, ({},)).text(["lemma-3"])


def test_an_interrupted_record_is_unfinished_until_the_rest_is_merged(tmp_path: Path) -> None:
    whole = record()
    halves = [replace(whole, results={p: v for p, v in whole.results.items() if p.part % 2 == odd}) for odd in (0, 1)]
    paths = [written(tmp_path / f"{k}.json", half) for k, half in enumerate(halves)]
    assert merge(paths[:1]).unfinished() == {"lemma-3"}
    assert json.loads(Path(paths[0]).read_text())["results"]["lemma-3"]["finished"] is False
    assert merge(paths).unfinished() == set()


def test_of_two_results_of_one_part_the_worse_one_stays(tmp_path: Path) -> None:
    whole = record(names=["prop-4"])
    (part, result), *_ = whole.results.items()
    kind = next(iter(result.findings))
    low, high, lacking, refuted = (
        replace(result, findings={kind: replace(result.findings[kind], **change)})
        for change in (
            *({"worst_ratio": 0.5}, {"worst_ratio": 0.9}),
            *({"worst_ratio": 0.1, "lacks": frozenset("x")}, {"worst_ratio": 0.1, "refutes": frozenset("x")}),
        )
    )
    for pair in ((low, high), (high, lacking), (high, refuted)):
        files = [
            written(tmp_path / f"{k}.json", replace(whole, results={**whole.results, part: r}))
            for k, r in enumerate(pair)
        ]
        for order in (files, files[::-1]):
            assert merge(order).results[part] == pair[1]


def test_no_more_parts_wait_than_are_asked_for() -> None:
    class Counting(ThreadPoolExecutor):
        submitted = 0

        def submit(self, *args: Any, **options: Any) -> Any:
            self.submitted += 1
            return super().submit(*args, **options)

    with Counting(1) as threads:
        for finished, _ in enumerate(results(parts(NAMES, SMALL), threads)):
            assert threads.submitted - finished <= 2
        assert finished + 1 == threads.submitted == len([*parts(NAMES, SMALL)])


def edited(raw: dict, **changes: object) -> dict:
    return raw | {"parts": [raw["parts"][0], raw["parts"][1] | changes, *raw["parts"][2:]]}


CHANGED = "was changed after it was written"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda raw: raw | {"schema": 1}, "has schema 1, but this version reads 4; run `ioadapt verify` again"),
        (lambda raw: raw | {"what": "similarity"}, "verify --format json`: it is a record of another command"),
        (lambda raw: {"results": 3}, "is not a record of `ioadapt verify --format json`: 'what' is missing"),
        (lambda raw: raw | {"parts": 3}, "--format json`: 'int' object is not iterable"),
        (lambda raw: raw | {"parts": [{}]}, CHANGED),
        (lambda raw: edited(raw, part=7), CHANGED),
        (lambda raw: edited(raw, findings=json.loads(json.dumps(raw["parts"][1]["findings"]).replace("0.", "0.0"))),
         CHANGED),
        (lambda raw: raw | {"config": {"stacks": 0, "claims": ["lemma-3"]}}, CHANGED),
        (lambda raw: raw | {"versions": raw["versions"] | {"torch": "9.9"}}, CHANGED),
    ],
)  # fmt: skip
def test_what_is_no_record_of_this_version_or_was_edited_is_refused(tmp_path: Path, change: Any, sentence: str) -> None:
    path = Path(written(tmp_path / "x.json", record(names=["lemma-3"])))
    raw = json.loads(path.read_text())
    assert change(raw) != raw
    path.write_text(json.dumps(change(raw)))
    with pytest.raises(FileFormatError, match=sentence):
        merge([str(path)])


def test_records_of_other_code_or_versions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, here = record(names=["lemma-3"]), versions()
    for change in ({"torch": "9.9"}, {"code": "1"}):
        monkeypatch.setattr(records, "versions", lambda change=change: here | change)
        path = written(tmp_path / "x.json", one)
        monkeypatch.undo()
        shown = r"torch 9\.9 \(here .*\)" if "torch" in change else "the claims' code"
        with pytest.raises(FileFormatError, match=rf"with different versions: {shown}\. Run `ioadapt verify` again"):
            merge([path])


PROP_4 = replace(CLAIMS["prop-4"], remark="it is tight", reading="as it stands")
PROSE = Claim(
    id="in-words",
    source="Section 4",
    origin=Origin.OURS,
    expected=Verdict.REFUTED,
    prose="whoever reads |this| needs more than fifty columns for it",
)


def test_a_table_is_a_block_a_claim_then_the_counts_and_the_place() -> None:
    first, *rest = table([PROP_4, PROSE], 70).split("The instances are in ")
    assert first == (
        "PROVED    prop-4  (Proposition 4 (App. A.2))\n"
        "          [as printed: as it stands] given ‖W₁W₂ − W₁'W₂'‖_F² ≤ ε:\n"
        "            E‖x(I + AB)W₁W₂ − x(I + AB)W₁'W₂'‖² ≤ σ²‖I + AB‖₂²ε\n"
        "          attained: r1\n"
        "          note: it is tight\n"
        "\n"
        "REFUTED   in-words  (Section 4)\n"
        "          [ours] whoever reads |this| needs more than fifty columns\n"
        "            for it\n"
        "\n"
        "1 claim with a formula: 1 proved; 1 in prose with an argument: 1 refuted.\n"
    )
    assert rest[0].endswith("/witnesses.json; evaluate one with `ioadapt verify prop-4 --instance r1`.\n")
    assert table([PROSE], 70).endswith("\n1 claim in prose with an argument: 1 refuted.\n")
    assert "witness: 1.333 times the bound: ce5, ce5-low-rank\n" in table([CLAIMS["prop-1-main"]], 70)
    assert describe(CLAIMS["prop-2-input"])["ratio"] == pytest.approx(50)  # the largest of several
    unmeasured = {name: cells(CLAIMS[name])[3] for name in ("prop-4-interior", "stronger-requirement")}
    assert unmeasured == {
        "prop-4-interior": "g1",
        "stronger-requirement": "stronger",
    }  # the bound is 0, or the claim is an equation
    assert describe(CLAIMS["prop-4-interior"])["ratio"] == "inf"
    assert [describe(claim)["executable"] for claim in (PROP_4, PROSE)] == [True, False]
    assert counted([PROP_4, PROP_4]) == "2 claims with a formula: 2 proved.\n"


def test_a_value_is_a_fraction_of_small_numbers_only_if_it_is_one() -> None:
    assert [short(x) for x in (2.5, 1 / 999, 1 / 1001, (1 + 1e-11) / 3)] == ["5/2", "1/999", "0.000999", "0.3333"]


def test_a_remark_computes_the_values_that_it_speaks_of() -> None:
    said = replace(CLAIMS["prop-3"], remark="{lhs of g1}, {rhs of g1}; {lhs of g1 in prop-4-interior}")
    assert remark(said) == "29/16, 41/8; 45/2"
    assert remark(replace(CLAIMS["prop-3"], remark=lambda: "made {rhs of g1}")) == "made 41/8"


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
