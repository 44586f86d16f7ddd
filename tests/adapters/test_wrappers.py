"""What torch and its neighbours do with an adapted layer: tie, replicate, shard, offload, convert, save, nest."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import (
    FAMILIES,
    AdaptedLayer,
    AdapterConfig,
    Placement,
    activate,
    adapt,
    disable,
    layers,
    merge,
    parameters,
    remove,
    transfer,
    unload,
)
from ioadapt_theory.errors import InvalidValueError, UnknownNameError, UnsupportedError
from tests.adapters.cases import C, D, build, every_single, layer, sample

families = pytest.mark.parametrize("family", FAMILIES)
single = pytest.mark.parametrize("placement", list(Placement))


def two() -> nn.Sequential:
    return nn.Sequential(nn.Linear(C, D), nn.Linear(D, C))


def replica(model: nn.Module) -> nn.Module:
    """What torch.nn.parallel.replicate makes for a device: weights are plain attributes, no parameters are left."""
    copies = {module: module._replicate_for_data_parallel() for module in model.modules()}
    for module, copy in copies.items():
        copy._former_parameters = {}
        for key, child in module._modules.items():
            setattr(copy, key, copies[child])
        for key, p in module._parameters.items():
            value = p * 1
            setattr(copy, key, value)
            copy._former_parameters[key] = value
    return copies[model]


@every_single
def test_a_replica_of_dataparallel_computes_the_same_and_trains_the_original(family, placement, kind):
    model, x = build(family, placement, kind), sample(kind)
    trained = [p for _, p in parameters(model)]
    expected = model(x)
    found = replica(model)(x)
    assert_close(found, expected)
    for ours, theirs in zip(
        torch.autograd.grad(found.square().sum(), trained),
        torch.autograd.grad(expected.square().sum(), trained),
        strict=True,
    ):
        assert_close(ours, theirs)


def test_a_model_sharded_by_fsdp_can_be_switched_but_not_merged(tmp_path):
    dist = pytest.importorskip("torch.distributed")
    fsdp = pytest.importorskip("torch.distributed.fsdp")
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    try:
        model, x = two(), torch.randn(3, C)
        adapt(model, target_modules=["0", "1"], family="dora", placement="weight", init="random")
        expected = model(x)
        fsdp.fully_shard(model)
        with disable(model):
            assert not torch.allclose(model(x), expected)
        assert_close(model(x), expected)
        with pytest.raises(UnsupportedError, match="FSDP keeps the weights itself"):
            merge(model)
    finally:
        dist.destroy_process_group()


def test_an_offloaded_layer_is_adapted_on_its_execution_device_and_not_merged():
    accelerate = pytest.importorskip("accelerate")
    model, whole, x = two(), two(), torch.randn(3, C)
    whole.load_state_dict(model.state_dict())
    accelerate.cpu_offload(model, execution_device="cpu")
    adapt(model, target_modules=["0", "1"], placement="output", init="random")
    transfer(model, whole)
    assert_close(model(x), whole(x))
    for attempt in (
        lambda: merge(model),
        lambda: adapt(model, name="b", target_modules=["0"], family="dora", placement="weight"),
    ):
        with pytest.raises(UnsupportedError, match="0: A Linear does not store a plain weight matrix here"):
            attempt()


def test_nothing_is_merged_into_weights_that_are_not_loaded():
    source, x = build("lora", "input", "linear"), sample("linear")
    model = adapt(nn.Sequential(nn.Linear(C, D, device="meta")), target_modules=["0"], rank=2, alpha=3)
    with pytest.raises(InvalidValueError, match=r"^0: The layer's weight is on the meta device"):
        merge(model)
    model.load_state_dict(source.state_dict(), assign=True)
    assert_close(merge(model)(x), source(x))


@families
@single
def test_a_merged_convolution_keeps_its_memory_format(family, placement):
    model = nn.Sequential(nn.Conv2d(C, D, 3).to(memory_format=torch.channels_last))
    adapt(model, target_modules=["0"], family=family, placement=placement, rank=2, init="random")
    x = torch.randn(2, C, 5, 5)
    expected = model(x)
    merge(model)
    assert layer(model).base_layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert_close(model(x), expected)


def test_the_state_of_a_merged_model_would_hold_the_adapter_twice_and_is_refused():
    model = build("lora", "input", "linear")
    state = model.state_dict()
    merge(model)
    with pytest.raises(InvalidValueError, match="unmerge it before taking its state_dict"):
        model.state_dict()
    with pytest.raises(InvalidValueError, match="unmerge it before loading a state_dict"):
        model.load_state_dict(state)
    assert unload(model).state_dict().keys() == {"0.weight", "0.bias"}


@pytest.mark.parametrize("change", [activate, lambda model: remove(model, "a")], ids=["activate", "remove"])
def test_what_a_merged_layer_refuses_is_changed_nowhere(change):
    model = two()
    adapt(model, target_modules=["0"], name="a")
    adapt(model, target_modules=["1"], name="b")
    model[1].merge()
    adapt(model, target_modules=["0"], name="c")
    model[0].merge()
    model[1].unmerge()
    with pytest.raises(InvalidValueError, match=r"^0: The layer is merged: unmerge it before"):
        change(model)
    assert [found.active for found in layers(model).values()] == [("a", "c"), ("b",)]


def test_removing_the_last_adapter_gives_torch_s_encoder_its_fast_path_back():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 24, batch_first=True), 2).eval()
    linear = encoder.layers[0].linear1
    for take_away in (remove, unload):
        adapt(encoder, target_modules=["layers.0.linear1"])
        assert not encoder.use_nested_tensor
        assert [part.activation_relu_or_gelu for part in encoder.layers] == [0, 1]
        take_away(encoder)
        assert encoder.use_nested_tensor
        assert [part.activation_relu_or_gelu for part in encoder.layers] == [1, 1]
        assert encoder.layers[0].linear1 is linear


class Composite(nn.Module):
    """A layer of known sizes that is made of another."""

    def __init__(self) -> None:
        super().__init__()
        self.in_features, self.out_features, self.linear = C, D, nn.Linear(C, D)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


def test_a_layer_and_what_is_inside_it_are_not_both_adapted():
    model = nn.Sequential(Composite())
    with pytest.raises(InvalidValueError, match="0: This Composite contains adapted layers: exclude either it or them"):
        adapt(model, target_modules="all-linear")
    adapt(model, target_modules=["linear"])
    with pytest.raises(InvalidValueError, match="0: This Composite contains adapted layers"):
        adapt(model, target_modules=["0"], name="outer")
    remove(model)
    adapt(model, target_modules=["0"])
    assert isinstance(model[0], AdaptedLayer)


class Grouped(Composite):
    """A grouped product as for experts: it has to know which rows are whose."""

    def forward(self, x: torch.Tensor, rows: list[int]) -> torch.Tensor:
        return torch.cat([self.linear(part) for part in x.split(rows)])


def test_layers_that_map_more_or_other_than_one_real_tensor_are_refused():
    for module, message in (
        (Grouped(), "A Grouped takes x, rows"),
        (nn.LazyLinear(4), "A LazyLinear has no sizes before its first call"),
        (nn.Linear(C, D, dtype=torch.complex64), "This Linear is complex and adapters are real"),
    ):
        with pytest.raises(UnsupportedError, match=f"^0: {message}"):
            adapt(nn.Sequential(module), target_modules=["0"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_modules": None}, "target_modules is None; it is a list of module names"),
        ({"target_modules": ["a", 3]}, r"target_modules is \['a', 3\]"),
        ({"dropout": "0.1"}, "dropout is '0.1'; it is a probability"),
        ({"factor": 1.5}, "factor is 1.5; it is a positive whole number"),
        ({"dtype": torch.int8}, r"dtype is torch.int8; it is one of torch.bfloat16,"),
        ({"placement": None}, "No placement 'None'"),
        ({"family": None}, "No family None"),
    ],
)
def test_options_of_the_wrong_type_are_one_sentence(options, message):
    with pytest.raises((InvalidValueError, UnknownNameError), match=message):
        AdapterConfig(**{"target_modules": ["a"], **options})
