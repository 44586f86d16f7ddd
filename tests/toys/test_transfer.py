"""The protocol of experiments: its file is read, its rule errs as seldom as it says, and what is exact is exact."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ioadapt_theory.adapters import count
from toys.transfer import gauges
from toys.transfer.judge import Verdict, claim, comparisons
from toys.transfer.output import screen
from toys.transfer.protocol import protocol
from toys.transfer.rows import adapted, carried, carries, moved, randomised
from toys.transfer.runner import runner
from toys.transfer.runs import Run
from toys.transfer.study import Study
from toys.words.model import BYTES, HEADS, LAYERS, Model
from toys.words.text import LENGTH, corpora

PLAN = protocol("language")
SEEDS = 12


def model(seed: int = 0) -> Model:
    torch.manual_seed(seed)
    return Model()


def text() -> torch.Tensor:
    return torch.randint(BYTES, (3, LENGTH), generator=torch.Generator().manual_seed(1))


def test_the_protocol_names_what_the_toy_has():
    assert set(PLAN.exact.values()) <= set(PLAN.methods)
    assert len(PLAN.rule.ladder) > PLAN.rule.least >= 5
    assert 1.0 in PLAN.rule.strengths
    assert {"lora", "input", "output"} <= set(PLAN.methods)


def test_methods_have_the_ranks_or_the_numbers_of_lora():
    numbers = {name: count(adapted(model(), m, LAYERS, 0)) for name, m in PLAN.methods.items()}
    for name, method in PLAN.methods.items():
        if method.match == "rank":
            assert method.rank == PLAN.methods["lora"].rank
        else:
            assert numbers[name] == pytest.approx(numbers["lora"], rel=0.05)


@pytest.mark.parametrize(
    "gauge",
    [lambda m: gauges.heads(m, 3, HEADS), lambda m: gauges.neurons(m, 3), lambda m: gauges.stream(m, 3)],
)
def test_a_gauge_changes_the_weights_and_not_the_function(gauge):
    one = model().double()
    other = gauge(one)
    torch.testing.assert_close(other(text()), one(text()))
    changed = [not torch.equal(a, b) for a, b in zip(one.blocks.parameters(), other.blocks.parameters(), strict=True)]
    assert sum(changed) >= 4


@pytest.mark.parametrize("target", PLAN.exact)
def test_the_side_that_must_be_exact_is_exact_and_lora_is_not(target):
    source = model().double()
    there = {"heads": gauges.heads(source, 3, HEADS), "neurons": gauges.neurons(source, 3)}.get(target)
    there = gauges.stream(source, 3) if there is None else there
    for name, exact in ((PLAN.exact[target], True), ("lora", False)):
        one = adapted(source, PLAN.methods[name], LAYERS, 0)
        one = randomised(trained(one), 5)
        gap = (moved(one, there)(text()) - one(text())).abs().max() / (one(text()) - source(text())).abs().max()
        assert (gap < 1e-9) == exact


def trained(one: torch.nn.Module) -> torch.nn.Module:
    """As if: B is not zero any more."""
    with torch.no_grad():
        for name, p in one.named_parameters():
            if name.endswith(".B"):
                p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(7), dtype=p.dtype) / 10)
    return one


def test_a_random_adapter_has_the_norms_of_the_trained_one():
    one = trained(adapted(model(), PLAN.methods["lora"], LAYERS, 0))
    other = randomised(one, 3)
    state, drawn = one.state_dict(), other.state_dict()
    for key in (k for k in state if k.endswith(".A")):
        b = key.removesuffix("A") + "B"
        torch.testing.assert_close((state[key] @ state[b]).norm(), (drawn[key] @ drawn[b]).norm())
        assert not torch.allclose(state[key], drawn[key])


def test_every_way_to_carry_a_lora_gives_it_back_on_the_source_where_it_is_said_to_be_exact():
    source = model().double()
    one = trained(adapted(source, PLAN.methods["lora"], LAYERS, 0))
    rules = carries(LAYERS, PLAN.rule.ridge)
    square = tuple(name for name in LAYERS if "_proj" not in name)
    one = trained(adapted(source, PLAN.methods["lora"], square, 0))
    for row in ("Eq. 5 input, plain", "Eq. 5 output, plain", "Eq. 5 residual, plain"):
        torch.testing.assert_close(carried(one, source, source, rules[row])(text()), one(text()), rtol=1e-6, atol=1e-8)
    ridge = carried(one, source, source, rules["Eq. 5 input, ridge"])(text())
    assert not torch.allclose(ridge, one(text()))


def world(rng: np.random.Generator, shift: dict[str, float], noise: float = 0.01) -> dict[str, dict[str, list[float]]]:
    """Rows with planted differences from LoRA on every related target, and none on the source."""
    base = rng.normal(2.5, 0.1, SEEDS)
    models = ("source", *PLAN.related)
    return {
        row: {m: (base + (m != "source") * shift.get(row, 0.0) + rng.normal(0, noise, SEEDS)).tolist() for m in models}
        for row in PLAN.methods
    }


def test_in_a_null_world_a_table_has_a_decided_cell_at_most_once_in_twenty():
    rng = np.random.default_rng(0)
    tables = 150
    decided = sum(
        any(c.verdict in {Verdict.BETTER, Verdict.WORSE} for c in comparisons(PLAN, world(rng, {})))
        for _ in range(tables)
    )
    assert decided / tables < 0.05 + 3 * math.sqrt(0.05 * 0.95 / tables)


@pytest.mark.parametrize(
    ("planted", "said"), [(-0.1, Verdict.SUPPORTS), (0.1, Verdict.CONTRADICTS), (0.0, Verdict.EQUIVALENT)]
)
def test_what_is_planted_is_what_is_said(planted, said):
    rows = world(np.random.default_rng(1), {"input": planted}, noise=0.003)
    assert claim([c for c in comparisons(PLAN, rows) if c.row == "input"]) is said


def test_too_few_seeds_to_tell_is_undecided():
    rows = world(np.random.default_rng(2), {}, noise=0.05)
    assert claim([c for c in comparisons(PLAN, rows) if c.row == "input"]) is Verdict.UNDECIDED


def test_better_everywhere_by_as_much_as_on_the_source_is_no_support():
    rows = world(np.random.default_rng(3), {"input": -0.1}, noise=0.003)
    rows["input"]["source"] = [value - 0.1 for value in rows["lora"]["source"]]
    assert claim([c for c in comparisons(PLAN, rows) if c.row == "input"]) is Verdict.UNDECIDED


def test_worse_everywhere_by_as_much_as_on_the_source_contradicts_nothing():
    rows = world(np.random.default_rng(3), {"input": 0.1}, noise=0.003)
    rows["input"]["source"] = [value + 0.1 for value in rows["lora"]["source"]]
    found = [c for c in comparisons(PLAN, rows) if c.row == "input"]
    assert claim(found) is Verdict.UNDECIDED
    assert {c.verdict for c in found} == {Verdict.WORSE}
    assert {c.beyond for c in found} == {Verdict.EQUIVALENT}


def test_intervals_are_those_of_scipy():
    from scipy import stats

    rows = world(np.random.default_rng(4), {"input": -0.02})
    for c in comparisons(PLAN, rows):
        found = stats.ttest_rel(rows[c.row][c.target], rows["lora"][c.target]).confidence_interval(0.95)
        assert (c.difference.low, c.difference.high) == pytest.approx((found.low, found.high))


def test_the_papers_table_is_quoted_as_signs():
    assert " ".join(screen.printed("Table 6")).count("above the weight's in") == 2


def units(rates: int) -> list[Run]:
    lora = PLAN.methods["lora"]
    return [
        Run(toy="language", size="quick", seed=0, what="train", rule=PLAN.rule, method=lora, rate=0.01 / (k + 1))
        for k in range(rates)
    ]


def test_processes_and_resumed_runs_give_the_same_figures(tmp_path: Path):
    found = []
    for jobs, folder in ((1, "one"), (2, "two"), (1, "two")):
        with runner(tmp_path / folder, jobs, None, lambda added, done: None) as run:
            figures = run(units(2))
        found.append([figures[unit] for unit in units(2)])
    assert found[0] == found[1] == found[2]


def test_a_file_that_was_cut_short_is_done_again(tmp_path: Path):
    first = units(1)[0].result(tmp_path)
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:40])
    assert units(1)[0].result(tmp_path) == first


def test_every_row_stands_by_seed_in_whatever_order_runs_are_finished():
    models, seeds = ("source", *PLAN.targets), (3, 1, 2)

    def run(todo: list[Run]) -> dict[Run, dict[str, object]]:
        return {unit: figures(unit) for unit in sorted(todo, key=lambda unit: unit.seed)}

    def figures(unit: Run) -> dict[str, object]:
        here = {m: {"loss": unit.seed} for m in models}
        match unit.what:
            case "facts":
                alike = {target: {LAYERS[0]: {"weight": unit.seed}} for target in PLAN.targets}
                return {"none": here, "own": dict.fromkeys(models, unit.seed), "similarity": alike}
            case "move":
                return {str(s): here for s in PLAN.rule.strengths}
            case "carry":
                return {"LoRA-X": here}
            case _:
                return {"validation": 1.0, "numbers": 1, "measured": {"loss": unit.seed}}

    found = Study(PLAN, seeds, "quick", rates=dict.fromkeys(PLAN.methods, 0.01)).results(run)
    assert {tuple(values) for row in found["rows"].values() for values in row.values()} == {seeds}
    assert {tuple(values) for values in found["own"].values()} == {seeds}
    assert {tuple(one[LAYERS[0]]["weight"]) for one in found["similarity"].values()} == {seeds}


def test_brief_models_see_copies_at_full_strength_alone_and_twins_are_retrained_once():
    rule = replace(PLAN.rule, brief=("heads", "independent"))
    plan = replace(PLAN, rule=rule, twins={"independent": "continued"})
    asked: set[tuple[str, str]] = set()

    def run(todo: list[Run]) -> dict[Run, dict[str, object]]:
        asked.update((unit.what, unit.where) for unit in todo)
        return {unit: {"sides": {}, "measured": {"loss": 1.0}} for unit in todo}

    study, rates = Study(plan, (0,), "quick"), {name: {"rate": 0.01} for name in plan.methods}
    made, retrained = study._made_for_a_target(run, rates), study._retrained(run, rates)
    assert set(made["auto"]) == set(plan.targets) - {"heads", "independent"}
    assert "independent" in retrained["lora, retrained"]
    assert ("train", "independent") not in asked


def test_the_grid_of_rates_grows_until_the_best_has_worse_neighbours():
    best = 0.1

    def run(todo: list[Run]) -> dict[Run, dict[str, object]]:
        return {u: {"validation": abs(math.log10(u.rate / best)), "numbers": 1, "size": 1.0} for u in todo}

    found = Study(PLAN, (0, 1), "quick")._tuned(run, PLAN.methods["lora"], "lora")
    assert found["rate"] == best
    assert found["interior"]
    assert len(found["validation"]) >= PLAN.rule.least


def test_an_optimum_at_the_end_of_the_ladder_is_said_to_have_no_verdict():
    plan = replace(PLAN, rule=replace(PLAN.rule, ladder=(1e-3, 3e-3, 1e-2, 3e-2, 1e-1)))

    def run(todo: list[Run]) -> dict[Run, dict[str, object]]:
        return {u: {"validation": -u.rate, "numbers": 1, "size": 1.0} for u in todo}

    assert not Study(plan, (0, 1), "quick")._tuned(run, plan.methods["lora"], "lora")["interior"]


def test_texts_do_not_overlap():
    found = corpora()
    whole = {use: bytes(found[use].tolist()) for use in ("train", "validation", "test")}
    for use in ("validation", "test"):
        assert whole[use][1000:1200] not in whole["train"]
