"""The generator that reads words, the encoder, and the faces that neither sees."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ioadapt_theory.adapters import parameters
from tests.toys.exact import lost
from toys import encoder
from toys.glyphs.faces import FACES, LETTERS, SIZE
from toys.glyphs.faces import encoder as frozen
from toys.glyphs.judges import changed
from toys.glyphs.networks import HEADS, PROMPT, Reader
from toys.transfer import gauges
from toys.transfer.protocol import protocol
from toys.transfer.rows import adapted, moved

PLAN = protocol("encoder")
TINY = encoder.Size(base=6, target=2, adapter=3, judge=4, batch=4, drawings=1, taught=20)


def model() -> Reader:
    torch.manual_seed(0)
    one = Reader()
    torch.nn.init.normal_(one.head.weight, std=0.1)
    return one.double()


def velocity(one: torch.nn.Module) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(1)
    x = torch.randn(5, 1, SIZE, SIZE, generator=drawn, dtype=torch.float64)
    prompt = torch.randn(5, 3, PROMPT, generator=drawn, dtype=torch.float64)
    return one(x, torch.linspace(0, 0.9, 5, dtype=torch.float64), prompt)


def test_ways_and_letters_that_are_measured_are_neither_learnt_nor_validated():
    assert not {*encoder.WAYS} & {*encoder.VALIDATED}
    assert not ({*encoder.WAYS, *encoder.VALIDATED} & {*encoder.TESTED} - {0})  # 0: of faces that were learnt
    assert sorted((*encoder.PICTURE, *encoder.ASKED)) == [*range(len(LETTERS))]


def test_a_style_is_the_same_face_and_way_in_glyphs_and_in_words():
    faces, ways = FACES[:2], (0, 3)
    x, letters, styles = encoder.drawn(faces, (4, 7), 1, ways, 5)
    assert letters.tolist() == [4, 7] * 4
    assert styles.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert torch.equal(x[4:], changed(x[:4], 103))
    told = encoder.words(faces, ways)
    assert torch.equal(told[:, 0], frozen()[1][[0, 1, 0, 1]])
    assert torch.equal(told[0, 1], told[1, 1])
    assert not torch.equal(told[0, 1], told[2, 1])


def test_words_are_read_by_cross_attention_alone():
    one = model()
    with torch.no_grad():
        for name in encoder.LAYERS:
            if name.endswith("v"):
                one.get_submodule(name).weight.zero_()
    drawn = torch.Generator().manual_seed(2)
    x = torch.randn(3, 1, SIZE, SIZE, generator=drawn, dtype=torch.float64)
    prompt = torch.randn(3, 3, PROMPT, generator=drawn, dtype=torch.float64)
    time = torch.full((3,), 0.5, dtype=torch.float64)
    other = torch.cat([prompt[:, :1], -prompt[:, 1:]], 1)
    torch.testing.assert_close(one(x, time, prompt), one(x, time, other))
    assert not torch.allclose(model()(x, time, prompt), model()(x, time, other))


def test_an_input_adapter_is_exact_in_other_bases_of_heads_and_lora_is_not():
    source = model()
    there = gauges.heads(source, 3, HEADS)
    torch.testing.assert_close(velocity(there), velocity(source))
    for name, exact in (("input", True), ("lora", False), ("output", False)):
        assert (lost(source, there, PLAN.methods[name], encoder.LAYERS, velocity) < 1e-9) == exact


def test_a_world_has_all_models_and_its_encoder_and_generators_know_nothing_of_its_face(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setitem(encoder.SIZES, "quick", TINY)
    world = encoder.world(1, "quick", tmp_path)
    assert {"source", *PLAN.targets} == {*world.models}
    assert encoder.subject(1) not in world.seen
    assert world.encoder.face.out_features == len(world.seen) * len(encoder.WAYS)
    assert world.pictures.std() == pytest.approx(1, abs=0.05)  # as of words
    real, told = world.tested
    assert len(real.letters) == len(encoder.ASKED) * len(encoder.TESTED) == len(told)
    one = adapted(world.models["source"], replace(PLAN.methods["input"], rank=2), world.layers, 0)
    for where, there in world.models.items():
        assert world.measure(moved(one, there), where) == world.measure(there, where)
        assert 0 <= world.own(there, where) <= 1
    assert {name: len(x) for name, x in world.real().items()} == {"real": 4, "picture": 6}
    assert world.fit(one, 1e-2, "source") > 0
    assert any(p.detach().any() for name, p in parameters(one) if name.endswith("B"))
