import json
import sys
from pathlib import Path

import pytest

from benchmarks import carry
from benchmarks.carry import table
from ioadapt_theory.errors import InvalidValueError

RECORDED = Path(__file__).parents[2] / "benchmarks" / "recorded"


def test_the_recorded_table_is_made_of_the_recorded_moves():
    record = json.loads((RECORDED / "carry.json").read_text(encoding="utf-8"))
    assert table(record) == (RECORDED / "carry.txt").read_text(encoding="utf-8")
    moves = record["results"]["moves"]
    assert min(move["chosen"] for move in moves) > -0.1
    assert min(move["copy"] for move in moves if move["copy"] is not None) < -0.5


def test_a_run_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    done = []

    def moves(family, seed, count):
        if (family, seed) == ("cnn", 1) and len(done) == 4:
            raise KeyboardInterrupt
        done.append((family, seed))
        return {"moves": [{"family": family, "seed": seed, "count": count}]}

    monkeypatch.setattr(carry, "_moves", moves)
    monkeypatch.setattr(carry, "require_digits", lambda: None)
    with pytest.raises(KeyboardInterrupt):
        carry.main(seeds=2, cache=tmp_path)
    done.append("again")
    record = carry.main(seeds=2, cache=tmp_path)
    assert done[5:] == [("cnn", 1), ("bytes", 1)]
    assert len(record["results"]["moves"]) == 6


def test_a_missing_scikit_learn_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InvalidValueError, match="needs scikit-learn"):
        carry.main(cache=tmp_path)
    assert not [*tmp_path.iterdir()]
