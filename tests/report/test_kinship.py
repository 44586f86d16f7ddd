from itertools import pairwise

import pytest
import torch
from torch import nn

from ioadapt_theory.reporting import report
from ioadapt_theory.reporting.kin.kinship import Kinship, Relation
from ioadapt_theory.reporting.kin.orders import order_of
from tests.report.histories import HISTORIES, Tensors, network, weights


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def kinship(source: Tensors, target: Tensors) -> Kinship:
    return report(weights(source), weights(target)).kinship


@pytest.mark.parametrize("seed", [17, pytest.param(1017, marks=pytest.mark.slow)])
@pytest.mark.parametrize("history", HISTORIES)
def test_every_history_has_its_word_both_ways_round(history: str, seed: int):
    word, made = HISTORIES[history]
    source = network(g := drawn(seed))
    target = made(source, g)
    found, back = kinship(source, target), kinship(target, source)
    assert (found.relation, back.relation) == (word, word), (found.why, back.why)


def test_equal_layers_with_another_bias_or_gain_are_not_the_same_function():
    source = nn.Sequential(nn.Linear(20, 24), nn.LayerNorm(24), nn.Linear(24, 24))
    for position, part in ((0, "bias"), (1, "weight")):
        target = nn.Sequential(nn.Linear(20, 24), nn.LayerNorm(24), nn.Linear(24, 24))
        target.load_state_dict(source.state_dict())
        getattr(target[position], part).data.normal_()
        found = report(source, target).kinship
        assert found.relation is Relation.RELATED
        assert "1 of 4 norms and biases differ" in found.why


def test_heads_that_move_without_their_values_are_another_function():
    source = network(drawn(3))
    target = HISTORIES["heads in another order"][1](source, drawn(4))
    target["model.layers.1.self_attn.v_proj.weight"] = source["model.layers.1.self_attn.v_proj.weight"]
    assert kinship(source, target).relation is Relation.RELATED


def test_a_neuron_that_is_a_copy_of_another_is_not_permuted():
    ours = torch.randn(64, 96, generator=drawn(0))
    theirs = ours.clone()
    theirs[:, 7] = theirs[:, 9]
    assert order_of(ours, theirs) is None
    swapped = ours[:, [1, 0, *range(2, 96)]]
    assert order_of(ours, swapped).tolist()[:3] == [1, 0, 2]


def mlp(*sizes: int) -> nn.Module:
    return nn.Sequential(*(nn.Linear(c, d) for c, d in pairwise(sizes)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ((16, 16, 16), (16, 16, 16), {Relation.UNRELATED, Relation.SMALL}),
        ((4, 4, 4), (4, 4, 4), {Relation.SMALL}),
        ((16, 32), (16, 64), {Relation.DIFFERENT}),
        ((64, 40, 24), (64, 90, 24), {Relation.DIFFERENT}),
        ((768, 320), (768, 640), {Relation.DIFFERENT}),
    ],
)
def test_small_strangers_are_nothing_more(seed: int, source, target, words):
    torch.manual_seed(seed)
    assert report(mlp(*source), mlp(*target)).kinship.relation in words
