"""The protocol of the studies: its file is read, every unit runs once, exact cases are exact."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ioadapt_theory.results import fingerprint
from tests.adapters.foreign import filled
from tests.toys.test_worlds import generator, inputs
from toys.diffusion import LAYERS
from toys.transfer import cache
from toys.transfer.protocol import protocol
from toys.transfer.rows import adapted, carried, carries
from toys.transfer.runner import runner
from toys.transfer.runs import Run
from toys.transfer.study import Study

PLAN = protocol("control")


def test_every_way_to_carry_a_lora_gives_it_back_on_the_source_where_it_is_said_to_be_exact():
    source, given = generator("diffusion"), inputs("diffusion")
    rules = carries(LAYERS, PLAN.rule.ridge)
    one = filled(adapted(source, PLAN.methods["lora"], LAYERS, 0), ".B")
    for row in ("Eq. 5 input, plain", "Eq. 5 output, plain", "Eq. 5 residual, plain"):
        back = carried(one, source, source, rules[row])(*given)
        torch.testing.assert_close(back, one(*given), rtol=1e-6, atol=1e-8)
    ridge = carried(one, source, source, rules["Eq. 5 input, ridge"])(*given)
    assert not torch.allclose(ridge, one(*given))


@pytest.mark.slow
def test_processes_and_resumed_runs_give_the_same_figures(tmp_path: Path):
    lora = PLAN.methods["lora"]
    unit = Run(toy=PLAN.world, size="quick", seed=0, what="train", rule=PLAN.rule, method=lora, rate=0.01)
    units, found = [unit, replace(unit, rate=0.005)], []
    for jobs, folder in ((1, "one"), (2, "two"), (1, "two")):
        with runner(tmp_path / folder, jobs, lambda added, done: None) as run:
            found.append(run(units))
    assert found[0] == found[1] == found[2]


def test_every_row_stands_by_seed_in_whatever_order_runs_are_finished():
    models, seeds = ("source", *PLAN.targets), (3, 1, 2)

    def run(todo: list[Run]) -> dict[Run, dict[str, object]]:
        return {unit: figures(unit) for unit in sorted(todo, key=lambda unit: unit.seed)}

    def figures(unit: Run) -> dict[str, object]:
        measured = dict.fromkeys((PLAN.measure, *PLAN.also), unit.seed)
        here = dict.fromkeys(models, measured)
        match unit.what:
            case "facts":
                alike = {target: {LAYERS[0]: unit.seed} for target in PLAN.targets}
                return {"none": here, "own": dict.fromkeys(models, unit.seed), "cosines": alike}
            case "move":
                return {str(s): here for s in PLAN.rule.strengths}
            case "carry":
                return {"LoRA-X": here}
            case _:
                return {"validation": 1.0, "numbers": 1, "measured": measured}

    found = Study(PLAN, seeds, "quick", rates=dict.fromkeys(PLAN.methods, 0.01)).results(run)
    assert {tuple(values) for row in found["rows"].values() for values in row.values()} == {seeds}
    assert {tuple(values) for values in found["own"].values()} == {seeds}
    assert {tuple(one[LAYERS[0]]) for one in found["cosines"].values()} == {seeds}


def test_the_grid_of_rates_grows_until_the_best_has_worse_neighbours():
    best = 0.1

    def run(todo: list[Run]) -> dict[Run, dict[str, object]]:
        return {u: {"validation": abs(math.log10(u.rate / best)), "numbers": 1, "size": 1.0} for u in todo}

    found = Study(PLAN, (0, 1), "quick")._tuned(run, PLAN.methods["lora"], "lora")
    assert found["rate"] == best
    assert found["interior"]
    assert len(found["validation"]) >= PLAN.rule.least


@pytest.mark.parametrize(
    "stored", ["{", '{"config": {"seed": 9}, "results": {}}', '{"config": {"seed": 1}, "results": 3}']
)
def test_figures_are_computed_once_and_again_where_the_file_is_broken_or_foreign(tmp_path, stored):
    (tmp_path / f"{fingerprint({'seed': 1})}.json").write_text(stored)
    counts = iter((1, 2))
    results = [cache.figures(tmp_path, {"seed": seed}, lambda: {"y": next(counts)}) for seed in (1, 1, 2)]
    assert results == [{"y": 1}, {"y": 1}, {"y": 2}]
