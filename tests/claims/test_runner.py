"""Work in parts: resumable, the same in one process or several, and merging what several machines wrote."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ioadapt_theory.claims import CLAIMS, Run, runner, verify
from ioadapt_theory.claims.runner import Journal, check, merge, pieces, results, total
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.results import record, write_json

SMALL = Run(instances=50, starts=4, steps=3, stacks=70, samples=50)
NAMES = ["lemma-3", "prop-2-output-abs"]


def everything(jobs: int) -> dict[str, object]:
    return total(NAMES, (found for _, found in results(pieces(NAMES, SMALL), SMALL, jobs)))


def test_pieces_add_up_to_a_verification() -> None:
    assert everything(1) == {name: verify(CLAIMS[name], SMALL) for name in NAMES}


def test_two_processes_find_the_same() -> None:
    assert everything(2) == everything(1)


def test_a_part_has_at_most_32_stacks() -> None:
    parts = [part for name, strategy, part in pieces(["lemma-3"], SMALL) if part > 0]
    assert parts == [1, 2]


def test_a_journal_gives_back_what_was_finished_and_forgets_a_broken_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path, NAMES, SMALL, "1")
    done = list(results(pieces(NAMES, SMALL), SMALL, 1))
    for piece, found in done:
        journal.add(piece, found)
    with journal.path.open("a") as file:
        file.write('["lemma-3", 9, 9, {"cla')
    assert journal.read() == dict(done)
    journal.remove()
    assert journal.read() == {}


@pytest.mark.parametrize(("names", "run"), [(["lemma-3"], SMALL), (NAMES, Run(seed=1))])
def test_another_run_has_another_journal(tmp_path: Path, names: list[str], run: Run) -> None:
    assert Journal(tmp_path, names, run, "1").path != Journal(tmp_path, NAMES, SMALL, "1").path


def test_records_of_two_seeds_merge(tmp_path: Path) -> None:
    parts = []
    for seed in (1, 2):
        run = Run(**asdict(SMALL) | {"seed": seed})
        found = verify(CLAIMS["lemma-3"], run)
        write_json(tmp_path / f"{seed}.json", record("verify", config={}, results={"lemma-3": found.to_json()}))
        parts.append(found)
    assert merge([str(tmp_path / f"{seed}.json") for seed in (2, 1)]) == {"lemma-3": parts[0] | parts[1]}


@pytest.mark.parametrize("content", ["{}", '{"results": 3}', '{"results": {"a": {"claim": "a"}}}'])
def test_merging_something_else(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(FileFormatError, match=r"x\.json' is not what `ioadapt verify --format json` writes"):
        merge([str(path)])


@pytest.mark.parametrize(
    ("run", "jobs", "sentence"),
    [
        (Run(stacks=0), 1, "--stacks 0 must be at least 1"),
        (Run(samples=-5), 1, "--samples -5 must be at least 1"),
        (Run(depth=0), 1, "--depth 0 must be at least 1"),
        (Run(condition=float("nan")), 1, "--condition nan must be at least 1"),
        (Run(), 0, "--jobs 0 must be at least 1"),
        (Run(device="nowhere"), 1, "Device 'nowhere' cannot be used"),
    ],
)
def test_settings_that_cannot_work(run: Run, jobs: int, sentence: str) -> None:
    with pytest.raises(InvalidValueError, match=sentence):
        check(run, jobs)


def test_a_worst_instance_can_be_replayed_from_a_record() -> None:
    from ioadapt_theory.claims.evaluation import evaluate

    found = json.loads(json.dumps(verify(CLAIMS["prop-2-output-abs"], SMALL).to_json()))
    worst = found["findings"]["adversarial"]
    assert evaluate(CLAIMS["prop-2-output-abs"], worst["worst"]).decisive_ratio == pytest.approx(worst["worst_ratio"])


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tmp_path in runner.default_folder().parents
