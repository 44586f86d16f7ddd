"""A map of two models is made once, from their own domain, kept in a file, and moves any adapter."""

import copy

import pytest
import torch

from ioadapt_theory import ModelMap, map_models, transfer
from ioadapt_theory.adapters import layers
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.maps.model_map import fingerprint
from ioadapt_theory.moving import TransferError
from tests.effect.nets import gauge, mlp
from tests.moving.test_carry import FRESH, X, adapted, conv, kept

GENERIC = torch.randn(240, 6, generator=torch.Generator().manual_seed(8), dtype=torch.float64) * 1.3 + 0.2


def images(x: torch.Tensor) -> torch.Tensor:
    plain = x.repeat(1, 16)[:, :72].reshape(-1, 2, 6, 6)
    return plain + 0.5 * torch.randn(plain.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.fixture
def between() -> ModelMap:
    return map_models(mlp(0), gauge(mlp(0), 3), GENERIC, need="change")


@pytest.mark.parametrize("placement", ["weight", "input", "output", "input+weight"])
@pytest.mark.parametrize("family", ["lora", "dora", "loha"])
def test_one_map_moves_adapters_of_every_placement_and_family(between, placement, family, tmp_path):
    source, target = adapted(mlp(0), placement=placement, family=family), gauge(mlp(0), 3)
    between.save(tmp_path / "map.safetensors")
    stored = ModelMap.load(tmp_path / "map.safetensors")
    results = []
    for one in (between, stored):
        moved = copy.deepcopy(target)
        outcome = transfer(source, moved, map=one)
        assert (outcome.matched, outcome.notes) == (("0", "2"), ())
        results.append((kept(source, moved, FRESH), outcome.kept))
    assert results[0][0] > 0.9
    assert results[0] == pytest.approx(results[1], abs=2e-3)  # half precision loses nothing
    assert results[0][1] == pytest.approx(results[0][0], abs=0.1)


def test_a_map_tells_its_size_and_what_it_explains(between, tmp_path):
    between.save(tmp_path / "map.safetensors")
    size = (tmp_path / "map.safetensors").stat().st_size
    assert between.nbytes < size < between.nbytes + 8000
    assert min(*between.places["2:input"].activations, *between.places["2:input"].gradients) > 0.9
    assert "2:input: P 1.00" in str(between)
    weight = map_models(mlp(0), gauge(mlp(0), 3), GENERIC, need="change", placements=["weight"], layers=["2"])
    assert {*weight.places} == {"2:input", "2:output"}
    assert weight.nbytes < between.nbytes / 2
    assert (weight.places["2:input"].Q, weight.places["2:output"].P) == (None, None)
    bias = {("2", "bias"): (torch.ones(1, 1), torch.randn(1, 7, generator=torch.Generator().manual_seed(0)))}
    outputs = map_models(mlp(0), gauge(mlp(0), 3), GENERIC, need="change", placements=["output"])
    assert outputs.foretold(bias) == pytest.approx(between.foretold(bias))
    with pytest.raises(TransferError, match=r"0: the map does not contain this layer"):
        transfer(adapted(mlp(0)), gauge(mlp(0), 3), map=weight)
    with pytest.raises(TransferError, match="does not contain what an adapter on the input"):
        transfer(adapted(mlp(0), target_modules=["2"], placement="input"), gauge(mlp(0), 3), map=weight)


@pytest.mark.parametrize("wider", [False, True])
def test_what_a_map_foretells_is_kept(wider):
    torch.manual_seed(4)
    base = mlp(0)
    target = mlp(5, width=24) if wider else mlp(5)
    source = adapted(base, size=0.05)  # small, so that the effect is of first order
    outcome = transfer(source, target, map=map_models(base, target, GENERIC, need="change", draws=4))
    assert outcome.kept == pytest.approx(kept(source, target, GENERIC), abs=0.15)
    assert ("the share that is kept is unknown." in str(outcome)) == bool(outcome.notes) == (outcome.kept < 0.5)


def test_convolutions_are_mapped_by_channels():
    x = images(X[:90])
    source, target = adapted(conv(0)), gauge(conv(0), 3)
    outcome = transfer(source, target, map=map_models(conv(0), target, x, need="change"))
    assert kept(source, target, images(FRESH[:30])) > 0.95
    assert outcome.kept > 0.95


def test_other_models_and_files_are_refused(between, tmp_path):
    source, target = adapted(mlp(0)), gauge(mlp(0), 3)
    assert fingerprint(source) == fingerprint(mlp(0)) == between.source
    assert fingerprint(mlp(0).bfloat16()) == fingerprint(mlp(0).bfloat16().float()) != between.source
    for one, two in ((source, mlp(1)), (adapted(mlp(1)), target)):
        with pytest.raises(InvalidValueError, match=r"The map is for another (source|target)"):
            transfer(one, two, map=between)
    with pytest.raises(InvalidValueError, match="steps cannot be used with map="):
        transfer(source, target, map=between, steps=3)
    assert not layers(target)
    (tmp_path / "no.safetensors").write_bytes(b"no map")
    with pytest.raises(FileFormatError, match="is not a map of two models"):
        ModelMap.load(tmp_path / "no.safetensors")


def test_other_names_are_given_by_rename():
    torch.manual_seed(0)
    target = torch.nn.Sequential(torch.nn.Identity(), *gauge(mlp(0), 3))
    named = map_models(mlp(0), target, GENERIC, need="change", rename={"0": "1", "2": "3", "4": "5"})
    source = adapted(mlp(0), rank=3)
    outcome = transfer(source, target, map=named, rank=1)
    assert outcome.sources == {"1": "0", "3": "2"}
    assert {layer.rank for layer in outcome.layers.values()} == {1}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layers": ["nowhere"]}, "layers contains 'nowhere'"),
        ({"memory": 0}, r"memory must be a number of gigabytes above 0, not 0\."),
        ({"batch": 0}, r"batch must be a whole number, at least 1, not 0\."),
        ({"batch": 1.5}, r"batch must be a whole number, at least 1, not 1\.5\."),
        (
            {"source": "a"},
            "not str; load it first, or use `ioadapt map SOURCE TARGET`",
        ),
        ({"placements": ("foo",)}, r"placements must be a list of 'input', 'output', 'weight', not \('foo',\)\."),
        ({"placements": "weight"}, "placements must be a list of 'input', 'output', 'weight', not 'weight'"),
        ({"placements": ()}, r"placements must be a list of 'input', 'output', 'weight', not \(\)\."),
        ({"match": "effect"}, "match must be 'name', 'provenance', 'auto' or 'depth' for a map, not 'effect'"),
        ({"match": "foo"}, "match must be 'name', 'provenance', 'auto' or 'depth' for a map, not 'foo'"),
        ({"rename": ["0"]}, "rename must be a mapping"),
        ({"draws": 0}, r"draws must be a whole number, at least 1, not 0\."),
        ({"seed": 2**64}, r"seed must be a whole number from 0 to 4,294,967,295, not 18446744073709551616\."),
    ],
)
def test_options_that_make_no_map_are_refused_in_a_sentence(options, sentence):
    with pytest.raises(InvalidValueError, match=sentence):
        map_models(**{"source": mlp(0), "target": mlp(1), "inputs": GENERIC, "need": "change", **options})


def test_what_several_layers_do_is_added_up_in_one():
    source, target = (torch.nn.Sequential(*(torch.nn.Linear(6, 6) for _ in range(n))) for n in (3, 2))
    made = map_models(source, target, X[:60], need="change", rename={"2": "1"})
    changes = {(layer, "weight"): (torch.randn(6, 2), torch.randn(2, 6)) for layer in "12"}
    alone = [made.carry({key: factors}) for key, factors in changes.items()]
    a, b = made.carry(changes)["1", "weight"]
    torch.testing.assert_close(a @ b, sum(one["1", "weight"][0] @ one["1", "weight"][1] for one in alone))
    outcome = transfer(adapted(source, target_modules=["1", "2"]), target, map=made)
    assert (outcome.sources, outcome.layers["1"].rank) == ({"1": "1, 2"}, 4)


def test_the_map_of_a_damaged_copy_is_a_copy():
    source = mlp(0)
    target = copy.deepcopy(source)
    for p in target.parameters():
        p.data += 0.2 * p.data.std() * torch.randn_like(p)
    made = map_models(source, target, X[:40], need="change")
    outcome = transfer(adapted(source), target, map=made)
    assert ("the share that is kept is unknown." in str(outcome)) == bool(outcome.notes) == (outcome.kept < 0.5)
    for place in made.places.values():
        torch.testing.assert_close(place.P, torch.eye(len(place.P)).to(place.P))


class Gated(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.up = torch.nn.Linear(6, 6), torch.nn.Linear(6, 6)

    def forward(self, x):
        return x + self.gate(x).tanh() * self.up(x)


def test_a_map_that_exceeds_the_memory_is_made_in_several_passes():
    torch.manual_seed(0)
    source, target = (torch.nn.Sequential(Gated(), Gated(), Gated()) for _ in range(2))
    whole, parts = (map_models(source, target, X[:60], need="change", memory=most) for most in (4.0, 1e-9))
    assert [*parts.places] == [*whole.places]
    for name, place in whole.places.items():
        for side in ("P", "Q"):
            torch.testing.assert_close(getattr(parts.places[name], side), getattr(place, side))
    assert (parts.layers, str(parts)) == (whole.layers, str(whole))
