"""Drawn instances satisfy the hypotheses, and mean squares are those of the models of Eq. 9."""

import re

import pytest
import torch

from ioadapt_theory.claims import CLAIMS
from ioadapt_theory.claims.claim import Hypothesis
from ioadapt_theory.claims.expression.values import value
from ioadapt_theory.claims.language import *
from ioadapt_theory.claims.report import proofs
from ioadapt_theory.claims.settings.relative_similarity import half
from ioadapt_theory.errors import FileFormatError, InvalidValueError


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("placement", [None, *Placement])
def test_models_of_one_function_differ_in_every_size_that_may(placement, second):
    setting = function_setting(placement, second=second)
    raw = setting.start(1, generator())
    hidden = 4 if placement is Placement.LORA else 5
    ab = (4, 2) if second else {None: (1, 1), "lora": (3, 4), "input": (3, 3), "output": (2, 2)}[placement]
    shapes = [(3, 4), (4, 2), (3, hidden), (hidden, 2), ab, ()]
    assert [tuple(raw[name].shape[1:]) for name in "w1 w2 w1_target w2_target ab sigma".split()] == shapes
    lacks = " AB," * (placement is not None)
    with pytest.raises(FileFormatError, match=f"W2_target,{lacks} sigma; an instance of this claim has"):
        setting.read({})
    with pytest.raises(InvalidValueError, match="epsilon must be at least 0, not -1"):
        setting.read(setting.dump(setting.parametrise(raw), 0) | {"epsilon": -1})


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_increments_of_searches_are_shorter_than_their_vectors_or_than_half_of_them():
    raw = INCREMENTS.start(200, generator())
    assert {x.shape for x in raw.values()} == {(200, 3)}  # a plane, and one direction out of it
    for by, share in ((shorter, 1), (partial(shorter, most=0.5), 0.5)):
        i = INCREMENTS.parametrised(by).parametrise(raw)
        for vector, increment in (("u", "du"), ("v", "dv")):
            ratio = getattr(i, increment).norm(dim=-1) / getattr(i, vector).norm(dim=-1)
            torch.testing.assert_close(ratio, share * torch.sigmoid(raw[increment].norm(dim=-1) - 1))
            torch.testing.assert_close(getattr(i, vector), raw[vector])


def test_two_models_differ_by_the_square_of_the_frobenius_norm_of_the_gap():
    space = function_setting(Placement.INPUT)
    i = space.draw(1, generator())
    gap = (i.w1 @ i.w2 - i.w1_target @ i.w2_target).square().sum((-2, -1))
    torch.testing.assert_close(i.epsilon, gap)
    hypothesis = Hypothesis.of(NEARLY_SAME)
    assert hypothesis.residual(i).item() < 1e-12
    assert hypothesis.residual(replace(i, given_epsilon=gap / 4)).item() == pytest.approx(3)


def test_free_matrices_are_gaussian_and_scalars_positive():
    free = matrices("x", {"A": "n c", "T": ""}, {"n": 2, "c": 3})
    raw = free.start(4, generator())
    assert raw["a"].min() < 0 < raw["a"].max()
    assert {name: tuple(x.shape) for name, x in raw.items()} == {"a": (4, 2, 3), "t": (4,)}
    torch.testing.assert_close(free.parametrise(raw).t, raw["t"].exp())
    with pytest.raises(InvalidValueError, match="T must be positive, not 0"):
        free.read({"A": [[1, 2]], "T": 0})


def exactly(**changes):
    values = {
        **{"W": [[1, 0, 0], [0, 1, 0]], "x1": [1, 0], "x2": [0, 1], "W_target": [[1, 0, 0], [0, 1, 0]]},
        **{"x1_target": [1, 0], "x2_target": [0, 1], "AB": [[0, 0], [0, 0]], "epsilon": "1/2"},
    } | changes
    return similarity_setting(Placement.INPUT).read(values, exact=True)


@pytest.mark.parametrize(
    ("given", "misses", "by"),
    [
        (FULL_ROW_RANK[0], {"W": [[1, 2, 0], [2, 4, 0]]}, 1),
        (FULL_ROW_RANK[1], {"W_target": [[1, 2, 0], [2, 4, 0]]}, 1),
        (BELOW_ONE, {"epsilon": 3}, 4),
        (REGULAR, {"AB": [[-1, 0], [0, 0]]}, 1),
        (REGULAR, {"AB": [[-1, 0], [0, -1]]}, 2),
        *((given, {"epsilon": 2}, 1.5) for given in BELOW_OUTPUTS),
    ],
)
def test_residuals_that_are_decided_exactly(given, misses, by):
    hypothesis = Hypothesis.of(given)
    assert hypothesis.exact
    assert float(hypothesis.residual(exactly())) == 0
    assert float(hypothesis.residual(exactly(**misses))) == pytest.approx(by, rel=1e-9)


def test_an_even_power_of_a_norm_needs_no_root():
    powers = (fro(x) ** power + fro(x) ** power for x, power in ((AB, 2), (AB, 3), (fro(AB) * AB, 2)))
    assert [Hypothesis.of(x <= EPSILON).exact for x in powers] == [True, False, False]


@pytest.mark.parametrize("vector", ["x2", "x2_target"])
def test_parallel_outputs_are_seen_exactly(vector):
    hypothesis = Hypothesis.of(NOT_PARALLEL)
    assert hypothesis.exact
    assert [hypothesis.equal(exactly(**change)) for change in ({}, {vector: [-3, 0]})] == [False, True]


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("limit", [half, below_outputs])
def test_drawn_instances_reach_the_boundary_of_the_ball_and_the_size_that_is_their_limit(placement, limit):
    space = similarity_setting(placement, limit=limit)
    raw = space.start(20, generator())
    i = space.parametrise(raw)
    largest = limit({name: getattr(i, name) for name in i.__dataclass_fields__})
    if limit is below_outputs:
        pairs = [(i.x1, i.w), (i.x2, i.w), (i.x1_target, i.w_target), (i.x2_target, i.w_target)]
        ratios = [(x.unsqueeze(-2) @ w).squeeze(-2).norm(dim=-1) / x.norm(dim=-1) for x, w in pairs]
        torch.testing.assert_close(largest, torch.stack(ratios).amin(0))
    torch.testing.assert_close(i.epsilon, torch.sigmoid(raw["epsilon"]) * largest)
    assert limit is not half or set(largest.tolist()) == {1 / 2}
    torch.testing.assert_close(torch.linalg.matrix_norm(i.ab, 2), i.epsilon)
    images = [(x.unsqueeze(-2) @ i.w_target).squeeze(-2) for x in (i.x1_target, i.x2_target)]
    sizes = [x.norm(dim=-1) for x in (i.x1_target, i.x2_target, *images)]
    torch.testing.assert_close(torch.stack(sizes, -1), raw["size"].exp())


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize("ball", [SPECTRAL, LITERAL, FROBENIUS], ids=["spectral", "literal", "frobenius"])
def test_hypotheses_hold_by_construction_and_no_adapter_beats_the_worst_one(placement, ball):
    slopes = []
    for c, d, worst in ((5, 2, False), (3, 4, False), (3, 4, True)):
        space = similarity_setting(placement, ball, c=c, d=d)
        raw = space.start(50, generator())
        if worst:
            raw.pop("ab")
        i = space.parametrise(raw)
        for given in ball.given:
            assert Hypothesis.of(given).residual(i).max() < 1e-11, text(given)
        slopes.append(value(first_order(distance(placement)), i))
    assert (slopes[1] <= slopes[2] * (1 + 1e-12)).all()


def printed_terms(claim):
    relations = [*claim.given, *claim.concludes]
    for proof in claim.proofs:
        relations += [r for s in getattr(proof, "steps", ()) for r in (s.relation, *s.under)]
        relations += [x.formula.equals(chain.first) for chain in getattr(proof, "chains", ()) for x in chain.links]
    for r in relations:
        yield from (*r.left.walk(), *r.right.walk())


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_every_letter_and_every_name_is_defined_where_it_is_printed(claim):
    said, terms = proofs(claim), dict.fromkeys(printed_terms(claim))
    defined = {name for line in re.findall(r"^ +(\S+(?:, \S+)*): .", said, re.MULTILINE) for name in line.split(", ")}
    defined |= set(re.findall(r"^ +where (.+?) (?:=|is) ", said, re.MULTILINE))
    defined |= set(re.findall(r"^ +for every number (\S+)", said, re.MULTILINE))
    defined |= {name for line in re.findall(r", where (.+) are those of the target$", said, re.MULTILINE)
                for name in line.split(", ")}  # fmt: skip
    if any(x.op in {"sum", "mean_square"} for x in terms):
        defined.add("x")  # the sum's terms are printed, and what E is a mean over
    for x in terms:
        name = text(x) if x.op in {"scalar", "row", "matrix", "let"} else ""
        name = re.sub("[₁₂']", "", name) if "ŷ" in name else name
        if name and re.search(rf"(?<![\w']){re.escape(name)}(?![\w'])", said):
            assert name in defined, f"{name} is not defined:\n{said}"
