"""python toys/molecules.py: what it computes is kept, resumed and written whole; its words follow its figures."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from figures import molecules as figure
from toys import molecules as toy
from toys.ani import table
from toys.ani.molecules import Task
from toys.ani.summary import comparisons
from toys.ani.training import METHODS
from toys.ani.units import ROLES, SCALES, Training, runner

TINY = toy.Config(tasks=(Task.WATER,), members=2, steps=10, every=10, size=8, rates=())
UNITS = 2 * (len(METHODS) + 2)
"""Trainings in TINY: every method on the source, LoRA on both targets."""


def pretended(training: Training, device: str = "cpu") -> dict[str, Any]:
    """What a training might give, at once."""
    del device
    level = {"lora": 1.0, "input": 1.2, "output": 1.1, "lora_first": 1.3, "first": 1.4}[training.method]
    roles = ROLES if training.role == "source" else (training.role,)
    moved = {r: {str(s): level + s * ROLES.index(r) + 0.01 * training.member for s in SCALES} for r in roles}
    return {"validation": level, "step": 1, "steps": 2, "numbers": 3, "none": dict.fromkeys(roles, 2.0), "moved": moved}


@pytest.fixture
def pretending(monkeypatch: pytest.MonkeyPatch) -> list[Training]:
    """Trainings do not train; the list has those that were asked for."""
    asked: list[Training] = []

    def measure(training: Training, device: str = "cpu") -> dict[str, Any]:
        asked.append(training)
        return pretended(training, device)

    monkeypatch.setattr(Training, "measure", measure)
    monkeypatch.setattr(toy, "QUICK", TINY)
    return asked


def test_a_tiny_run_trains_moves_and_measures(tmp_path: Path):
    result = toy.run(TINY, cache=tmp_path)
    water = result["tasks"]["water"]
    assert water["none"]["source"] == pytest.approx(water["none"]["related"], rel=1e-5)
    assert set(water["methods"]) == set(METHODS)
    assert max(water["methods"]["lora"]["best_step"]) > 0
    assert len({str(errors["1.0"]) for errors in water["methods"]["lora"]["moved"].values()}) == len(ROLES)
    assert toy.run(TINY, cache=tmp_path) == result
    assert len(list(tmp_path.glob("*.json"))) == UNITS
    json.dumps(result, allow_nan=False)


def test_another_process_changes_nothing(tmp_path: Path):
    one = Training(task=Task.GFN2, method="first", rate=1e-3, member=1, seed=5, steps=10, every=10, size=8)
    found = []
    for jobs in (1, 2):
        with runner(tmp_path / str(jobs), device="cpu", jobs=jobs, progress=lambda added, done: None) as run:
            found.append(run([one]))
    assert found[0] == found[1]


def test_the_same_run_is_done_once_and_another_seed_anew(tmp_path: Path, pretending: list[Training]):
    first = toy.run(TINY, cache=tmp_path)
    assert len(pretending) == UNITS
    assert toy.run(TINY, cache=tmp_path) == first
    assert len(pretending) == UNITS
    toy.run(replace(TINY, seed=1), cache=tmp_path)
    assert len(pretending) == 2 * UNITS


def test_after_ctrl_c_what_was_finished_is_kept(
    tmp_path: Path, pretending: list[Training], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def measure(training: Training, device: str = "cpu") -> dict[str, Any]:
        if len(pretending) == 5:
            raise KeyboardInterrupt
        pretending.append(training)
        return pretended(training, device)

    kept = Training.measure
    monkeypatch.setattr(Training, "measure", measure)
    command = ["--quick", "--jobs", "1", "--out", str(tmp_path)]
    assert toy.main(command) == 130
    assert capsys.readouterr().err == "molecules: interrupted.\n"
    assert [p.name for p in tmp_path.iterdir()] == ["cache"]
    monkeypatch.setattr(Training, "measure", kept)
    assert toy.main(command) == 0
    assert len(pretending) == UNITS


def test_the_command_writes_picture_and_record_and_prints_the_table(
    tmp_path: Path, pretending: list[Training], capsys: pytest.CaptureFixture[str]
):
    assert toy.main(["--quick", "--seed", "7", "--jobs", "1", "--out", str(tmp_path)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"cache", "molecules.json", "molecules.png", "molecules.svg"}
    stored = json.loads((tmp_path / "molecules.json").read_text())
    assert stored["config"]["command"] == "python toys/molecules.py --quick --seed 7"
    assert {training.seed for training in pretending} == {7}
    said = capsys.readouterr().out
    result = {"config": stored["config"], **stored["results"]}
    assert table.text(result) in said
    assert stored["results"]["comparisons"] == json.loads(json.dumps(comparisons(result)))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--members", "1"], "'1' is not a whole number from 2 to 8"),
        (["--jobs", "0"], "'0' is not a whole number from 1 to 256"),
        (["--device", "abacus"], "'abacus' cannot be used"),
        (["--what"], "Unrecognized arguments: --what"),
    ],
)
def test_misuse_is_one_sentence_and_writes_nothing(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert toy.main([*arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_folder_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "out").write_text("mine")
    assert toy.main(["--quick", "--out", str(tmp_path / "out")]) == 2
    assert "out is a file; name a folder." in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


def test_a_missing_torchani_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    import sys

    from toys.ani import networks

    monkeypatch.setitem(sys.modules, "torchani", None)
    networks._torchani.cache_clear()
    networks._read.cache_clear()
    assert toy.main(["--quick"]) == 2
    assert "pip install 'ioadapt-theory[molecules]'" in capsys.readouterr().err


def test_the_recorded_run_is_the_default_one_with_every_learning_rate_bracketed():
    recorded = toy.recorded_run()
    ours = json.loads(json.dumps(toy.asdict(toy.Config())))
    assert {key: recorded["config"][key] for key in ours} == ours
    assert recorded["config"]["command"] == "python toys/molecules.py --seed 0"
    methods = [method for task in recorded["tasks"].values() for method in task["methods"].values()]
    assert len(methods) == 2 * len(METHODS)
    assert all(method["interior"] for method in methods)


def test_the_recorded_intervals_are_those_of_the_recorded_errors():
    stored = json.loads(toy.RECORD.read_text())
    assert stored["results"]["comparisons"] == json.loads(json.dumps(comparisons(toy.recorded_run())))


def test_the_figure_is_drawn_from_the_record():
    assert figure.compute(seed=0) == figure.compute(seed=0, quick=True) == toy.recorded_run()
