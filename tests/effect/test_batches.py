import functools
import operator

import pytest
import torch

from ioadapt_theory.effect import divided
from ioadapt_theory.errors import InvalidValueError


def ids(pairs, side=0):
    return [int(v) for pair in pairs for v in (pair[side]["x"] if isinstance(pair[side], dict) else pair[side])[:, 0]]


@pytest.mark.parametrize("kind", ["tensor", "mapping", "batches"])
def test_parts_are_disjoint_and_of_their_shares(kind):
    x = torch.arange(40.0)[:, None].repeat(1, 3)
    inputs = {"tensor": x, "mapping": {"x": x, "mask": torch.ones(1, 3)}, "batches": [x[:25], x[25:]]}[kind]
    parts = divided(inputs, size=7, seed=2)
    drawn = [ids(part) for part in (parts.fit, parts.select, parts.predict)]
    assert sorted(functools.reduce(operator.iadd, drawn, [])) == [*range(40)]
    assert [len(part) for part in drawn] == [26, 6, 8]
    assert all(len(ids([pair])) <= 7 for pair in parts.fit)
    assert drawn[0] == ids(divided(inputs, size=7, seed=2).fit)


def test_the_targets_rows_stay_beside_the_sources():
    x = torch.arange(20.0)[:, None]
    parts = divided(x, {"x": -x}, seed=1)
    assert ids(parts.fit) == [-v for v in ids(parts.fit, 1)]


def test_tensors_of_other_lengths_give_the_same_share():
    atoms = {"H": torch.arange(60.0)[:, None], "C": torch.arange(20.0)[:, None]}
    parts = divided(atoms, size=100)
    assert sorted(float(v) for part in (parts.fit, parts.select, parts.predict) for a, _ in part for v in a["C"]) == [
        *range(20)
    ]
    assert 8 <= len(parts.fit[0][0]["C"]) <= 16


@pytest.mark.parametrize(
    ("inputs", "target", "sentence"),
    [
        (torch.zeros(1, 4), None, "1 row;"),
        ([], None, "inputs are empty"),
        (torch.tensor([[1.0, float("nan")]] * 9), None, "NaN"),
        (3, None, "not int"),
        (torch.zeros(9, 4), torch.zeros(8, 4), "row by row"),
        (torch.zeros(9, 4), [torch.zeros(4, 4), torch.zeros(5, 4)], "row by row"),
    ],
)
def test_bad_inputs_are_one_sentence(inputs, target, sentence):
    with pytest.raises(InvalidValueError, match=sentence):
        divided(inputs, target)


@pytest.mark.parametrize(
    "mask",
    [
        torch.full((5, 5), -torch.inf).triu(1),  # torch's causal mask
        torch.ones(5, 5).tril().bool(),
        torch.randn(5, 5),  # a bias for each pair of positions
    ],
)
@pytest.mark.parametrize("rows", [3, 5, 9])
def test_a_mask_of_pairs_of_positions_belongs_to_every_sample(mask, rows):
    if rows == len(mask) and not mask.isinf().any() and mask.dtype != torch.bool:
        pytest.skip("a square tensor with a row for each sample is a tensor of samples")
    batch = {"ids": torch.arange(rows * 5).reshape(rows, 5), "mask": mask}
    parts = divided(batch, size=2)
    assert parts.rows == rows
    assert all(torch.equal(one["mask"], mask) and len(one["ids"]) <= 2 for one, _ in parts.fit + parts.predict)


def test_a_mask_of_each_samples_tokens_is_cut_with_them():
    padding = torch.tensor([[1, 1, 0], [1, 1, 1], [1, 0, 0]])
    (one, _), *_ = divided({"ids": torch.arange(9).reshape(3, 3), "attention_mask": padding}, size=1).fit
    assert one["attention_mask"].shape == (1, 3)
    with pytest.raises(InvalidValueError, match="NaN or infinity"):
        divided(torch.full((4, 4), torch.nan))
