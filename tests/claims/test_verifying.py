"""Work in parts: the same on any executor, resumable, and a set, however records of several machines overlap."""

import json
import os
import signal
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict, records, verify, verifying
from ioadapt_theory.claims.records import Journal, Record, default_folder, merge
from ioadapt_theory.claims.verifying import (
    Part,
    RefusedError,
    Results,
    check,
    digest,
    do,
    named,
    parts,
    results,
    strategies,
    total,
    union,
)
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnknownNameError, WorkerError
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
    with ThreadPoolExecutor(4) as threads:  # a worker of a cluster has several; digits belong to the process
        assert everything(executor=threads) == alone


def test_a_name_that_is_no_claim_is_refused_and_grad_is_on_where_it_was_off() -> None:
    assert named(CLAIMS, []) == [*CLAIMS.values()]
    with pytest.raises(UnknownNameError, match="No claim 'prop-44'"):
        named(CLAIMS, ["prop-4", "prop-44"])
    with torch.no_grad():
        assert verify(CLAIMS["prop-4"], SMALL).verdict == "proved"


def test_a_run_keeps_what_is_chosen_and_nothing_else() -> None:
    run = Run(seed=3, depth=4, widths=(3, 4, 5, 6, 7))
    assert run.only("seed", "rank") == Run(seed=3)
    assert run.chosen() == {"seed": 3, "depth": 4, "widths": [3, 4, 5, 6, 7]}
    for one in (run, SMALL, Run()):
        assert Run.of(json.loads(json.dumps(one.chosen()))) == one


def test_a_part_is_done_in_one_thread_and_the_others_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, real, before = list[int](), verifying.work, torch.get_num_threads()
    monkeypatch.setattr(verifying, "work", lambda *a: seen.append(torch.get_num_threads()) or real(*a))
    try:
        torch.set_num_threads(2)
        do(next(parts(["prop-4"], SMALL)))
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


def test_no_more_parts_wait_than_may() -> None:
    class Counting(ThreadPoolExecutor):
        waiting = largest = 0

        def submit(self, *arguments: object, **options: object) -> Future:
            Counting.waiting += 1
            Counting.largest = max(Counting.largest, Counting.waiting)
            return super().submit(*arguments, **options)

    with Counting(1) as executor:
        for _ in results(parts(NAMES, SMALL), executor, lambda: 3):
            Counting.waiting -= 1
    assert 3 <= Counting.largest <= 4  # the one that is handed out


def monte_carlo(**settings: object) -> list[Part]:
    return [part for part in parts(["lemma-3"], replace(SMALL, **settings)) if "samples" in part.run]


def test_a_part_is_named_after_what_it_depends_on_and_nothing_else() -> None:
    assert len(monte_carlo()) == 3  # of 32 stacks at most
    assert monte_carlo(stacks=500)[:2] == monte_carlo()[:2]
    assert monte_carlo(stacks=500)[2] != monte_carlo()[2]  # which has 6 stacks only
    assert monte_carlo(instances=7, starts=1, condition=5.0, widths=(8, 10, 6)) == monte_carlo()
    for change in ({"seed": 1}, {"samples": 60}, {"depth": 3}, {"widths": (8, 11, 6)}, {"pair": "gauge"}, {"rank": 1}):
        assert not set(monte_carlo(**change)) & set(monte_carlo())


STACKED = {"seed", "depth", "rank", "widths", "pair", "spectrum"}
SETTINGS = {
    **{"seed": 1, "instances": 51, "starts": 5, "steps": 4, "stacks": 71, "samples": 51, "depth": 3, "rank": 1},
    **{"widths": (8, 11, 6), "pair": "gauge", "spectrum": "conditioned"},
}


@pytest.mark.parametrize(
    ("claim", "strategy", "matters"),
    [
        *(("prop-2-output-sharp", s, set()) for s in ("Replay", "Derived", "Attained", "Said", "MachineChecked")),
        ("prop-2-output-sharp", "RandomInstances", {"seed", "instances"}),
        ("prop-2-output-sharp", "GradientAscent", {"seed", "starts", "steps"}),
        ("prop-2-output-sharp", "OrderFit", {"seed"}),
        ("prop-4-exact", "ExactValue", {"instances", *STACKED}),
        ("prop-4", "StackMonteCarlo", {"samples", "stacks", *STACKED}),
    ],
)
def test_a_strategy_depends_on_these_settings_and_on_no_others(claim: str, strategy: str, matters: set[str]) -> None:
    own = next(s for s in strategies(CLAIMS[claim]) if type(s).__name__ == strategy)
    last = own.parts(SMALL) - 1
    changed = {n: replace(SMALL, **{n: x}) for n, x in SETTINGS.items()}
    assert {n for n, run in changed.items() if own.pinned(run, last) != own.pinned(SMALL, last)} == matters


def test_the_digest_changes_with_the_code_and_with_what_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    claim, before = CLAIMS["prop-4"], digest(CLAIMS["prop-4"])
    inequality = replace(claim.inequality, rhs=lambda i: 0.99 * claim.inequality.rhs(i))
    changes = {"attained": ()}, {"witnesses": ("g1",)}, {"expected": Verdict.REFUTED}, {"inequality": inequality}
    assert digest(replace(claim)) == before
    assert all(digest(replace(claim, **change)) != before for change in (*changes, {"proofs": ()}))
    monkeypatch.setattr(verifying, "_sources", lambda: "other")
    assert digest(claim) != before


def test_code_witnesses_and_tables_are_sources_and_ends_of_lines_are_not(tmp_path: Path) -> None:
    seen = set[str]()
    (tmp_path / "b").mkdir()
    for name in ("a.py", "b/d.json", "b/e.csv"):
        for text in ("", "1\n2\n"):
            (tmp_path / name).write_bytes(text.encode())
            seen.add(verifying._sources.__wrapped__(tmp_path))
    assert len(seen) == 6
    (tmp_path / "a.py").write_bytes(b"1\r\n2\r\n")
    assert verifying._sources.__wrapped__(tmp_path) in seen


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"versions": '{"torch": "1.0"}'}, r"A worker has other versions, .*torch .*\(here 1\.0\)\."),
        ({"statement": "x"}, "A worker has other code for lemma-3, of the same version."),
        ({"claim": "unheard-of"}, "A worker has other code for unheard-of"),
        ({"run": '{"pair": "x"}'}, "lemma-3: No pair 'x'."),
    ],
)
def test_a_worker_that_would_do_something_else_refuses(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        list(results([monte_carlo()[0]._replace(**change)]))


def test_workers_that_are_lost_are_one_sentence() -> None:
    with pool(2) as processes:
        os.kill(processes.submit(os.getpid).result(), signal.SIGKILL)
        with pytest.raises(WorkerError, match="A worker process died: it was killed, or the memory was not enough"):
            everything(executor=processes)
    with pytest.raises(WorkerError, match=r"does not answer any more.*ConnectionResetError"):
        next(results(parts(["lemma-3"], SMALL), Mock(), Mock(side_effect=ConnectionResetError)))


def test_a_journal_gives_back_what_was_finished_and_forgets_a_broken_line(tmp_path: Path) -> None:
    journal, done = Journal(tmp_path, NAMES, SMALL), everything()
    (first, *others) = done.items()
    journal.add(*first)
    with journal.path.open("a") as file:
        file.write('{"claim": "lemma-3", "strategy": 9, "par')
    assert journal.read() == dict([first])
    for item in others:  # the next line is not glued to the one that was cut
        journal.add(*item)
    assert journal.read() == done
    journal.remove()
    assert journal.read() == {}


@pytest.mark.parametrize(("name", "other"), [("SCHEMA", 99), ("versions", lambda: "others"), ("digest", lambda _: "x")])
def test_another_run_and_other_code_have_another_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: object
) -> None:
    before = Journal(tmp_path, NAMES, SMALL).path
    assert Journal(tmp_path, ["lemma-3"], SMALL).path != before != Journal(tmp_path, NAMES, Run(seed=1)).path
    monkeypatch.setattr(records, name, other)
    assert Journal(tmp_path, NAMES, SMALL).path != before


def test_records_are_united_and_count_once(tmp_path: Path) -> None:
    a, b = (written(tmp_path / f"{seed}.json", record(replace(SMALL, seed=seed))) for seed in (1, 2))
    both = merge([a, b])
    assert [config["seed"] for config in both.configs] == [1, 2]
    counts = {kind: f.instances for kind, f in total(NAMES, both.results)["prop-2-output-abs"].findings.items()}
    assert (counts["random"], counts["exact"]) == (100, 1)
    assert merge([b, a]).text(NAMES) == both.text(NAMES)
    for files in ([a], [a, a]):
        assert merge(files).digest() == json.loads(Path(a).read_text())["digest"]
    assert Path(written(tmp_path / "c.json", merge([a, a]))).read_text() == Path(a).read_text()
    few, many = (record(replace(SMALL, stacks=n)) for n in (64, 96))
    overlap = merge([written(tmp_path / "few.json", few), written(tmp_path / "many.json", many)])
    assert total(NAMES, overlap.results) == total(NAMES, many.results)


def test_an_interrupted_record_is_unfinished_until_the_rest_is_merged(tmp_path: Path) -> None:
    whole = record()
    halves = [Record({p: v for p, v in whole.results.items() if p.part % 2 == odd}, whole.configs) for odd in (0, 1)]
    paths = [written(tmp_path / f"{k}.json", half) for k, half in enumerate(halves)]
    assert merge(paths[:1]).unfinished() == {"lemma-3"}
    assert json.loads(Path(paths[0]).read_text())["results"]["lemma-3"]["finished"] is False
    assert merge(paths).unfinished() == set()


def test_of_two_results_of_one_part_the_worse_one_stays() -> None:
    (part, result), *_ = everything(names=["prop-4"]).items()
    kind = next(iter(result.findings))
    low = replace(result, findings={kind: replace(result.findings[kind], worst_ratio=0.5)})
    high, lacking, refuted = (
        replace(result, findings={kind: replace(result.findings[kind], **change)})
        for change in ({"worst_ratio": 0.9}, {"lacks": frozenset("x")}, {"refutes": frozenset("x")})
    )
    for better, worse in ((low, high), (high, lacking), (high, refuted)):
        assert union({part: better}, {part: worse}) == union({part: worse}, {part: better}) == {part: worse}


def edited(raw: dict, key: str, value: object) -> dict:
    return raw | {"parts": [raw["parts"][0] | {key: value}, *raw["parts"][1:]]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda raw: raw | {"schema": 1}, "has schema 1, and this version reads 3: run verify again"),
        (lambda raw: raw | {"what": "similarity"}, "is not what `ioadapt verify --format json` writes"),
        (lambda raw: {"results": 3}, "is not what `ioadapt verify --format json` writes"),
        (lambda raw: raw | {"parts": 3}, "writes: 'int' object is not iterable"),
        (lambda raw: raw | {"parts": [{}]}, "writes: 'run' is missing"),
        (lambda raw: edited(raw, "claim", "unheard-of"), "results on 'unheard-of', which is no claim of this version"),
        (lambda raw: edited(raw, "statement", "x"), "has results on lemma-3 from other code"),
        (lambda raw: edited(raw, "part", 7), "was changed after it was written: the digest of its numbers"),
        (lambda raw: edited(raw, "findings", {"dream": {}}), "'dream' is not a valid Evidence"),
        (lambda raw: raw | {"config": {"seed": 1, "claims": ["lemma-3"], "x": 2}}, "unexpected keyword argument 'x'"),
        (lambda raw: raw | {"config": {"stacks": 0, "claims": ["lemma-3"]}}, "--stacks 0 must be at least 1"),
    ],
)
def test_what_is_no_record_of_this_version_is_refused(tmp_path: Path, change: Any, sentence: str) -> None:
    path = Path(written(tmp_path / "x.json", record(names=["lemma-3"])))
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(FileFormatError, match=sentence):
        merge([str(path)])


def test_a_number_that_was_edited_by_hand_is_noticed(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "x.json", record(names=["lemma-3"])))
    raw = json.loads(path.read_text())
    finding = next(iter(raw["parts"][1]["findings"].values()))
    finding["worst_ratio"] = 0.001
    path.write_text(json.dumps(raw))
    with pytest.raises(FileFormatError, match="was changed after it was written"):
        merge([str(path)])


def test_no_name_of_a_file_reaches_a_terminal_as_it_is() -> None:
    (part, result), *_ = everything(names=["lemma-3"]).items()
    kind, finding = next(iter(result.findings.items()))
    names = frozenset(["\x1b[31m\x9b\u202e"])
    shown = Record({part: replace(result, findings={kind: replace(finding, proves=names)})}, ({"claims": []},))
    text = shown.text(["lemma-3"])
    assert all(c.isprintable() or c == "\n" for c in text)
    assert json.loads(text)["parts"][0]["findings"][kind]["proves"] == [*names]


def test_records_of_different_versions_are_not_united(tmp_path: Path) -> None:
    one = record(names=["lemma-3"])
    other = Record({part._replace(versions='{"torch": "9.9"}'): v for part, v in one.results.items()}, one.configs)
    paths = [written(tmp_path / f"{k}.json", r) for k, r in enumerate((one, other))]
    assert merge(paths[1:]).claims == ["lemma-3"]
    with pytest.raises(FileFormatError, match=r"by different versions, .*9\.9.*: run both with the same version"):
        merge(paths)


LARGEST = {**dict.fromkeys(("stacks", "samples"), 10**9), **dict.fromkeys(("instances", "starts", "steps"), 10**6)}
LARGEST |= {"depth": 1000, "rank": 10_000, "condition": 1e12}


@pytest.mark.parametrize("name", LARGEST)
def test_settings_that_cannot_work(name: str) -> None:
    check(Run(**LARGEST), 1024)
    with pytest.raises(InvalidValueError, match=rf"--{name} .* must be at most"):
        check(Run(**{name: LARGEST[name] * 1.1}), 1)
    for value in (0, float("nan")):
        with pytest.raises(InvalidValueError, match=rf"--{name} {value:g} must be at least 1"):
            check(Run(**{name: value}), 1)


def test_jobs_and_devices_that_cannot_work() -> None:
    for run, jobs, sentence in (
        (Run(), 0, "--jobs 0 must be at least 1"),
        (Run(), 1025, "--jobs 1025 must be at most 1024"),
        (Run(device="nowhere"), 1, "Device 'nowhere' cannot be used"),
    ):
        with pytest.raises(InvalidValueError, match=sentence):
            check(run, jobs)


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "ioadapt-theory" / "verify"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "ioadapt-theory" / "verify"
