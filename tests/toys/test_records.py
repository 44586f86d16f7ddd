"""Records of full runs are complete, follow the protocol, match the pages, and are close to a repetition."""

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest
from scipy import stats

from toys.glyphs.family import base
from toys.transfer import code, command
from toys.transfer.output import page
from toys.transfer.protocol import names, protocol
from toys.transfer.records import DATA, cases, recorded
from toys.transfer.runs import Run
from toys.transfer.study import NONE
from toys.transfer.verdicts import repetition
from toys.transfer.verdicts.endpoint import can_be_formed

RECORDED = [name for name in names() if recorded(name)]


@pytest.mark.parametrize("name", RECORDED)
def test_a_record_is_small_and_of_the_whole_protocol(name: str):
    plan, result = protocol(name), recorded(name)
    assert (DATA / f"{name}_record.json").stat().st_size < 300_000
    assert {"processor", "kernels", "python"} < set(result["config"])
    assert {"torch", "python"} <= set(result["versions"])
    assert result["config"]["seeds"] == list(range(plan.seeds))
    assert tuple(cases(result)) == plan.cases
    for one in cases(result).values():
        assert set(one["rates"]) == set(plan.methods)
        for row in (NONE, *plan.methods):
            assert {len(values) for values in one["rows"][row].values()} == {plan.seeds}
            assert set(one["rows"][row]) == {"source", *plan.targets}
        for method, rate in one["rates"].items():
            assert len(rate["validation"]) >= plan.rule.least, method
        for target, method in plan.exact.items():
            assert one["rows"][method][target] == pytest.approx(one["rows"][method]["source"], rel=1e-4)


def test_a_record_of_other_code_is_named(tmp_path: Path):
    (tmp_path / "toys/data").mkdir(parents=True)
    file, record = tmp_path / "toys/a.py", tmp_path / "toys/data/a.json"
    text = 'def f(x):\n    """Add."""\n    return {"y": [x + 1]}  # one\n'
    file.write_text(text)

    def found() -> list[str]:
        return code.older(tmp_path)

    def wrote(**config: Any) -> None:
        record.write_text(json.dumps({"config": {"command": "python a.py", **config}}))

    wrote()
    assert found() == ["toys/data/a.json does not say which code made it; the command is python a.py"]
    wrote(code={"of": ["toys"], "digest": code.digest(["toys"], tmp_path)})
    assert found() == []
    file.write_text(
        text.replace("Add", "Add one").replace("# one", "# 1").replace("[x + 1]", "[\n        x + 1\n    ]")
    )
    (tmp_path / "toys/output.py").write_text("y = 1\n")  # only shows results
    assert found() == []
    changes = ("1]", "2]"), ('"y"', '"z"'), ("[x", "[-x"), ("[x", '["", x')
    for changed in (text.replace(*change) for change in changes):
        file.write_text(changed)
        assert found() == ["toys/data/a.json was made by other code; make it again: python a.py"]


def test_a_digest_does_not_depend_on_the_version_of_python(tmp_path: Path):
    text = "class A:\n    x: int = 0\n\n    def f(self, *a: str, **k: int) -> str:\n"
    (tmp_path / "a.py").write_text(
        f'{text}        match a:\n            case [b]:\n                return f"{{b!r:>{{self.x}}}}"\n'
    )
    assert code.digest(["a.py"], tmp_path) == "5f664dfe2c131946"


@pytest.mark.parametrize("name", RECORDED)
def test_the_differences_of_shares_follow_from_the_record(name: str):
    plan, result = protocol(name), recorded(name)
    text, told = page.details(plan, result), can_be_formed(plan, result)
    for row, method in plan.methods.items():
        gaps = []  # cells x seeds
        for one in cases(result).values():
            for target in plan.related:
                none, best = (np.array(one["rows"][r][target]) for r in (NONE, "lora, retrained"))
                moved, other = (np.array(one["rows"][r][target]) for r in (row, method.against))
                gaps.append((other - moved) / (none - best).mean())
        by_seed = np.mean(gaps, axis=0)
        half = stats.t.ppf(0.975, len(by_seed) - 1) * stats.sem(by_seed)
        line = f"| {page.label(row)} minus {page.label(method.against)} | {by_seed.mean():.2f} ± {half:.2f} |"
        assert (line in text) == (told and row != method.against)


def source_alone(blank, known, other, taught, **how):
    """Return only the source, in place of ``family``, since training the targets takes most of the time."""
    del other, taught
    return {"source": base(blank, known, **how)}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED)
def test_a_seed_that_is_run_again_keeps_the_conclusion(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A different processor acts like a new seed, so LoRA's result must lie where 9,999 of 10,000 seeds would."""
    if name in {"diffusion", "encoder", "control"}:
        monkeypatch.setattr(f"toys.{name}.family", source_alone)
    plan, result = protocol(name), recorded(name)
    case, one = next(iter(cases(result).items()))
    lora = plan.methods["lora"]
    rate = one["rates"]["lora"]["rate"]
    unit = Run(toy=plan.world, size="full", seed=0, what="train", rule=plan.rule, method=lora, rate=rate, case=case)
    measured = unit.result(tmp_path)["measured"][plan.measure]
    known, none = one["rows"]["lora"]["source"], one["rows"][NONE]["source"]
    assert measured < none[0]  # of the same seed
    half = stats.t.ppf(1 - 0.5e-4, len(known) - 1) * stdev(known) * (1 + 1 / len(known)) ** 0.5
    assert abs(measured - mean(known)) < half


def repeated(by: float) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return a study's protocol, its record, and an invented repetition of seeds 1 and 2 with shifted results."""
    plan, record = protocol("control"), recorded("control")
    rows = {
        row: {m: [None if x is None else x + by * stdev(values) for x in values[1:3]] for m, values in of.items()}
        for row, of in record["rows"].items()
        if not any(None in values for values in of.values())
    }
    return plan, record, {"config": {"seeds": [1, 2]}, "rows": rows}


def test_the_distance_from_a_record_is_in_standard_deviations_of_its_seeds():
    plan, record, result = repeated(0.5)
    compared = repetition.distances(plan, record, result)
    for one in compared:
        assert one.rms == pytest.approx(0.5 if one.gaps else 0)
        assert one.gaps == pytest.approx([0.5] * len(one.gaps))
    text = repetition.text(plan, record, compared, 2)
    assert "torch 2.13.0+cpu, python 3.11.7" in text
    assert "0.50" in text


@pytest.mark.parametrize(("by", "status"), [(0.5, 0), (3.0, 1)])
def test_compare_repeats_the_record_and_writes_nothing(by, status, tmp_path: Path, capsys):
    plan, record, result = repeated(by)

    def run(plan, *, seeds, repeat, quick, **more):
        assert (seeds, repeat, quick) == ((1, 2), True, False)
        return {"rows": result["rows"]}

    options = ["--compare", "--seed", "1", "--out", str(tmp_path)]
    assert command.main("control", "doc", options, run) == status
    said = capsys.readouterr().out
    assert said == repetition.text(plan, record, repetition.distances(plan, record, result), 2)
    assert ("the tolerance: none" in said) == (status == 0)
    assert not [*tmp_path.iterdir()]
    assert command.main("control", "doc", [*options, "--seeds", "99"], run) == 2
    assert "4, 5), not 6; change --seed or --seeds." in capsys.readouterr().err
    assert command.main("control", "doc", [*options, "--quick"], run) == 2
    assert "--compare cannot be combined with --quick" in capsys.readouterr().err
