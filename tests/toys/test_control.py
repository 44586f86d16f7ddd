"""Glyphs that are placed, their edges, how unlike two are, and a generator that is shown edges."""

from pathlib import Path

import pytest
import torch

from ioadapt_theory.adapters import count
from tests.toys.exact import lost
from toys import control
from toys.glyphs.faces import POOL, PROMPT, SIZE, glyphs
from toys.glyphs.networks import HEADS, PICTURE, Guided
from toys.transfer import gauges
from toys.transfer.protocol import protocol
from toys.transfer.rows import adapted, moved

PLAN = protocol("control")
TINY = control.Size(base=6, target=2, adapter=3, batch=4, drawings=1, taught=20)


def model() -> Guided:
    torch.manual_seed(0)
    one = Guided()
    torch.nn.init.normal_(one.head.weight, std=0.1)
    return one.double()


def velocity(one: torch.nn.Module) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(1)
    x = torch.randn(5, 1, SIZE, SIZE, generator=drawn, dtype=torch.float64)
    prompt = torch.randn(5, 2 + PICTURE, PROMPT, generator=drawn, dtype=torch.float64)
    return one(x, torch.linspace(0, 0.9, 5, dtype=torch.float64), prompt)


def test_a_glyph_that_is_placed_keeps_its_ink_on_the_page():
    x = glyphs(POOL, control.ALL, 1, 0)[0]
    y = control.placed(x, 3)
    assert y.shape == x.shape
    ratio = (y > 0).flatten(1).sum(1) / (x > 0).flatten(1).sum(1)
    assert float(((ratio > 0.5) & (ratio < 2)).float().mean()) > 0.9
    assert float((y - x).abs().flatten(1).mean(1).min()) > 0


def test_edges_of_a_square_are_its_outline():
    x = -torch.ones(1, 1, SIZE, SIZE)
    x[..., 4:10, 4:10] = 1
    found = control.edges(x)[0, 0]
    assert found.sum() == 20
    assert found[5:9, 5:9].sum() == 0
    assert found.max() == 1


def test_unlikeness_is_that_of_the_definition():
    drawn = torch.Generator().manual_seed(0)
    x, y = (torch.rand(2, 1, 9, 9, generator=drawn) * 2 - 1 for _ in range(2))
    found = []
    for k in range(2):
        for i in range(3):
            for j in range(3):
                a, b = (z[k, 0, i : i + 7, j : j + 7].flatten() for z in (x, y))
                both = torch.cov(torch.stack([a, b]), correction=0)
                means = (2 * a.mean() * b.mean() + 0.0004) / (a.mean() ** 2 + b.mean() ** 2 + 0.0004)
                found.append(means * (2 * both[0, 1] + 0.0036) / (both[0, 0] + both[1, 1] + 0.0036))
    assert control.unlike(x, y) == pytest.approx(1 - float(sum(found)) / len(found), abs=1e-5)
    assert control.unlike(x, x) == pytest.approx(0, abs=1e-6)


def test_an_edge_is_missed_where_there_is_none_and_where_there_should_be_none():
    x = -torch.ones(1, 1, SIZE, SIZE)
    x[..., 4:10, 4:10] = 1
    assert control.missed(x, control.edges(x)) == 0
    assert control.missed(x, control.edges(x).roll(8, -1)) == 1
    assert control.missed(x, control.edges(x) * (torch.arange(SIZE) < 7)) == pytest.approx(1 - 2 * 10 / 30)


def test_edges_reach_the_generator_and_a_prompt_without_them_is_that_of_its_base():
    one = model()
    drawn = torch.Generator().manual_seed(1)
    x, prompt, edges = (
        torch.randn(3, *shape, generator=drawn, dtype=torch.float64)
        for shape in ((1, SIZE, SIZE), (2, PROMPT), (PICTURE, PROMPT))
    )
    time = torch.full((3,), 0.5, dtype=torch.float64)
    plain = one(x, time, prompt)
    torch.testing.assert_close(one(x, time, torch.cat([prompt, 0 * edges], 1)), plain)
    assert not torch.allclose(one(x, time, torch.cat([prompt, edges], 1)), plain)


@pytest.mark.parametrize("target", PLAN.exact)
def test_the_side_that_must_be_exact_is_exact_and_lora_is_not(target: str):
    source = model()
    there = {"heads": lambda m: gauges.heads(m, 3, HEADS), "stream": lambda m: gauges.stream(m, 3)}[target](source)
    torch.testing.assert_close(velocity(there), velocity(source))
    for name, exact in ((PLAN.exact[target], True), ("lora", False)):
        assert (lost(source, there, PLAN.methods[name], control.LAYERS, velocity) < 1e-9) == exact


def test_input_output_and_lora_of_one_rank_have_as_many_numbers():
    numbers = {count(adapted(model(), PLAN.methods[m], control.LAYERS, 0)) for m in ("lora", "input", "output")}
    assert len(numbers) == 1


def test_a_world_has_all_models_and_an_adapter_of_no_strength_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setitem(control.SIZES, "quick", TINY)
    monkeypatch.setattr(control, "MEASURED", 8)
    world = control.world(1, "quick", tmp_path)
    assert {"source", *PLAN.targets} == {*world.models}
    one = adapted(world.models["source"], PLAN.methods["input"], world.layers, 0)
    for where, there in world.models.items():
        assert world.measure(moved(one, there), where) == world.measure(there, where)
        assert set(world.measure(there, where)) == {PLAN.measure, *PLAN.also}
        assert world.own(there, where) > 0
    assert all(0 < value < 0.5 for value in world.ceiling().values())  # the same letter, face and place
    assert len(world.shown(one, "distilled")) == len(control.SHOWN)
    assert world.fit(one, 1e-2, "source") > 0
