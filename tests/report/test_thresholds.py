"""Counts of advice from rows of moves: right, harmful, withheld members alone."""

from typing import Any

import pytest

from benchmarks.report.thresholds import area, counts, limit, lines, side

SHARED, UNDECIDED, NOTHING = [0.9, 40.0], [0.3, 20.0], [0.01, 0.5]


def row(kept: float, word: str, *, effect: float = 0.9, cosine: float = 0.95, **more: Any) -> dict[str, Any]:
    first = {"member": 4, "task": "water", "layer": 0, "placement": "input", "target": "fine-tuned"}
    cost = {
        "gain": 1.0,
        "without": 2.0,
        "kept": kept,
        "effect": effect,
        "cosine": cosine,
        "effect with elements": effect,
    }
    ways = {"strength": kept + 0.3, "rescaled": kept + 0.1, "converted": 0.6, "norms": [0.5, None]}
    return first | cost | ways | {"word": word, "input": [SHARED] * 2, "output": [UNDECIDED, None]} | more


def test_advice_is_counted_on_the_withheld_members_alone():
    rows = [
        row(0.8, "shared"),
        row(-0.3, "undecided", effect=0.1, cosine=0.6),
        row(0.4, "mixed", effect=0.1, placement="weight"),
        row(0.9, "nothing shared", effect=-1.0, cosine=0.1, target="apart", input=[NOTHING] * 2),
    ]
    found = counts(rows)
    assert found["shared"] == "in 1 of 1 moves more than half was kept, harm in 0"
    assert found["undecided"] == "in 0 of 2 moves more than half was kept, harm in 1"
    assert found["nothing"] == "in 1 of 1 moves more than half was kept, harm in 0"
    assert found["convert"].endswith("in 1 of 1 moves more than half was kept, harm in 0; plain copies 0 and 0")
    assert found["rescaled"] == "not worse than a plain copy in 1 of 1 moves, harm in 0 where the copy had 0"
    assert found["batch_rescaled"] == "in 1 of 1 moves more than half was kept, harm in 0; plain copies 0 and 0"
    assert found["batch_start"] == "in 0 of 1 moves more than half was kept, harm in 1"
    assert found["auto"].endswith("where it puts none, a copy kept half in 1 of 1")
    said = lines([*rows, row(0.0, "shared", member=0)])
    assert said[0] == "# fitted: 1 moves of members 0, 1 of them related"
    assert 'shared = "in 1 of 1 moves more than half was kept, harm in 0"' in said


def test_auto_takes_the_side_of_most_layers():
    assert side(row(0, "shared")) == "input"
    assert side(row(0, "shared", input=[NOTHING] * 2, output=[SHARED] * 2)) == "output"
    assert side(row(0, "shared", input=[NOTHING] * 2)) is None


def test_the_area_counts_pairs_and_the_limit_parts_them():
    scores, good = [0.1, 0.4, 0.6, 0.9], [False, True, False, True]
    assert area(scores, good) == pytest.approx(0.75)
    assert limit([0.1, 0.2, 0.7, 0.8], [False, False, True, True]) == 0.7
