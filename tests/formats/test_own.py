import copy
import json
import tempfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import FAMILIES, adapt, layers, merge, scale
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.formats import load, save
from ioadapt_theory.moving import TransferError
from tests.formats.refusals import refused

NAME = "ioadapt.safetensors"
PLACEMENTS = ["input", "output", "weight", "input+weight", "output+weight", "input+output", "input+output+weight"]


@pytest.fixture
def saved(tmp_path):
    model = adapt(fresh(), target_modules=["0"], placement="input", rank=2, alpha=5, init="random")
    return save(model, tmp_path / "adapter")


def fresh() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 4))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.bfloat16]),
    family=st.sampled_from([*FAMILIES]),
    placement=st.sampled_from(PLACEMENTS),
    rank=st.integers(1, 6),
    alpha=st.floats(-64, 64, allow_nan=False),
    factor=st.sampled_from([-1, 1, 2, 3]),
)
def test_what_is_saved_comes_back_to_the_last_bit(sizes, dtype, family, placement, rank, alpha, factor):
    c, d = sizes
    base = nn.ModuleDict({"lin": nn.Linear(c, d), "conv": nn.Conv2d(c, d, (3, 2))}).to(dtype)
    model, twin = copy.deepcopy(base), copy.deepcopy(base)
    adapt(
        model, target_modules=["lin", "conv"], family=family, placement=placement, rank=rank, alpha=alpha,
        use_rslora=rank % 2 == 0, factor=factor, init="random", dropout=0.25, detach_norm=rank % 2 == 0,
    )  # fmt: skip
    scale(model, 0.5)
    with tempfile.TemporaryDirectory() as folder:
        first = load_file(save(model, folder) / NAME)
        load(twin, folder)
        again = load_file(save(twin, f"{folder}/x.safetensors"))
    assert_close(again, first, rtol=0, atol=0)
    x, image = torch.randn(3, c).to(dtype), torch.randn(1, c, 5, 4).to(dtype)
    with torch.no_grad():  # the loaded parameters have the same bits; kernels may sum in a different order
        assert_close(model.eval()["lin"](x), twin.eval()["lin"](x))
        assert_close(model["conv"](image), twin["conv"](image))
    for ours, theirs in zip(layers(model).values(), layers(twin).values(), strict=True):
        for (_, a), (_, b) in zip(ours.adapters["default"].parts(), theirs.adapters["default"].parts(), strict=True):
            assert (a.scaling, a.size, type(a), a.spec.dropout) == (b.scaling, b.size, type(b), b.spec.dropout)


def part(content):
    return content["layers"]["0"]["placements"]["input"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, _: c.update(layers={}), r"ioadapt\.layers in the header must be a JSON object with at least one"),
        (lambda c, _: c.update(layers={"\x1b[2J": c["layers"]["0"]}), r"and printable names, not \{'\\x1b\[2J'"),
        (lambda c, _: c["layers"]["0"].update(family="x" * 10**6), "family must be one of lora, .*not 'x{79}[.]$"),
        (lambda c, _: part(c).update(rank=0), r"placements\.input\.rank must be a whole number from 1 to .*, not 0"),
        (lambda c, _: part(c).update(size=[10**8] * 3), r"shape \[100000000, 2\], not torch.float64 of"),
        (lambda c, _: part(c).pop("dropout"), r"placements\.input must be an object with exactly the keys size, rank"),
        (lambda c, _: c.update(version=3), r"in the header must be 2 \(for a newer file, upgrade .*\), not '3'"),
        (lambda c, _: c["layers"].update({"0": [1]}), r"layers\.0 must be an object, not \[1\]"),
        (lambda _, t: t.pop("0.input.B"), r"0\.input\.B must be floating point of shape \[2, 6\], not missing"),
        (lambda _, t: t.update({"0.input.B": torch.full((2, 6), torch.nan)}), "must be finite"),
        (lambda _, t: t.update({"0.input.B": torch.ones(2, 6).cfloat()}), r"0\.input\.B has dtype C64, which cannot"),
        (lambda _, t: t.update({"1.input.B": torch.zeros(1)}), r"tensor 1\.input\.B belongs to no layer of ioadapt"),
    ],
)
def test_a_changed_file_names_key_expected_and_found(saved, change, message):
    file = saved / NAME
    with safe_open(file, "pt") as stored:
        header = dict(stored.metadata())
    content, tensors = {"layers": json.loads(header["ioadapt.layers"])}, load_file(file)
    change(content, tensors)
    header["ioadapt.layers"] = json.dumps(content.pop("layers"))
    save_file(tensors, file, header | {f"ioadapt.{k}": str(v) for k, v in content.items()})
    assert str(file) in refused(fresh(), saved, message)


def test_a_failing_save_leaves_the_former_adapter(saved, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = {p.name: p.read_bytes() for p in saved.iterdir()}
    model = adapt(fresh(), target_modules=["0"], placement="input", rank=3, init="random")
    for moment in ("os.fsync", "pathlib.Path.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(moment, fail)
            with pytest.raises(OSError, match="No space left"):
                save(model, saved)
    layers(model)["0"].adapters["default"]["input"].A.data[0, 0] = float("nan")
    with pytest.raises(InvalidValueError, match=r"0\.input\.A contains NaN or infinity"):
        save(model, saved)
    assert {p.name: p.read_bytes() for p in saved.iterdir()} == before


def test_another_tool_s_files_are_left_alone_and_a_folder_of_both_is_asked_about(saved, tmp_path):
    peft = {"adapter_config.json": b'{"peft_type": "LORA"}', "adapter_model.safetensors": b"precious"}
    for name, content in peft.items():
        (saved / name).write_bytes(content)
    save(adapt(fresh(), target_modules=["0"], placement="input", rank=2, init="random"), saved)
    assert {name: (saved / name).read_bytes() for name in peft} == peft
    refused(fresh(), saved, f"has both {NAME} and adapter_config.json")
    assert load(fresh(), saved / NAME).matched == ("0",)
    refused(fresh(), tmp_path, "contains no adapter; give a file, or a folder with")


def test_one_module_in_two_places_is_saved_once_and_takes_one_adapter(tmp_path):
    def tied() -> nn.ModuleDict:
        layer = nn.Linear(6, 6)
        return nn.ModuleDict({"a": layer, "b": nn.Sequential(layer)})

    save(adapt(tied(), target_modules=["a"], placement="input", rank=2, init="random"), tmp_path)
    twin = tied()
    assert load(twin, tmp_path).matched == ("a",)
    assert twin["a"] is twin["b"][0]
    two = nn.ModuleDict({"a": nn.Linear(6, 6), "b": nn.Sequential(nn.Linear(6, 6))})
    save(adapt(two, target_modules=["a", "b.0"], placement="input", rank=2), tmp_path / "two")
    same = r"1 of 2 layers \(b.0: b.0 and a are the same module, .* strict=False"
    refused(tied(), tmp_path / "two", same, TransferError)
    told = load(tied(), tmp_path / "two", strict=False)
    assert (told.matched, [*told.unmatched]) == (("a",), ["b.0"])


def test_wrappers_of_torch_leave_no_trace_in_the_names(tmp_path):
    model = adapt(fresh(), target_modules=["0"], placement="input", rank=2, init="random")
    save(torch.compile(nn.DataParallel(model), backend="eager"), tmp_path)
    assert set(load_file(tmp_path / NAME)) == {"0.input.A", "0.input.B"}


@pytest.mark.parametrize("placement", ["input", "weight"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_that_mixes_dtypes_is_the_adapter_in_the_widest(family, placement, tmp_path):
    options = {"target_modules": ["0"], "family": family, "placement": placement, "rank": 2, "init": "random"}
    model, x = adapt(fresh(), **options), torch.randn(3, 6)
    model[0].adapters.to(torch.bfloat16)
    save(model, tmp_path)
    with safe_open(tmp_path / NAME, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(tmp_path / NAME)
    first = min(tensors)
    save_file(tensors | {first: tensors[first].double()}, tmp_path / NAME, metadata=metadata)
    other = fresh()
    other[0].load_state_dict(model[0].base_layer.state_dict())
    load(other, tmp_path)
    model[0].adapters.double()
    assert {p.dtype for p in other[0].adapters.parameters()} == {torch.float64}
    assert_close(other(x), model(x))
    assert_close(merge(other)(x), model(x))
