"""Work in pieces: the same on any executor, resumable, and a set, however records of several machines overlap."""

import json
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from ioadapt_theory.claims import CLAIMS, Run, Verdict, records, verify
from ioadapt_theory.claims import pieces as piecework
from ioadapt_theory.claims.pieces import Piece, digest, do, pieces, total, values
from ioadapt_theory.claims.records import Found, Journal, Record, default_folder, merge
from ioadapt_theory.claims.runner import RefusedError, check, results
from ioadapt_theory.claims.verifying import named, work
from ioadapt_theory.errors import FileFormatError, InvalidValueError, UnknownNameError, WorkerError
from ioadapt_theory.processes import pool

SMALL = Run(instances=50, starts=4, steps=3, stacks=70, samples=50)
NAMES = ["lemma-3", "prop-2-output-abs"]


def everything(run: Run = SMALL, executor: Executor | None = None, names: list[str] = NAMES) -> Found:
    return dict(results(pieces(names, run), executor))


def record(run: Run = SMALL, names: list[str] = NAMES) -> Record:
    return Record(everything(run, names=names), ({**asdict(run), "claims": names},))


def written(path: Path, record: Record) -> str:
    path.write_text(record.text(record.claims, record.unfinished()), encoding="utf-8")
    return str(path)


def test_pieces_add_up_to_a_verification() -> None:
    assert total(NAMES, everything()) == {name: verify(CLAIMS[name], SMALL) for name in NAMES}


def test_settings_are_the_same_after_a_journey_as_json() -> None:
    for run in (SMALL, Run(), replace(SMALL, widths=(3, 5, 4))):
        assert Run.of(json.loads(json.dumps(run.chosen()))) == run


def test_no_name_is_every_claim_and_the_time_is_that_of_the_work() -> None:
    assert named(CLAIMS, []) == [*CLAIMS.values()]
    assert named(CLAIMS, ["prop-4"]) == [CLAIMS["prop-4"]]
    begin = time.perf_counter()
    assert 0 < work(CLAIMS["lemma-3"], SMALL, 0, 0).seconds < time.perf_counter() - begin


def test_a_cluster_that_cannot_say_how_many_threads_it_has_is_lost() -> None:
    def ahead() -> int:
        raise ConnectionResetError

    with pytest.raises(WorkerError, match=r"does not answer any more.*ConnectionResetError"):
        next(results(pieces(["lemma-3"], SMALL), Mock(), ahead))


def test_a_name_that_is_no_claim_is_refused_and_grad_is_on_where_it_was_off() -> None:
    with pytest.raises(UnknownNameError, match="No claim 'prop-44'"):
        named(CLAIMS, ["prop-4", "prop-44"])
    with torch.no_grad():
        assert verify(CLAIMS["prop-4"], SMALL) == verify(CLAIMS["prop-4"], SMALL)
        assert verify(CLAIMS["prop-4"], SMALL).verdict == "proved"
    assert verify(CLAIMS["eq-4a"]) == verify(CLAIMS["eq-4a"], Run())


def test_no_name_of_a_claim_has_more_or_fewer_pieces_than_are_counted() -> None:
    for name in CLAIMS:
        assert piecework.count(name, SMALL) == sum(1 for _ in pieces([name], SMALL)) > 0
    assert piecework.count("lemma-3", replace(SMALL, stacks=1000)) - piecework.count("lemma-3", SMALL) == 32 - 3


def test_a_run_keeps_what_is_chosen_and_nothing_else() -> None:
    run = Run(seed=3, depth=4, widths=(3, 4, 5, 6, 7))
    assert run.only("seed", "rank") == Run(seed=3)
    assert run.chosen() == {"seed": 3, "depth": 4, "widths": [3, 4, 5, 6, 7]}
    assert Run().chosen() == {}
    assert (Run.of({}).widths, Run.of({"widths": [3, 4]}).widths) == (None, (3, 4))


def test_a_piece_is_done_in_one_thread_and_the_others_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[int]()

    def watched(*arguments: object) -> object:
        seen.append(torch.get_num_threads())
        return work(*arguments)

    monkeypatch.setattr(piecework, "work", watched)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        do(values(next(pieces(["prop-4"], SMALL))))
        do(values(replace(monte_carlo()[0], run='{"pair": "x"}')))
        assert (seen, torch.get_num_threads()) == ([1, 1], 2)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_pieces_wait_than_may(ahead: int) -> None:
    class Counting(ThreadPoolExecutor):
        waiting = largest = 0

        def submit(self, *arguments: object, **options: object) -> Future:
            Counting.waiting += 1
            Counting.largest = max(Counting.largest, Counting.waiting)
            return super().submit(*arguments, **options)

    with Counting(1) as executor:
        done = 0
        for _ in results(pieces(NAMES, SMALL), executor, lambda: ahead):
            Counting.waiting -= 1
            done += 1
    assert Counting.largest <= ahead + 1  # the one that is handed out
    assert Counting.largest >= ahead
    assert done == sum(piecework.count(name, SMALL) for name in NAMES)


def test_what_computes_is_named_and_what_is_not_installed_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(piecework.versions())
    assert list(found) == sorted(["ioadapt-theory", "mpmath", "numpy", "python", "python-flint", "sympy", "torch"])
    assert found["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found["mpmath"] == metadata.version("mpmath")
    monkeypatch.setattr(piecework, "LIBRARIES", ("no-such-library",))
    assert json.loads(piecework.versions.__wrapped__()) == {"no-such-library": None, "python": found["python"]}


def test_two_processes_find_the_same() -> None:
    with pool(2) as processes:
        assert everything(executor=processes) == everything()


def test_threads_do_not_disturb_each_other() -> None:
    """The number of digits belongs to the process, and a worker of a cluster has several threads."""
    with ThreadPoolExecutor(4) as threads:
        assert everything(executor=threads) == everything()


def test_a_part_has_at_most_32_stacks() -> None:
    assert [piece.part for piece in pieces(["lemma-3"], SMALL) if piece.part > 0] == [1, 2]


def monte_carlo(**settings: object) -> list[Piece]:
    return [piece for piece in pieces(["lemma-3"], replace(SMALL, **settings)) if "samples" in piece.run]


def test_a_piece_is_named_after_what_it_depends_on_and_nothing_else() -> None:
    assert monte_carlo(stacks=500)[:2] == monte_carlo()[:2]
    assert monte_carlo(stacks=500)[2] != monte_carlo()[2]  # which has 6 stacks only
    assert monte_carlo(instances=7, starts=1, condition=5.0, widths=(8, 10, 6)) == monte_carlo()
    for change in ({"seed": 1}, {"samples": 60}, {"depth": 3}, {"widths": (8, 11, 6)}, {"pair": "gauge"}, {"rank": 1}):
        assert not set(monte_carlo(**change)) & set(monte_carlo())
    assert monte_carlo(spectrum="conditioned", condition=5.0) != monte_carlo(spectrum="conditioned")


def test_exact_arguments_and_witnesses_do_not_depend_on_the_seed() -> None:
    one, two = (set(pieces(["prop-2-output"], Run(seed=seed))) for seed in (1, 2))
    assert {json.loads(piece.run).get("seed") for piece in one & two} == {None}
    assert len(one & two) == 1 + sum(
        1 for s in piecework.strategies(CLAIMS["prop-2-output"]) if s.kind in {"exact", "formal"}
    )


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
    for _ in range(2):  # there is nothing to remove of a run of no pieces
        journal.remove()
        assert journal.read() == {}


@pytest.mark.parametrize(("names", "run"), [(["lemma-3"], SMALL), (NAMES, Run(seed=1))])
def test_another_run_has_another_journal(tmp_path: Path, names: list[str], run: Run) -> None:
    assert Journal(tmp_path, names, run).path != Journal(tmp_path, NAMES, SMALL).path


@pytest.mark.parametrize(("name", "other"), [("SCHEMA", 3), ("versions", lambda: "others"), ("digest", lambda _: "x")])
def test_other_code_has_another_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: object
) -> None:
    before = Journal(tmp_path, NAMES, SMALL).path
    monkeypatch.setattr(records, name, other)
    assert Journal(tmp_path, NAMES, SMALL).path != before


def changed(name: str, factor: float) -> object:
    inequality = CLAIMS[name].inequality
    return replace(CLAIMS[name], inequality=replace(inequality, rhs=lambda i: factor * inequality.rhs(i)))


def test_a_changed_bound_is_never_certified_by_an_old_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, ["prop-4"], SMALL)
    for item in everything(names=["prop-4"]).items():
        journal.add(*item)
    monkeypatch.setitem(CLAIMS, "prop-4", changed("prop-4", 0.99))
    again = Journal(tmp_path, ["prop-4"], SMALL)
    assert again.read() == {}
    assert not set(pieces(["prop-4"], SMALL)) & set(journal.read())


def test_the_digest_changes_with_the_code_and_with_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = CLAIMS["prop-4"]
    before = digest(claim)
    assert digest(replace(claim)) == before
    assert digest(replace(claim, attained=())) != before
    assert digest(replace(claim, strategies=claim.strategies[:-1])) != before
    assert digest(replace(claim, witnesses=("g1",))) != before
    assert digest(replace(claim, expected=Verdict.REFUTED)) != before
    assert digest(replace(claim, prose="for small W")) != before
    monkeypatch.setattr(piecework, "_sources", lambda: "other")
    assert digest(claim) != before


def test_code_witnesses_and_tables_are_sources_and_ends_of_lines_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, names = set[str](), ("a.py", "b/c.py", "b/d.json", "b/e.csv")
    (tmp_path / "b").mkdir()
    for number, name in enumerate(names):
        for text in ("", "1\n2\n"):
            (tmp_path / name).write_bytes(text.encode())
            seen.add(piecework._sources.__wrapped__(tmp_path))
        assert len(seen) == 2 * number + 2
    for name in names:
        (tmp_path / name).write_bytes(b"1\r\n2\r\n")
    assert piecework._sources.__wrapped__(tmp_path) in seen
    listed = Path.rglob
    monkeypatch.setattr(Path, "rglob", lambda *a: reversed([*listed(*a)]))  # as another file system would
    assert piecework._sources.__wrapped__(tmp_path) in seen
    (tmp_path / "a.py").rename(tmp_path / "z.py")
    assert piecework._sources.__wrapped__(tmp_path) not in seen


SETTINGS = {
    **{"seed": 1, "instances": 51, "starts": 5, "steps": 4, "stacks": 71, "samples": 51, "depth": 3, "rank": 1},
    **{"widths": (8, 11, 6), "pair": "gauge", "spectrum": "conditioned"},
}
STACKED = {"seed", "depth", "rank", "widths", "pair", "spectrum"}


@pytest.mark.parametrize(
    ("claim", "strategy", "matters"),
    [
        ("prop-2-output-sharp", "Replay", set()),
        ("prop-2-output-sharp", "RandomInstances", {"seed", "instances"}),
        ("prop-2-output-sharp", "GradientAscent", {"seed", "starts", "steps"}),
        ("prop-2-output-sharp", "OrderFit", {"seed"}),
        ("prop-2-output-sharp", "Proof", set()),
        ("prop-2-output-sharp", "Said", set()),
        ("prop-2-output-sharp", "MachineChecked", set()),
        ("prop-4-exact", "ExactValue", {"instances", *STACKED}),
        ("prop-4", "StackMonteCarlo", {"samples", "stacks", *STACKED}),
    ],
)
def test_a_strategy_depends_on_these_settings_and_on_no_others(claim: str, strategy: str, matters: set[str]) -> None:
    own = next(s for s in piecework.strategies(CLAIMS[claim]) if type(s).__name__ == strategy)
    last = own.parts(SMALL) - 1
    found = {
        name for name, x in SETTINGS.items() if own.pinned(replace(SMALL, **{name: x}), last) != own.pinned(SMALL, last)
    }
    assert found == matters


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"versions": '{"torch": "1.0"}'}, r"A worker has other versions, .*torch .*\(here 1\.0\)\."),
        ({"statement": "x"}, "A worker has other code for lemma-3, of the same version."),
        ({"claim": "unheard-of"}, "A worker has other code for unheard-of"),
        ({"run": '{"pair": "x"}'}, "Lemma-3: No pair 'x'."),
    ],
)
def test_a_worker_that_would_do_something_else_refuses(change: dict[str, str], sentence: str) -> None:
    piece = replace(monte_carlo()[0], **change)
    assert set(do(values(piece))) == {"refused"}
    with pytest.raises(RefusedError, match=sentence):
        list(results([piece]))


def test_a_worker_that_is_killed_is_one_sentence() -> None:
    import os
    import signal

    with pool(2) as processes:
        victim = processes.submit(os.getpid).result()
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(WorkerError, match="A worker process died: it was killed, or the memory was not enough"):
            everything(executor=processes)


def test_records_of_two_seeds_are_united(tmp_path: Path) -> None:
    records = [record(replace(SMALL, seed=seed)) for seed in (1, 2)]
    paths = [written(tmp_path / f"{k}.json", r) for k, r in enumerate(records)]
    both = merge(paths)
    assert both.found == piecework.union(*(merge([path]).found for path in paths))
    assert [config["seed"] for config in both.configs] == [1, 2]
    counts = {kind: f.instances for kind, f in total(NAMES, both.found)["prop-2-output-abs"].findings.items()}
    assert counts["random"] == 100
    assert counts["exact"] == 1
    assert merge(paths[::-1]).text(NAMES) == both.text(NAMES)


def test_merging_a_record_with_itself_changes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", record())
    for files in ([path], [path, path], [path, written(tmp_path / "b.json", record())]):
        merged = merge(files)
        assert merged.digest() == json.loads(Path(path).read_text())["digest"]
        found = total(NAMES, merged.found)
        assert found == total(NAMES, record().found)
    again = written(tmp_path / "c.json", merge([path, path]))
    assert Path(again).read_text() == Path(path).read_text()


def test_a_record_whose_keys_stand_in_another_order_is_the_same_record(tmp_path: Path) -> None:
    def backwards(x: Any) -> Any:
        if isinstance(x, dict):
            return {key: backwards(x[key]) for key in reversed(x)}
        return [*map(backwards, x)] if isinstance(x, list) else x

    path, other = Path(written(tmp_path / "a.json", record())), tmp_path / "b.json"
    other.write_text(json.dumps(backwards(json.loads(path.read_text()))))
    once, both = (merge(files) for files in ([str(other)], [str(path), str(other)]))
    assert once.digest() == both.digest() == json.loads(path.read_text())["digest"]
    assert len(both.configs) == 1


def test_runs_that_overlap_count_their_common_pieces_once(tmp_path: Path) -> None:
    few, many = record(replace(SMALL, stacks=64)), record(replace(SMALL, stacks=96))
    merged = merge([written(tmp_path / "few.json", few), written(tmp_path / "many.json", many)])
    assert total(NAMES, merged.found) == total(NAMES, many.found)


def test_an_interrupted_record_is_unfinished_until_the_rest_is_merged(tmp_path: Path) -> None:
    whole = record()
    halves = [Record({p: v for p, v in whole.found.items() if p.part % 2 == odd}, whole.configs) for odd in (0, 1)]
    paths = [written(tmp_path / f"{k}.json", half) for k, half in enumerate(halves)]
    assert merge(paths[:1]).unfinished() == {"lemma-3"}
    assert json.loads(Path(paths[0]).read_text())["results"]["lemma-3"]["finished"] is False
    assert merge(paths).unfinished() == set()


def test_of_two_results_of_one_piece_the_worse_one_stays() -> None:
    (piece, found), *_ = everything(names=["prop-4"]).items()
    kind = next(iter(found.findings))
    worse = replace(found, findings={kind: replace(found.findings[kind], worst_ratio=1.5)})
    assert piecework.union({piece: found}, {piece: worse}) == {piece: worse}
    assert piecework.union({piece: worse}, {piece: found}) == {piece: worse}


def test_a_contradiction_or_a_lack_is_worse_than_any_ratio() -> None:
    (piece, found), *_ = everything(names=["prop-4"]).items()
    kind = next(iter(found.findings))
    other = replace(found.findings[kind], worst_ratio=0.1)
    high, lacking, refuted = (
        replace(found, findings={kind: replace(other, **change), "other": other})
        for change in ({"worst_ratio": 0.9}, {"lacks": frozenset("x")}, {"refutes": frozenset("x")})
    )
    for worse in (lacking, refuted):
        assert piecework.union({piece: high}, {piece: worse}) == piecework.union({piece: worse}, {piece: high})
        assert piecework.union({piece: high}, {piece: worse}) == {piece: worse}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"seed": True}, "seed of a run cannot be 'True'"),
        ({"stacks": 0}, "--stacks 0 must be at least 1"),
        ({"claims": [3]}, "the claims of a run are not names"),
        ({"runs": [{"seed": True}]}, "seed of a run cannot be 'True'"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, config: dict, sentence: str) -> None:
    path = Path(written(tmp_path / "x.json", record(names=["prop-4"])))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"config": config}))
    with pytest.raises((FileFormatError, InvalidValueError), match=sentence):
        merge([str(path)])


def test_a_record_of_another_device_is_read_here(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "x.json", record(names=["prop-4"])))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"config": {"device": "cuda", "condition": 5.0}}))
    assert merge([str(path)]).configs == ({"device": "cuda", "condition": 5.0},)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda raw: raw | {"schema": 1}, "has schema 1, and this version reads 2: verify again with it"),
        (lambda raw: raw | {"what": "similarity"}, "is not what `ioadapt verify --format json` writes"),
        (lambda raw: {"results": 3}, "is not what `ioadapt verify --format json` writes"),
        (lambda raw: raw | {"pieces": 3}, "writes: 'int' object is not iterable"),
        (lambda raw: raw | {"pieces": [{}]}, "writes: 'run' is missing"),
        (lambda raw: planted(raw, "claim", "unheard-of"), "results on 'unheard-of', which is no claim of this version"),
        (lambda raw: planted(raw, "statement", "x"), "is about lemma-3 as other code states, proves or searches it"),
        (lambda raw: planted(raw, "part", -1), "'lemma-3' has no piece -1 of strategy"),
        (lambda raw: planted(raw, "seconds", "x"), "'x' is not a ratio"),
        (lambda raw: planted(raw, "findings", {"random": {"instances": "12"}}), "'12' is not a count"),
        (lambda raw: planted(raw, "findings", {"dream": {}}), "'dream' is not a valid Evidence"),
        (lambda raw: raw | {"config": {"seed": 1, "x": 2}}, "unexpected keyword argument 'x'"),
    ],
)
def test_what_is_no_record_of_this_version_is_refused(tmp_path: Path, change: object, sentence: str) -> None:
    path = Path(written(tmp_path / "x.json", record(names=["lemma-3"])))
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(FileFormatError, match=sentence):
        merge([str(path)])


def planted(raw: dict, key: str, value: object) -> dict:
    return raw | {"pieces": [raw["pieces"][0] | {key: value}, *raw["pieces"][1:]]}


def test_no_name_of_a_file_reaches_a_terminal_as_it_is(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "x.json", record(names=["lemma-3"])))
    raw = json.loads(path.read_text())
    name = next(iter(raw["pieces"][0]["findings"]))
    raw["pieces"][0]["findings"][name]["proves"] = ["\x1b[31m\x9b\u202e"]
    path.write_text(json.dumps(raw))
    text = merge([str(path)]).text(["lemma-3"])
    assert all(c.isprintable() or c == "\n" for c in text)
    assert json.loads(text)["pieces"][0]["findings"][name]["proves"] == ["\x1b[31m\x9b\u202e"]


def test_versions_that_only_one_side_has_are_named() -> None:
    assert piecework._difference('{"a": "1"}', '{"a": "1", "b": "2"}') == "b None (here 2)"
    assert piecework._difference('{"a": "1", "b": "2"}', '{"a": "3"}') == "a 1 (here 3), b 2 (here None)"


def test_records_of_different_versions_are_not_united(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "x.json", record(names=["lemma-3"])))
    other = tmp_path / "y.json"
    raw = json.loads(path.read_text())
    other.write_text(json.dumps(raw | {"pieces": [p | {"versions": {"torch": "9.9"}} for p in raw["pieces"]]}))
    assert merge([str(other)]).claims == ["lemma-3"]
    with pytest.raises(FileFormatError, match=r"by different versions, .*9\.9.*: verify again with the same"):
        merge([str(path), str(other)])


@pytest.mark.parametrize(
    ("run", "jobs", "sentence"),
    [
        (Run(stacks=0), 1, "--stacks 0 must be at least 1"),
        (Run(samples=-5), 1, "--samples -5 must be at least 1"),
        (Run(depth=0), 1, "--depth 0 must be at least 1"),
        (Run(condition=float("nan")), 1, "--condition nan must be at least 1"),
        (Run(), 0, "--jobs 0 must be at least 1"),
        (Run(), 1025, "--jobs 1025 must be at most 1024"),
        (Run(stacks=10**9 + 1), 1, r"--stacks 1e\+09 must be at most 1e\+09"),
        (Run(samples=10**9 + 1), 1, r"--samples 1e\+09 must be at most 1e\+09"),
        *(
            (Run(**{name: 10**6 + 1}), 1, f"--{name} 1e.06 must be at most 1e.06")
            for name in ("instances", "starts", "steps")
        ),
        (Run(depth=1001), 1, "--depth 1001 must be at most 1000"),
        (Run(rank=10_001), 1, "--rank 10001 must be at most 10000"),
        (Run(condition=1.1e12), 1, r"--condition 1\.1e\+12 must be at most 1e\+12"),
        (Run(condition=0.5), 1, r"--condition 0\.5 must be at least 1"),
        (Run(device="nowhere"), 1, "Device 'nowhere' cannot be used"),
    ],
)
def test_settings_that_cannot_work(run: Run, jobs: int, sentence: str) -> None:
    with pytest.raises(InvalidValueError, match=sentence):
        check(run, jobs)


def test_the_largest_settings_are_no_error() -> None:
    ten = {name: 10**6 for name in ("instances", "starts", "steps")}
    check(Run(stacks=10**9, samples=10**9, depth=1000, rank=10_000, condition=1e12, **ten), 1024)
    one = dict.fromkeys(("stacks", "samples", "instances", "starts", "steps", "depth", "rank"), 1)
    check(Run(**one, condition=1.0), 1)


def test_a_worst_instance_can_be_replayed_from_a_record() -> None:
    from ioadapt_theory.claims.evaluation import evaluate

    found = json.loads(json.dumps(verify(CLAIMS["prop-2-output-abs"], SMALL).to_json()))
    worst = found["findings"]["adversarial"]
    assert evaluate(CLAIMS["prop-2-output-abs"], worst["worst"]).decisive_ratio == pytest.approx(worst["worst_ratio"])


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "ioadapt-theory" / "verify"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "ioadapt-theory" / "verify"
