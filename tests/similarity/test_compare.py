"""Means, lowest fractions, options and threads; undefined values are listed, and left out of means."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ioadapt_theory import adapt, merge
from ioadapt_theory.checkpoints.checkpoint import InMemory
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.similarity import compare
from ioadapt_theory.similarity.compute import NOT_FINITE
from ioadapt_theory.similarity.result import count_of_lowest, labels_of
from tests.similarity.models import held, noisy

LAYERS = {
    "block.0.attn1.to_q.weight": (6, 4),
    "block.0.attn1.to_q.bias": (6,),
    "block.0.norm1.weight": (6,),
    "block.1.ff.weight": (5, 6),
    "block.1.conv.weight": (4, 3, 3, 3),
    "block.1.conv.bias": (4,),
    "only_vector": (9,),
}


def family(count: int = 3) -> list[InMemory]:
    base = {name: torch.randn(shape) for name, shape in LAYERS.items()}
    return [held(f"m{i}", noisy(base, 0.4 * i, i)) for i in range(count)]


def test_the_mean_is_over_all_layers_and_the_lowest_over_a_fifth_of_them():
    models = family()
    c = compare(*models)
    sizes = [math.prod(shape) for shape in LAYERS.values()]
    for i, j in c.pairs:
        both = ([models[k].values[name].flatten() for k in (i, j)] for name in LAYERS)
        cosines = [float(torch.cosine_similarity(a, b, 0)) for a, b in both]
        assert c.mean((i, j)).mean == pytest.approx(sum(cosines) / 7, abs=1e-12)
        assert (c.mean((i, j)).layers, c.mean((i, j)).parameters) == (7, sum(sizes))
        assert c.lowest((i, j)).layers == 2
        assert c.lowest((i, j)).mean == pytest.approx(sum(sorted(cosines)[:2]) / 2, abs=1e-12)


@pytest.mark.parametrize(
    ("fraction", "layers", "count"), [(0.2, 686, 138), (0.2, 358, 72), (0.1, 30, 3), (1.0, 7, 7), (1e-9, 5, 1)]
)
def test_the_number_of_lowest_layers_is_rounded_up_from_the_fraction_as_written(fraction, layers, count):
    assert count_of_lowest(fraction, layers) == count


def test_a_pair_has_its_own_layers_and_the_figures_that_it_has_without_other_models():
    models = [*family(), held("x", {"other": torch.ones(2)})]
    del models[1].tensors["only_vector"]
    c = compare(*models)
    for (i, j), layers in {(0, 1): 6, (0, 2): 7, (1, 2): 6}.items():
        assert c.mean((i, j)).layers == layers
        alone = compare(models[i], models[j])
        assert {r.name: r.values[i, j] for r in c.layers_of((i, j))} == {r.name: r.values[0, 1] for r in alone.rows}
    assert (c.mean((0, 3)).mean, c.lowest((0, 3)).mean) == (None, None)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_layers_that_are_not_finite_or_zero_are_named_and_left_out(value: float):
    models = family()
    models[1].values["block.1.ff.weight"][2, 3] = value
    models[0].values["only_vector"].zero_()
    c = compare(*models)
    (broken, zero) = sorted(c.skipped, key=lambda s: s.name)
    assert (broken.name, broken.models, broken.reason) == ("block.1.ff.weight", ("m1",), NOT_FINITE)
    assert (zero.name, zero.models, zero.reason) == ("only_vector", ("m0",), "all zero, so the cosine is undefined")
    assert [c.mean(p).layers for p in c.pairs] == [5, 6, 6]


@pytest.mark.parametrize("scale", [1e200, 1e-158, 1e155])
@pytest.mark.parametrize("space", ["weight", "input"])
def test_squares_that_float64_cannot_hold_are_named_and_never_a_figure(space: str, scale: float):
    values = {"fine": torch.randn(4, 6), "far": scale * torch.randn(4, 6), "zero": torch.zeros(4, 6)}
    other = {name: w * (1 + 0.1 * torch.randn(4, 6)) for name, w in values.items()}
    c = compare(held("a", values), held("b", other), space=space)
    assert {s.name: s.reason == NOT_FINITE for s in c.skipped} == {"far": True, "zero": False}
    assert [row.name for row in c.rows] == ["fine"]


def test_nothing_in_common_is_an_error_that_shows_both_sides():
    one, two = held("a", {"down.weight": torch.ones(2)}), held("b", {"encoder.weight": torch.ones(2)})
    with pytest.raises(InvalidValueError, match=r"No tensors have the same name.*down.weight.*encoder.weight.*LoRA"):
        compare(one, two)


@pytest.mark.parametrize("values", [torch.zeros(3), torch.ones(3, dtype=torch.int64), torch.full((3,), math.nan)])
def test_layers_in_common_that_cannot_be_compared_are_not_called_another_architecture(values: torch.Tensor):
    with pytest.raises(InvalidValueError, match=r"^No layer is left to compare: .*; w of a\b.* is left out \(.*\)\.$"):
        compare(held("a", {"w": values}), held("b", {"w": values}))


@pytest.mark.parametrize(
    ("names", "sources", "expected"),
    [
        (("model", "model"), ("/x/one/model.pt", "/x/two/model.pt"), ("one/model.pt", "two/model.pt")),
        (("m", "m", "n"), ("/x/m", "/x/m", "/x/n"), ("m#1", "m#2", "n")),
        (("m", "m", "m#1"), ("/same",) * 3, ("m#2", "m#3", "m#1")),
        (("a|b", "a_b"), ("/1", "/2"), ("1", "2")),
    ],
)
def test_labels_are_short_distinct_and_without_the_separator(names, sources, expected):
    labels = labels_of([held(n, {}, s) for n, s in zip(names, sources, strict=True)])
    assert labels == expected or len(set(labels)) == len(labels) == 3


@pytest.mark.parametrize("options", [{}, {"space": "input"}], ids=["weight", "input"])
def test_every_number_of_threads_gives_the_same_figures_in_the_same_order(options: dict[str, object]):
    some, told = family(3), list[int]()
    torch.set_num_threads(2)
    alone, together = (
        compare(
            *some,
            **options,
            threads=threads,  # type: ignore[arg-type]
            progress=lambda total: told.append(-total) or told.append,  # type: ignore[func-returns-value]
        )
        for threads in (1, 3)
    )
    assert torch.get_num_threads() == 2
    assert [(row.name, row.values) for row in together.rows] == [(row.name, row.values) for row in alone.rows]
    assert sum(told) == 0
    assert len(told) == 2 * (1 + len(alone.rows))


def test_a_model_in_memory_has_the_layers_of_its_file(tmp_path: Path):
    one, two = (torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)) for _ in "ab")
    for k, model in enumerate((one, two)):
        model[0].register_buffer("table", torch.ones(5), persistent=False)
        save_file(model.state_dict(), tmp_path / f"{k}.safetensors")
    files = compare(tmp_path / "0.safetensors", tmp_path / "1.safetensors")
    adapt(one, target_modules=["0"], placement="input", rank=1)
    memory = compare(one, two)
    assert {row.name: row.values for row in memory.rows} == {row.name: row.values for row in files.rows}
    assert "Sequential#1 | Sequential#2" in str(memory)
    merge(one)
    with pytest.raises(InvalidValueError, match="An adapter is merged into the Sequential; unmerge it"):
        compare(one, two)
