import copy
import json
import math
import sys
from dataclasses import astuple
from pathlib import Path

import pytest
import torch

from benchmarks import carry
from benchmarks.carry import models, peers, table
from benchmarks.carry.fit import KINDS, cases, coverage, fitted
from ioadapt_theory.adapters import adapt, disable, layers
from ioadapt_theory.effect.intervals import RULES, Doubt, Rule
from ioadapt_theory.errors import InvalidValueError

RECORDED = Path(__file__).parents[2] / "benchmarks" / "recorded"
RECORD = json.loads((RECORDED / "carry.json").read_text(encoding="utf-8"))
MOVES = RECORD["results"]["moves"]


def test_the_recorded_table_is_made_of_the_recorded_moves():
    assert table(RECORD) == (RECORDED / "carry.txt").read_text(encoding="utf-8")
    assert min(m["kept"]["default"] for m in MOVES) > -0.1
    assert min(m["kept"]["copy"] for m in MOVES if m["kept"]["copy"] is not None) < -0.5


@pytest.mark.parametrize("need", KINDS)
def test_the_constants_of_intervals_are_those_that_fit_the_record(need):
    assert astuple(RULES[need]) == pytest.approx(astuple(fitted(cases(MOVES, KINDS[need]))), abs=0.011)


def test_intervals_contain_most_shares_in_families_that_were_left_out():
    for (need, inputs), found in coverage(MOVES).items():
        assert 0.6 < found.inside < 0.96, (need, inputs)
        assert found.out > 0.6, (need, inputs)  # one family alone needs outputs, so that nothing tells their scale


def test_the_fit_finds_the_constants_that_errors_were_drawn_from():
    generator = torch.Generator().manual_seed(0)
    drawn = []
    for k in range(1500):
        unseen, guess, sampling = torch.rand(3, generator=generator).tolist()
        doubt = Doubt(0.3 * sampling, unseen, guess)
        error = doubt.sigma(Rule(0.08, 0.5, 0.02, 1, 1)) * torch.randn(1, generator=generator)
        drawn.append((str(k % 3), 256, float(error), doubt))
    rule = fitted(drawn)
    assert (rule.a, rule.b) == (pytest.approx(0.08, abs=0.031), pytest.approx(0.5, abs=0.31))
    assert (rule.low, rule.high) == pytest.approx((1.28, 1.28), rel=0.25)


def test_a_run_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    done = []

    def moves(family, seed, count, cache):
        if (family, seed) == ("cnn", 1) and len(done) == 7:
            raise KeyboardInterrupt
        done.append((family, seed))
        return {"moves": [{"family": family, "seed": seed, "count": count}]}

    monkeypatch.setattr(carry, "_moves", moves)
    monkeypatch.setattr(carry, "require_digits", lambda: None)
    with pytest.raises(KeyboardInterrupt):
        carry.main(seeds=2, cache=tmp_path)
    done.append("again")
    record = carry.main(seeds=2, cache=tmp_path)
    assert done[8:] == [(family, 1) for family in models.FAMILIES if family != "mlp"]
    assert len(record["results"]["moves"]) == 2 * len(models.FAMILIES)


def test_a_missing_scikit_learn_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InvalidValueError, match="needs scikit-learn"):
        carry.main(cache=tmp_path)
    assert not [*tmp_path.iterdir()]


@pytest.fixture(scope="module")
def rotated():
    """Return a move of a LoRA to a network with the same function, whose neurons are permuted."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(300, 12, generator=generator), torch.randn(300, 5, generator=generator)
    plain = models.Residual(0)
    target = copy.deepcopy(plain)
    for block in target.blocks:
        models._permute([block.up], block.down, torch.ones(64))
    source = adapt(plain, target_modules=["blocks.0.down", "blocks.1.up"], rank=3, placement="weight")
    for layer in layers(source).values():
        ((_, phi),) = layer.adapters["default"].parts()
        phi.B.data.normal_(generator=generator)
    with torch.no_grad():
        y = source(x)
    return models.Move("regression", "gauge", source, target, (x, y), (x, y), "all", "weight", 0, "change")


def test_peers_that_see_activations_undo_a_permutation_and_a_copy_does_not(rotated):
    both = peers.Both(rotated)
    with disable(rotated.source):
        before = models.loss(rotated.source, rotated)
    left = {name: models.loss(peers.by_peer(both, name), rotated) / before for name in peers.PEERS}
    assert max(left[name] for name in ("Theseus", "BiCo", "BiCo, labels", "M*")) < 0.05
    assert left["Ariadne"] < 0.5
    assert left["copy"] > 0.5


def test_plain_training_ends_with_its_time_and_a_longer_one_matches_better(rotated):
    short, long = (models.loss(peers.distilled(rotated, None, seconds), rotated) for seconds in (0.01, 0.2))
    with disable(rotated.source):
        before = models.loss(rotated.source, rotated)
    assert long < short < before
    assert math.isfinite(long)


def test_a_gauge_changes_the_weights_and_not_the_function():
    model = models.Residual(1)
    other = models.gauge(model, 2)
    x = torch.randn(50, 12)
    torch.testing.assert_close(model(x), other(x), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(model.blocks[0].up.weight, other.blocks[0].up.weight)
