"""The rule that tells from weights whether a side will transfer: its scores, its limit, and what it names."""

import pytest

from toys.transfer.output import prediction_page
from toys.transfer.output.prediction import Move, balanced, best_least, choices, moves, score, threshold
from toys.transfer.protocol import Method, protocol
from toys.transfer.records import recorded
from toys.transfer.study import NONE

ALIKE = {
    "blocks.0.q": {"input excess": [0.9, None], "output excess": [0.1, 0.2]},
    "blocks.0.o": {"input excess": [0.3, 0.4], "output excess": [0.7, 0.8]},
}
SCORES = [("input", 0, 0.6), ("output", 0, 0.4), ("residual", 0, 0.8), ("opposite", 0, 0.2)]


@pytest.mark.parametrize(
    ("placement", "seed", "wanted"), [*SCORES, ("weight", 0, 0.2), ("input", 1, 0.4), ("weight", 1, 0.3)]
)
def test_the_score_is_that_of_the_side_that_a_placement_faces(placement: str, seed: int, wanted: float):
    assert score(Method(placement=placement, rank=4), ALIKE, seed) == pytest.approx(wanted)


def test_only_layers_count_that_the_adapter_sits_on():
    assert score(Method(placement="input", rank=4, layers=r".*\.o"), ALIKE, 0) == pytest.approx(0.3)


def move(score: float | None, kept: float, row: str = "input", seed: int = 0, target: str = "t") -> Move:
    return Move(toy="x", case="", target=target, seed=seed, row=row, group="related", score=score, kept=kept)


def test_a_planted_limit_is_found_and_right():
    some = [move(k / 10, float(k >= 4)) for k in range(10)]
    assert 0.3 < best_least(some) <= 0.4
    assert balanced(some, best_least(some)) == 1
    assert balanced([move(None, 0.0), move(0.9, 1.0)], 0.5) == 1


def test_the_side_with_the_highest_score_is_named_lora_where_all_are_equal_and_none_below_the_limit():
    pair = [move(0.9, 0.8, "input"), move(0.9, 0.7, "lora"), move(0.2, 0.1, "output")]
    low = [move(0.1, 0.8, "input", seed=1), move(0.0, 0.7, "lora", seed=1)]
    first, second = choices([*pair, *low], 0.5)
    assert (first.side, first.kept, first.most) == ("lora", 0.7, 0.8)
    assert (second.side, second.kept, second.lora) == (None, 0.0, 0.7)


def test_kept_is_the_share_of_the_gain_on_the_source():
    plan = protocol("language")
    models = ("source", *plan.targets)
    rows = {row: {m: [2.0] for m in models} for row in plan.methods} | {NONE: {m: [3.0] for m in models}}
    rows["input"] = {m: [2.5] for m in models} | {"source": [2.0]}
    alike = {target: {name: {k: v[:1] for k, v in one.items()} for name, one in ALIKE.items()} for target in models}
    kept = {(m.row, m.target): m.kept for m in moves(plan, {"rows": rows, "similarity": alike})}
    assert kept["input", "continued"] == 0.5
    assert kept["output", "continued"] == 1
    assert ("residual-6", "continued") not in kept


def test_the_limit_is_the_best_on_the_seeds_that_it_was_fixed_on_and_the_page_is_of_others():
    fixed, records = threshold(), {"language": recorded("language")}
    assert (fixed.fixed, fixed.toy, fixed.seeds) == ("2026-11-26", "language", tuple(range(6)))
    some = moves(protocol(fixed.toy), records["language"])
    assert best_least([m for m in some if m.seed in fixed.seeds]) == fixed.least
    withheld = prediction_page.withheld(prediction_page.everything(records), fixed)
    assert {m.seed for m in withheld} == set(range(6, 12))
    assert prediction_page.headline(withheld, fixed) in prediction_page.section(records)
