"""Every study after a few training steps: results match the record, and exact cases are exact."""

import json
from pathlib import Path

import pytest
import torch

from tests.toys.first_steps import FEW, FILE, figures, lost, small, world
from toys import control, diffusion, encoder
from toys.glyphs.faces import PROMPT, SIZE, prompts
from toys.glyphs.networks import HEADS, PICTURE, Guided, Model, Reader
from toys.transfer import gauges
from toys.transfer.protocol import Method, protocol
from toys.transfer.rows import adapted, moved

KNOWN = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FEW)
def test_the_first_steps_are_those_of_the_record_whatever_the_processor(name: str, tmp_path: Path):
    """Rounding on other processors changes at most the sixth digit; after hundreds of steps, it acts as a new seed."""
    found = figures(name, tmp_path)
    for what, values in KNOWN[name].items():
        assert found[what] == pytest.approx(values, rel=1e-4), "increase REVISION, record, run first_steps"


@pytest.mark.parametrize("name", ["diffusion", "encoder", "control"])
def test_a_world_has_all_models_and_an_adapter_of_no_strength_changes_nothing(name: str, tmp_path: Path):
    plan = protocol(name)
    with small(name):
        of = world(name, tmp_path)
        one = adapted(of.models["source"], Method(placement="input", rank=2), of.layers, 0)
        assert {*of.models} >= {"source", *plan.targets}
        for where in plan.targets:
            there = of.models[where]
            expected = of.measure(there, where)
            assert of.measure(moved(one, there), where) == pytest.approx(expected, rel=1e-4)
            assert set(expected) == {plan.measure, *plan.also}
            assert of.own(there, where) >= 0


GLYPHS = {
    "diffusion": (Model, diffusion.LAYERS),
    "encoder": (Reader, encoder.LAYERS),
    "control": (Guided, control.LAYERS),
}
TOKENS = {"encoder": 3, "control": 2 + PICTURE}


def generator(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    one = GLYPHS[name][0]()
    torch.nn.init.normal_(one.head.weight, std=0.1)
    return one.double()


def inputs(name: str, n: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    drawn = torch.Generator().manual_seed(1)
    x = torch.randn(n, 1, SIZE, SIZE, generator=drawn, dtype=torch.float64)
    plain = prompts(torch.arange(n), torch.arange(n)).double()
    prompt = (
        plain if name == "diffusion" else torch.randn(n, TOKENS[name], PROMPT, generator=drawn, dtype=torch.float64)
    )
    return x, torch.linspace(0, 0.9, n, dtype=torch.float64), prompt


EXACT = [
    ("diffusion", "heads"),
    ("diffusion", "stream"),
    ("encoder", "heads"),
    ("control", "heads"),
    ("control", "stream"),
]


@pytest.mark.parametrize(("name", "target"), EXACT)
def test_the_side_that_must_be_exact_is_exact_and_lora_is_not(name: str, target: str):
    source, plan, given = generator(name), protocol(name), inputs(name)
    there = gauges.heads(source, 3, HEADS) if target == "heads" else gauges.stream(source, 3)
    torch.testing.assert_close(there(*given), source(*given))
    for row, exact in ((plan.exact.get(target, "input"), True), ("lora", False)):
        assert (lost(source, there, plan.methods[row], GLYPHS[name][1], lambda m: m(*given)) < 1e-9) == exact
