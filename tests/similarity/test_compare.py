"""Means, lowest fractions, groups, options, and what is undefined: never averaged, always listed."""

import math
from itertools import product

import pytest
import torch

from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.similarity.compare import compare
from ioadapt_theory.similarity.comparison import Comparison, Options, labels_of
from ioadapt_theory.similarity.matching import Match
from ioadapt_theory.similarity.measures.means import count_of_lowest
from ioadapt_theory.similarity.measures.space import Space
from ioadapt_theory.similarity.report import records as report
from tests.similarity.memory import Held, held, noisy

LAYERS = {
    "block.0.attn1.to_q.weight": (6, 4),
    "block.0.attn1.to_q.bias": (6,),
    "block.0.norm1.weight": (6,),
    "block.1.ff.weight": (5, 6),
    "block.1.conv.weight": (4, 3, 3, 3),
    "block.1.conv.bias": (4,),
    "only_vector": (9,),
}


def family(count: int = 3) -> list[Held]:
    base = {name: torch.randn(shape) for name, shape in LAYERS.items()}
    return [held(f"m{i}", noisy(base, 0.4 * i, i)) for i in range(count)]


def cosines(models: list[Held], i: int, j: int) -> dict[str, float]:
    both = models[i].values.keys() & models[j].values.keys()
    return {
        name: torch.nn.functional.cosine_similarity(
            models[i].values[name].flatten(), models[j].values[name].flatten(), dim=0
        ).item()
        for name in both
    }


def test_the_mean_is_over_all_layers_and_the_lowest_over_a_fifth_of_them():
    models = family()
    c = compare(models)
    for i, j in c.pairs:
        expected = sorted(cosines(models, i, j).values())
        assert c.mean((i, j)).mean == pytest.approx(sum(expected) / 7, abs=1e-12)
        assert c.mean((i, j)).layers == 7
        assert c.mean((i, j)).parameters == sum(math.prod(s) for s in LAYERS.values())
        assert c.lowest((i, j)).layers == 2
        assert c.lowest((i, j)).mean == pytest.approx(sum(expected[:2]) / 2, abs=1e-12)


def test_a_weighted_mean_counts_every_parameter_once():
    models = family(2)
    found = cosines(models, 0, 1)
    sizes = {name: math.prod(shape) for name, shape in LAYERS.items()}
    expected = sum(found[n] * sizes[n] for n in sizes) / sum(sizes.values())
    assert compare(models, Options(weighted=True)).mean((0, 1)).mean == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("fraction", "layers", "count"),
    [
        (0.2, 686, 138),
        (0.2, 148, 30),
        (0.2, 358, 72),
        (0.1, 30, 3),
        (0.2, 1, 1),
        (1.0, 7, 7),
        (1e-9, 5, 1),
        (0.3, 10, 3),
    ],
)
def test_the_number_of_lowest_layers_is_rounded_up_from_the_fraction_as_written(
    fraction: float, layers: int, count: int
):
    assert count_of_lowest(fraction, layers) == count


def test_norms_and_biases_can_be_left_out_and_are_then_listed():
    c = compare(family(2), Options(only=frozenset({"weight"})))
    assert [row.name for row in c.rows] == [n for n, s in LAYERS.items() if len(s) > 1 or n == "only_vector"]
    assert {s.reason for s in c.skipped} == {"not asked for (norm)", "not asked for (bias)"}


def test_a_module_is_its_tensors_laid_end_to_end():
    models = family(2)
    c = compare(models, Options(modules=True))
    assert [row.name for row in c.rows] == [
        "block.0.attn1.to_q",
        "block.0.norm1",
        "block.1.ff",
        "block.1.conv",
        "only_vector",
    ]
    joined = [torch.cat([m.values[f"block.1.conv.{p}"].flatten() for p in ("weight", "bias")]) for m in models]
    conv = c.rows[3]
    expected = torch.nn.functional.cosine_similarity(*joined, dim=0).item()
    assert conv.values[0, 1].cosine == pytest.approx(expected, abs=1e-12)
    assert conv.kind == "conv"
    assert conv.parameters((0, 1)) == 4 * 27 + 4


def test_shared_layers_are_those_of_all_models_and_pairs_have_their_own_otherwise():
    models = family()
    del models[2].tensors["only_vector"]
    assert [compare(models).mean(p).layers for p in ((0, 1), (0, 2), (1, 2))] == [7, 6, 6]
    assert [compare(models, Options(shared=True)).mean(p).layers for p in ((0, 1), (0, 2), (1, 2))] == [6, 6, 6]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_layers_that_are_not_finite_are_named_and_left_out_or_an_error(value: float):
    models = family()
    models[1].values["block.1.ff.weight"][2, 3] = value
    c = compare(models)
    assert [(s.name, s.models, s.reason) for s in c.skipped] == [
        ("block.1.ff.weight", ("m1",), "holds NaN or infinity")
    ]
    assert [c.mean(p).layers for p in c.pairs] == [6, 7, 6]
    assert all(math.isfinite(c.mean(p).mean or math.nan) for p in c.pairs)
    with pytest.raises(FileFormatError, match=r"1 layer is not finite \(block.1.ff.weight of m1\)"):
        compare(models, Options(strict=True))


def test_zeros_have_no_angle_and_are_listed_not_averaged():
    models = family()
    models[0].values["only_vector"].zero_()
    c = compare(models)
    assert [(s.name, s.models) for s in c.skipped] == [("only_vector", ("m0",))]
    assert "no angle" in c.skipped[0].reason
    assert [c.mean(p).layers for p in c.pairs] == [6, 6, 7]


def test_nothing_in_common_is_an_error_that_shows_both_sides():
    one, two = held("a", {"down.weight": torch.ones(2)}), held("b", {"encoder.weight": torch.ones(2)})
    with pytest.raises(InvalidValueError, match=r"No common parameters.*down.weight.*encoder.weight.*LoRA"):
        compare([one, two])


def test_a_pair_without_common_layers_beside_others_has_no_mean():
    c = compare([*family(2), held("x", {"other": torch.ones(2)})])
    assert c.mean((0, 1)).layers == 7
    assert c.mean((0, 2)).mean is None
    assert c.lowest((0, 2)).mean is None


def test_all_zero_or_not_finite_is_nothing_in_common_too():
    with pytest.raises(InvalidValueError, match=r"Left out: w \(zero"):
        compare([held("a", {"w": torch.zeros(3)}), held("b", {"w": torch.ones(3)})])


@pytest.mark.parametrize("values", [torch.zeros(3), torch.ones(3, dtype=torch.int64), torch.full((3,), math.nan)])
def test_layers_in_common_that_cannot_be_compared_are_not_called_another_architecture(values: torch.Tensor):
    with pytest.raises(InvalidValueError, match=r"^Nothing is left to compare: .*Left out: w \([^)]*\)\.?\)?\.$"):
        compare([held("a", {"w": values}), held("b", {"w": values})])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(lowest=0.0), r"lies in \(0, 1\], got 0.0"),
        (Options(lowest=math.nan), "got nan"),
        (Options(subspace=4), "--space input or output"),
        (Options(subspace=0, space=Space.INPUT), "rank of at least 1"),
        (Options(modules=True, space=Space.INPUT), "--space weight only"),
    ],
)
def test_options_outside_their_limits_are_refused(options: Options, message: str):
    with pytest.raises(InvalidValueError, match=message):
        compare(family(2), options)


def test_one_model_is_no_comparison():
    with pytest.raises(InvalidValueError, match="two models or more, got 1"):
        compare(family(1))


def test_updates_leave_out_what_did_not_change_or_the_parent_lacks():
    models = family()
    parent = held("p", {k: v for k, v in models[0].values.items() if k != "only_vector"})
    models[1].values["block.0.norm1.weight"] = parent.values["block.0.norm1.weight"].clone()
    c = compare(models[1:], parent=parent)
    assert c.parent == "p"
    assert {s.name: s.reason.split(",")[0] for s in c.skipped} == {
        "only_vector": "not in the parent p",
        "block.0.norm1.weight": "no update since the parent",
    }


def test_a_parent_among_the_models_is_refused():
    models = family()
    with pytest.raises(InvalidValueError, match="The parent m0 is one of the models"):
        compare(models, parent=models[0])


def test_the_baseline_is_the_mean_over_all_permutations():
    one, two = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, -1.0, 3.0])
    c = compare([held("a", {"w": one}), held("b", {"w": two})], Options(baseline=True))
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    all_of_them = torch.tensor([(one @ two[list(o)] / one.norm() / two.norm()).item() for o in orders])
    mean, sd = c.rows[0].values[0, 1].baseline or (0.0, 0.0)
    assert mean == pytest.approx(all_of_them.mean().item(), abs=1e-12)
    assert sd == pytest.approx(all_of_them.std(correction=0).item(), abs=1e-12)


def test_norms_near_one_look_alike_without_being_related_and_the_baseline_says_so():
    values = [{"norm.weight": 1 + 0.05 * torch.randn(320), "conv.weight": torch.randn(30, 30)} for _ in range(2)]
    c = compare([held("a", values[0]), held("b", values[1])], Options(baseline=True))
    found = {row.name: row.values[0, 1] for row in c.rows}
    for v in found.values():
        assert v.baseline is not None
        assert abs(v.cosine - v.baseline[0]) < 4 * v.baseline[1]
    assert found["norm.weight"].cosine > 0.99
    assert abs(found["conv.weight"].cosine) < 0.2
    found = c.baseline((0, 1))
    assert found is not None
    mean, sd = found.mean, found.sd
    assert abs((c.mean((0, 1)).mean or 0.0) - mean) < 4 * sd


def test_matching_by_similarity_goes_through_the_same_door():
    models = family(2)
    models[1] = held("m1", {f"renamed.{k}": v for k, v in models[1].values.items()})
    prepared: list[int] = []
    c = compare(models, Options(match=Match.AUTO), prepare=lambda matching: prepared.append(len(matching.layers)))
    assert c.mean((0, 1)).layers == 7
    assert prepared == [14, 7]  # everything before the assignment reads values, then what it paired


@pytest.mark.parametrize(
    ("names", "sources", "expected"),
    [
        (("a", "b"), ("/x/a", "/x/b"), ("a", "b")),
        (("model", "model"), ("/x/one/model.pt", "/x/two/model.pt"), ("one/model.pt", "two/model.pt")),
        (("m", "m", "n"), ("/x/m", "/x/m", "/x/n"), ("m#1", "m#2", "n")),
        (("a|b", "c"), ("/1", "/2"), ("a_b", "c")),
        (("a|b", "a_b"), ("/1", "/2"), ("1", "2")),
    ],
)
def test_labels_are_short_distinct_and_without_the_separator(
    names: tuple[str, ...], sources: tuple[str, ...], expected: tuple[str, ...]
):
    models = [held(n, {}, s) for n, s in zip(names, sources, strict=True)]
    assert labels_of(models) == expected


def test_labels_stay_distinct_when_one_name_looks_like_a_numbered_other():
    models = [held(n, {}, "/same") for n in ("m", "m", "m#1")]
    assert len(set(labels_of(models))) == 3


def all_figures(c: Comparison) -> list[float]:
    return [v.cosine for row in c.rows for v in row.values.values()]


def test_every_option_keeps_cosines_in_their_interval():
    for space, modules in product(Space, (False, True)):
        if modules and space is not Space.WEIGHT:
            continue
        found = all_figures(compare(family(3), Options(space=space, modules=modules)))
        assert found
        assert all(-1 <= x <= 1 for x in found)


def test_groups_take_one_walk_through_the_layers(monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    monkeypatch.setitem(report.GROUPS, "block", lambda row: seen.append(row.name) or row.block)
    values = {f"l{i}.weight": torch.randn(2, 3) for i in range(40)}
    groups = report.to_json(compare([held(n, values) for n in "abc"]), ["block"])["groups"]
    assert len(groups) == 3 * 40
    assert len(seen) == 40  # a walk for every block and pair would be 4800


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e90])
@pytest.mark.parametrize("options", [Options(baseline=True), Options(modules=True, baseline=True)], ids=["", "modules"])
def test_no_figure_depends_on_the_scale_of_the_weights(scale: float, options: Options):
    models = family()
    other = [held(m.name, {k: v * scale if "block.1" in k else v for k, v in m.values.items()}) for m in models]
    for row, same in zip(compare(models, options).rows, compare(other, options).rows, strict=True):
        for pair, v in row.values.items():
            w = same.values[pair]
            assert (w.cosine, w.relative_distance, w.norm_ratio) == pytest.approx(
                (v.cosine, v.relative_distance, v.norm_ratio), rel=1e-11
            )
            assert w.baseline == pytest.approx(v.baseline, rel=1e-9)


def test_a_module_of_tensors_far_apart_is_its_largest():
    a, b = {"m.weight": torch.randn(4, 3), "m.bias": torch.randn(4)}, {"m.weight": torch.randn(4, 3)}
    large = [{k: v * (1e200 if "bias" not in k else 1.0) for k, v in (a | x).items()} for x in ({}, b)]
    module = compare([held(n, x) for n, x in zip("ab", large, strict=True)], Options(modules=True)).rows[0]
    alone = compare([held(n, x) for n, x in zip("ab", (a, b), strict=True)]).rows[0]
    assert module.values[0, 1].cosine == pytest.approx(alone.values[0, 1].cosine, abs=1e-12)
    for values in large:
        values["m.bias"].zero_()
        values["m.weight"].mul_(1e-200).mul_(1e-200)
    small = compare([held(n, x) for n, x in zip("ab", large, strict=True)], Options(modules=True)).rows[0]
    assert small.values[0, 1].cosine == pytest.approx(alone.values[0, 1].cosine, abs=1e-12)


def test_zero_and_not_finite_keep_their_reasons_beside_huge_weights():
    values = [{"z": torch.zeros(3), "n": torch.full((3,), math.inf), "w": torch.full((3,), 1e300)} for _ in "ab"]
    c = compare([held(n, x) for n, x in zip("ab", values, strict=True)])
    assert {s.name: s.reason.split(",")[0] for s in c.skipped} == {"z": "zero", "n": "holds NaN or infinity"}
    assert [(row.name, row.values[0, 1].cosine) for row in c.rows] == [("w", 1.0)]
