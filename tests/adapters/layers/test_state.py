"""A law: whatever carries the state of adapters carries it by name, or reports what does not fit."""

import copy
import pickle
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.testing import assert_close

from ioadapt_theory import activate, adapt, disable, layers, load, merge, remove, save, scale, unmerge
from ioadapt_theory.errors import InvalidValueError
from tests.adapters.cases import C, D

NAMES = ["policy", "style", "a", "b"]
FAMILIES = ["lora", "dora", "loha", "lokr", "full"]
PLACEMENTS = ["input", "output", "weight", "input+weight", "input+output"]
X = torch.arange(3 * C, dtype=torch.float64).reshape(3, C).sin()


def base() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(C, D), nn.Linear(D, C))


def add(model: nn.Module, name: str, kinds: dict[str, tuple], draw: random.Random) -> None:
    family, placement, rank, targets = kinds[name]
    options = {"family": family, "placement": placement, "rank": rank, "alpha": draw.choice([1, 2, 8, 64])}
    adapt(model, target_modules=targets, name=name, init="random", **options)


def process(kinds: dict[str, tuple], draw: random.Random) -> nn.Module:
    """Return a model with some of the adapters, added in any order, perhaps removed and added again, and trained."""
    model, names = base(), draw.sample(NAMES, draw.randint(1, 3))
    for name in names:
        add(model, name, kinds, draw)
    if draw.random() < 0.3:
        remove(model, names[0])
        add(model, names[0], kinds, draw)
    for name in names:
        scale(model, draw.choice([1, 0.3, -2]), name)
    return model


def numbers(model: nn.Module) -> dict[str, list[torch.Tensor]]:
    """Return the scaling and the parameters of each part of each adapter, under the prefix of their keys."""
    return {
        f"{place}.adapters.{name}.{side}.": [torch.tensor(phi.scaling), *(p.detach().clone() for p in phi.parameters())]
        for place, layer in layers(model).items()
        for name, adapter in layer.adapters.items()
        for side, phi in adapter.parts()
    }


def same(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return len(one) == len(two) and all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@contextmanager
def in_some_state(model: nn.Module, draw: random.Random) -> Iterator[None]:
    """Merge the model and open a ``disable`` block, or do either or neither."""
    if draw.random() < 0.5:
        merge(model)
    with disable(model) if draw.random() < 0.5 else nullcontext():
        yield
    unmerge(model)


def law_of_state_dicts(one: nn.Module, two: nn.Module, draw: random.Random) -> None:
    there, before, strict = numbers(one), numbers(two), draw.random() < 0.5
    state = one.state_dict()
    if draw.random() < 0.3:
        state = {key: value for key, value in state.items() if draw.random() < 0.9}
    try:
        missing, unexpected = two.load_state_dict(state, strict=strict)
    except RuntimeError:  # keys that do not fit if ``strict``, or shapes
        return
    here = numbers(two)
    for part in there.keys() | before.keys():
        told = [key for key in (*missing, *unexpected) if key.startswith(part)]
        assert told or same(here[part], there[part])
    if not missing and not unexpected:
        names = [*dict.fromkeys(name for layer in layers(one).values() for name in layer.adapters)]
        activate(one, *names)
        activate(two, *names)
        assert torch.equal(two(X), one(X))


def law_of_files(one: nn.Module, two: nn.Module, draw: random.Random) -> None:
    names = {name for layer in layers(one).values() for name in layer.adapters}
    with tempfile.TemporaryDirectory() as folder, in_some_state(one, draw):
        for name in names:
            save(one, Path(folder) / name, name)
        fresh = base()
        for name in draw.sample(sorted(names), len(names)):
            load(fresh, Path(folder) / name, name)
    here, there = numbers(fresh), numbers(one)
    assert here.keys() == there.keys()
    assert all(same(here[part], there[part]) for part in here)


def law_of_copies(one: nn.Module, two: nn.Module, draw: random.Random) -> None:
    plain, there = copy.deepcopy(one), numbers(one)
    with in_some_state(one, draw):
        merged = any(layer._swapped for layer in layers(one).values())
        match draw.choice(["deepcopy", "pickle", "average"]):
            case "deepcopy":
                twin = copy.deepcopy(one)
            case "pickle":
                twin = pickle.loads(pickle.dumps(one))
            case "average":
                average = AveragedModel(one, multi_avg_fn=get_ema_multi_avg_fn(0.5), use_buffers=draw.random() < 0.5)
                if not merged:
                    average.update_parameters(one)
                twin = average.module
    here = numbers(twin)
    assert all(same(here[part], there[part]) for part in there | here)
    assert_close(twin(X), plain(X))
    assert_close(merge(twin, unload=True)(X), merge(plain, unload=True)(X))


LAWS = [law_of_state_dicts, law_of_state_dicts, law_of_files, law_of_copies]


@pytest.mark.parametrize(
    "seeds", [range(24), pytest.param(range(24, 1024), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_state_is_carried_by_name_or_reported(seeds: range) -> None:
    for seed in seeds:
        draw = random.Random(seed)
        kinds = {
            name: (draw.choice(FAMILIES), draw.choice(PLACEMENTS), draw.randint(1, 3), draw.choice([["0"], ["0", "1"]]))
            for name in NAMES
        }
        torch.manual_seed(seed)
        one, two = process(kinds, draw), process(kinds, draw)
        with torch.no_grad():
            LAWS[seed % len(LAWS)](one, two, draw)


def test_a_state_of_version_0_1_0_is_refused_with_one_sentence() -> None:
    model = adapt(base(), target_modules=["0"], placement="input")
    state = model.state_dict()
    del state["0.adapters.default.input._extra_state"]
    state["0.adapters._extra_state"] = torch.tensor([2.0])
    for strict in (True, False):
        with pytest.raises(
            RuntimeError, match=r"0\.adapters\._extra_state is of version 0\.1\.0, which stored scalings"
        ):
            model.load_state_dict(state, strict=strict)


@pytest.mark.parametrize(
    "value", [torch.tensor([1.0, 2.0]), torch.tensor(float("nan")), "1", torch.tensor(1e300).double()]
)
def test_a_scaling_that_is_no_number_is_refused(value: object) -> None:
    model = adapt(base(), target_modules=["0"], placement="input")
    with pytest.raises(InvalidValueError, match="must be one finite number, not"):
        model.load_state_dict(model.state_dict() | {"0.adapters.default.input._extra_state": value})


def test_a_weight_is_not_assigned_to_a_merged_layer() -> None:
    model = adapt(base(), target_modules=["0"], placement="input", init="random")
    layer, new = model[0], nn.Parameter(torch.ones(D, C))
    layer.weight = nn.Parameter(layer.weight.detach() + 1)  # unmerged, it becomes the base layer's
    expected = model(X)
    merge(model)
    for block in (nullcontext(), disable(model)):
        with block, pytest.raises(InvalidValueError, match=r"call unmerge\(model\) before assigning its weight"):
            layer.weight = new
    assert torch.equal(unmerge(model)(X), expected)


EDITS = {
    "replaced": lambda plain: setattr(plain, "weight", nn.Parameter(torch.ones(D, C))),
    "in place": lambda plain: plain.weight.add_(1),
    "through data": lambda plain: plain.weight.data.neg_(),
    "other data": lambda plain: setattr(plain.weight, "data", plain.weight.flip(0)),
    "one bit": lambda plain: plain.bias.data[2:3].view(torch.int64).bitwise_xor_(1),
    "loaded": lambda plain: plain.load_state_dict({"weight": torch.ones(D, C), "bias": torch.ones(D)}),
}


@pytest.mark.parametrize("edit", EDITS)
@torch.no_grad()
def test_a_change_of_a_merged_weight_is_not_lost(edit: str) -> None:
    model = merge(adapt(base(), target_modules=["0"], placement="input", init="random"))
    EDITS[edit](model[0].base_layer)
    expected = model(X)
    with disable(model):
        pass
    key = "bias" if edit == "one bit" else "weight"
    with pytest.raises(InvalidValueError, match=f"^0: The {key} of the layer was changed while"):
        unmerge(copy.deepcopy(model))
    assert torch.equal(merge(model, unload=True)(X), expected)


def test_a_merged_layer_is_unmerged_after_its_dtype_was_changed() -> None:
    model = adapt(base(), target_modules=["0", "1"], placement="input", init="random")
    expected = model(X)
    merge(model)
    for block in (nullcontext(), disable(model)):
        with block:
            model.float()
    assert_close(unmerge(model)(X.float()), expected.float())


@pytest.mark.parametrize("where", [{"": "cpu"}, {"0": "cpu", "1": "disk"}])
def test_accelerate_loads_a_checkpoint_with_scalings(where: dict[str, str], tmp_path: Path) -> None:
    accelerate, safetensors = pytest.importorskip("accelerate"), pytest.importorskip("safetensors.torch")
    source = adapt(base(), target_modules=["0", "1"], placement="input+output", init="random", rank=2)
    scale(source, 0.3)
    safetensors.save_file(source.state_dict(), tmp_path / "model.safetensors", metadata={"format": "pt"})
    with accelerate.init_empty_weights(include_buffers=True):
        model = adapt(base(), target_modules=["0", "1"], placement="input+output", rank=2)
    options = {"device_map": where, "offload_folder": tmp_path / "off", "offload_buffers": True}
    model = accelerate.load_checkpoint_and_dispatch(model, f"{tmp_path}/model.safetensors", **options)
    for _ in range(2):
        assert_close(model(X), source(X))
