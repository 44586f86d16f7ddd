"""The record of carrying over: its table is that of its numbers, and no rule does less harm."""

import json
from pathlib import Path

from benchmarks.carry import table

RECORDED = Path(__file__).parents[2] / "benchmarks" / "recorded"


def test_the_recorded_table_is_made_of_the_recorded_moves():
    record = json.loads((RECORDED / "carry.json").read_text(encoding="utf-8"))
    assert table(record) == (RECORDED / "carry.txt").read_text(encoding="utf-8")
    moves = record["results"]["moves"]
    assert min(move["chosen"] for move in moves) > -0.1
    assert min(move["copy"] for move in moves if move["copy"] is not None) < -0.5
