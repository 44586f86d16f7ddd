"""Saved adapters: whole or not at all, and every mismatch named."""

import copy
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from ioadapt_theory.adapters import TransferError, adapt, layers
from ioadapt_theory.adapters.base_weights import read_layer
from ioadapt_theory.adapters.families import LoRA
from ioadapt_theory.errors import FileFormatError, InvalidValueError
from ioadapt_theory.formats import build, load, open_adapter, save
from ioadapt_theory.formats.plain_lora import Baked, write_lora
from ioadapt_theory.results import ABANDONED

NAME = "ioadapt.safetensors"


@pytest.fixture
def saved(tmp_path):
    model = adapt(nn.Sequential(nn.Linear(6, 4)), target_modules=["0"], rank=2, alpha=5, init="random")
    return save(model, tmp_path / "adapter")


def header(path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


@pytest.fixture
def former(saved):
    """The same as version 1 of the format had it: a config, and the weights file that it names."""
    said, tensors = header(saved / NAME), load_file(saved / NAME)
    (saved / NAME).unlink()
    name = f"adapter_model-{hashlib.sha256(b'content').hexdigest()[:16]}.safetensors"
    save_file(tensors, saved / name, {"made_by": "ioadapt_theory", "ioadapt.layers": said["ioadapt.layers"]})
    config = {
        "format": "ioadapt_theory",
        "version": 1,
        "weights": name,
        "layers": json.loads(said["ioadapt.layers"]),
    }
    (saved / "adapter_config.json").write_text(json.dumps(config))
    return saved


def fresh() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 4))


def rewrite(folder, change):
    """Change the config of version 1, or what the header says of the layers."""
    path = folder / "adapter_config.json"
    if path.exists():
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))
        return
    said, tensors = header(folder / NAME), load_file(folder / NAME)
    config = {"layers": json.loads(said["ioadapt.layers"])}
    change(config)
    said["ioadapt.layers"] = json.dumps(config["layers"])
    save_file(tensors, folder / NAME, said | {f"ioadapt.{k}": str(v) for k, v in config.items() if k != "layers"})


def retensor(folder, change):
    (path,) = folder.glob("*.safetensors")
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, header(path))


def part(config):
    return config["layers"]["0"]["placements"]["input"]


CONFIGS = [
    (lambda c: c.update(format="peft"), "format has to be 'ioadapt_theory', found 'peft'"),
    (lambda c: c.update(version=2), "version has to be 1, found 2"),
    (lambda c: c.update(weights="../../etc/passwd"), "weights has to be a file name as save writes it"),
    (lambda c: c.update(format="x" * 10**6), "found 'x{79}[.]$"),
]
LAYERS = [
    (lambda c: c.update(layers={}), "layers has to be an object with at least one layer"),
    (lambda c: c.update(layers={"\x1b[2J": c["layers"]["0"]}), r"of printable names, found \{'\\x1b\[2J'"),
    (lambda c: c.update(layers=[1]), r"layers has to be an object .*, found \[1\]"),
    (lambda c: c["layers"].update({"0": 3}), r"layers\.0\.family has to be an object, found 3"),
    (lambda c: c["layers"]["0"].update(family="vera"), r"family has to be one of lora, .*found 'vera'"),
    (lambda c: c["layers"]["0"].update(placements={}), "placements has to be an object of input, output, weight"),
    (lambda c: c["layers"]["0"]["placements"].update(side={}), "nothing but input, output, weight, found"),
    (lambda c: part(c).update(rank=0), r"placements\.input\.rank has to be a whole number, at least 1, found 0"),
    (lambda c: part(c).update(scaling=10**400), "scaling has to be a finite number, found 1000"),
    (lambda c: part(c).update(size=[10**30] * 3), r"size has to be \[rows, columns, channels\], found"),
    (lambda c: c["layers"]["0"].update(family=["lora"]), r"family has to be one of .*, found \['lora'\]"),
    (lambda c: part(c).update(scaling="big"), r"scaling has to be a finite number, found 'big'"),
    (lambda c: part(c).update(size=[6, 6]), r"size has to be \[rows, columns, channels\], found \[6, 6\]"),
    (lambda c: part(c).pop("dropout"), r"placements\.input has to be an object with size, rank"),
    (
        lambda c: part(c).update(rank=3),
        r"tensor 0\.input\.A has to be floating point \[6, 3\], found torch.float64 \[6, 2\]",
    ),
]


@pytest.mark.parametrize(("change", "message"), [*CONFIGS, *LAYERS])
def test_a_wrong_config_names_file_key_expected_and_found(former, change, message):
    rewrite(former, change)
    model = fresh()
    with pytest.raises(FileFormatError, match=message) as error:
        load(model, former)
    assert str(former) in str(error.value)
    assert not layers(model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *LAYERS,
        (lambda c: c.update(version=3), "version has to be 1 or 2, found '3'"),
        (lambda c: c["layers"].update({"1": {"same_as": "2"}}), "layers.1.same_as has to be a layer before it"),
        (lambda c: c["layers"].update({"1": {"same_as": "1"}}), "layers.1.same_as has to be a layer before it"),
        (lambda c: c.update(base_changes="[]"), "ioadapt.base_changes has to be an object, found"),
        (lambda c: c.update(base_changes='{"0.bias": {"how": "added to"}}'), "found no tensor"),
        (lambda c: c.update(base_changes="{"), "not readable as JSON"),
    ],
)
def test_a_wrong_header_names_file_key_expected_and_found(saved, change, message):
    rewrite(saved, change)
    model = fresh()
    with pytest.raises(FileFormatError, match=message) as error:
        load(model, saved)
    assert str(saved / NAME) in str(error.value)
    assert not layers(model)


def test_folders_of_version_1_load(saved, former):
    assert load(fresh(), former).matched == ("0",)
    (weights,) = former.glob("*.safetensors")
    assert load(fresh(), weights).matched == ("0",)  # its header has said the same since


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("0.input.B"), r"0\.input\.B has to be floating point \[2, 6\], found nothing"),
        (lambda t: t.update({"0.input.B": torch.zeros(2, 5)}), r"found torch.float64 \[2, 5\]"),
        (lambda t: t.update({"0.input.B": torch.zeros(2, 6, dtype=torch.int32)}), "found torch.int32"),
        (lambda t: t.update({"0.input.B": torch.zeros(2, 6).to(torch.float8_e5m2)}), "found torch.float8_e5m2"),
        (lambda t: t.update({"0.input.B": torch.full((2, 6), torch.nan)}), "has to be finite"),
        (lambda t: t.update({"1.input.B": torch.zeros(1)}), r"does not know: 1\.input\.B"),
    ],
)
def test_wrong_weights_name_file_key_expected_and_found(saved, change, message):
    retensor(saved, change)
    model = fresh()
    with pytest.raises(FileFormatError, match=message):
        load(model, saved)
    assert not layers(model)


def test_a_truncated_weights_file(saved):
    (path,) = saved.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileFormatError, match="is truncated"):
        load(fresh(), saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "ioadapt_theory"}', "[" * 100_000])
def test_broken_json(former, text):
    (former / "adapter_config.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"adapter_config\.json"):
        load(fresh(), former)


def test_a_folder_without_an_adapter(tmp_path):
    with pytest.raises(FileFormatError, match="a saved adapter is a folder with"):
        load(fresh(), tmp_path)


def test_a_huge_size_in_the_header_allocates_nothing(saved):
    rewrite(saved, lambda c: part(c).update(size=[10**12] * 3))
    with pytest.raises(FileFormatError, match="1000000000000"):
        load(fresh(), saved)


def test_a_model_that_does_not_fit_is_left_alone(saved):
    model = nn.Sequential(nn.Linear(7, 4))
    with pytest.raises(TransferError, match="input side has 7 -> 7, the adapter 6 -> 6"):
        load(model, saved)
    assert not layers(model)


def test_a_scaled_adapter_keeps_its_scaling(tmp_path):
    from ioadapt_theory.adapters import scale

    model = adapt(fresh(), target_modules=["0"], rank=2, alpha=5, init="random")
    scale(model, 0.5)
    save(model, tmp_path)
    twin = fresh()
    load(twin, tmp_path)
    assert layers(twin)["0"].adapters["default"]["input"].scaling == 1.25


def test_a_non_finite_adapter_is_not_saved_and_the_former_one_stays(saved):
    model = adapt(fresh(), target_modules=["0"], rank=2, init="random")
    layers(model)["0"].adapters["default"]["input"].A.data[0, 0] = float("nan")
    before = {p.name: p.read_bytes() for p in saved.iterdir()}
    with pytest.raises(InvalidValueError, match=r"0\.input\.A is not finite"):
        save(model, saved)
    assert {p.name: p.read_bytes() for p in saved.iterdir()} == before


def test_saving_again_leaves_one_file(saved):
    model = adapt(fresh(), target_modules=["0"], rank=3, init="random")
    save(model, saved)
    assert [path.name for path in saved.iterdir()] == [NAME]
    load(fresh(), saved)


def test_equal_adapters_are_equal_files_whatever_they_are_called(tmp_path):
    model = adapt(fresh(), target_modules=["0"], rank=2, init="random", placement="input+weight")
    folders = [save(model, tmp_path / f"{i}") / NAME for i in range(8)] + [save(model, tmp_path / "x.safetensors")]
    assert len({path.read_bytes() for path in folders}) == 1
    assert load(fresh(), tmp_path / "x.safetensors").matched == ("0",)


@pytest.mark.parametrize("moment", ["shutil.copyfileobj", "pathlib.Path.replace"])
def test_a_failing_disk_leaves_the_former_adapter(saved, monkeypatch, moment):
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = {p.name: p.read_bytes() for p in saved.iterdir()}
    model = adapt(fresh(), target_modules=["0"], rank=3, init="random")
    monkeypatch.setattr(moment, fail)
    with pytest.raises(OSError, match="No space left"):
        save(model, saved)
    assert {p.name: p.read_bytes() for p in saved.iterdir()} == before


def test_killing_a_process_that_saves_all_the_time_leaves_a_whole_adapter(tmp_path):
    script = """
        import sys, torch
        from torch import nn
        from ioadapt_theory.adapters import adapt
        from ioadapt_theory.formats import save
        print("ready", flush=True)
        rank = 1
        while True:
            model = adapt(nn.Sequential(nn.Linear(400, 300)), target_modules=["0"], rank=rank, init="random")
            save(model, sys.argv[1])
            print(rank, flush=True)
            rank = rank % 7 + 1
    """
    for delay in (0.02, 0.11, 0.2):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.readline()
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert load(nn.Sequential(nn.Linear(400, 300)), tmp_path).matched == ("0",)


def test_two_processes_that_save_at_once_leave_a_whole_adapter_each_round(tmp_path):
    script = """
        import sys, torch
        from torch import nn
        from ioadapt_theory.adapters import adapt, parameters
        from ioadapt_theory.formats import save
        torch.manual_seed(int(sys.argv[2]))
        model = adapt(nn.Sequential(nn.Linear(64, 48)), target_modules=["0"], rank=4, init="random")
        print("ready", flush=True)
        for line in sys.stdin:
            save(model, sys.argv[1])
            print("done", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    writers = [
        subprocess.Popen([*command, f"{seed}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for seed in (0, 1)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for _ in range(200):
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.flush()
        assert [writer.stdout.readline() for writer in writers] == ["done\n"] * 2
        assert load(nn.Sequential(nn.Linear(64, 48)), tmp_path).matched == ("0",)
    for writer in writers:
        writer.stdin.close()
        assert writer.wait() == 0
        writer.stdout.close()
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_another_tool_s_files_are_left_alone_and_what_a_folder_means_then_is_asked(saved, tmp_path):
    peft = {"adapter_config.json": b'{"peft_type": "LORA"}', "adapter_model.safetensors": b"precious"}
    for name, content in peft.items():
        (tmp_path / name).write_bytes(content)
    model = adapt(fresh(), target_modules=["0"], rank=2, init="random")
    save(model, tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in peft} == peft
    with pytest.raises(FileFormatError, match=f"an adapter of ours and one of PEFT; name the file, {NAME}"):
        load(fresh(), tmp_path)
    assert load(fresh(), tmp_path / NAME).matched == ("0",)


def test_one_module_in_two_places_is_saved_once_and_comes_back_in_both(tmp_path):
    def tied() -> nn.ModuleDict:
        layer = nn.Linear(6, 6)
        return nn.ModuleDict({"a": layer, "b": nn.Sequential(layer)})

    def apart() -> nn.ModuleDict:
        return nn.ModuleDict({"a": nn.Linear(6, 6), "b": nn.Sequential(nn.Linear(6, 6))})

    model, x = adapt(tied(), target_modules=["a"], rank=2, init="random"), torch.randn(3, 6)
    save(model, tmp_path)
    assert set(load_file(tmp_path / NAME)) == {"a.input.A", "a.input.B"}
    twin = tied()
    twin.load_state_dict({k.replace("base_layer.", ""): v for k, v in model.state_dict().items() if "base" in k})
    assert load(twin, tmp_path).matched == ("a", "b.0")
    assert torch.equal(twin["b"](x), model["b"](x))
    assert twin["a"] is twin["b"][0]
    two = apart()
    load(two, tmp_path)
    assert torch.equal(*(layers(two)[n].adapters["default"]["input"].A for n in ("a", "b.0")))
    save(two, tmp_path / "two")  # two adapters that are equal
    assert load(tied(), tmp_path / "two").matched == ("a", "b.0")
    layers(two)["a"].adapters["default"]["input"].A.data += 1
    save(two, tmp_path / "two")
    with pytest.raises(TransferError, match=r"b.0: it is the same module as a, for which the file has another adapter"):
        load(tied(), tmp_path / "two")


class Net(nn.Module):
    """A norm, an embedding, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.norm, self.body, self.head = (
            nn.Embedding(9, 6),
            nn.LayerNorm(6),
            nn.Linear(6, 5),
            nn.Linear(5, 3),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.norm(self.words(x))))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_loading_did_to_the_base_is_a_part_of_what_is_saved(tmp_path, dtype):
    torch.manual_seed(0)
    base = Net().to(dtype)
    foreign = {
        "body.lora_A.weight": torch.randn(2, 6),
        "body.lora_B.weight": torch.randn(5, 2),
        "norm.diff": torch.randn(6),
        "norm.diff_b": torch.randn(6),
        "words.lora_embedding_A": torch.randn(2, 9),
        "words.lora_embedding_B": torch.randn(6, 2),
    }
    save_file(foreign, tmp_path / "foreign.safetensors")
    model, x = copy.deepcopy(base), torch.arange(9)
    assert len(load(model, tmp_path / "foreign.safetensors", alter_base=True).altered) == 3
    save(copy.deepcopy(model), tmp_path / "own")
    twin = copy.deepcopy(base)
    with pytest.raises(FileFormatError, match="also changes the base itself"):
        load(twin, tmp_path / "own")
    assert len(load(twin, tmp_path / "own", alter_base=True).altered) == 3
    assert torch.equal(twin(x), model(x))
    assert (model(x) - base(x)).abs().max() > 0.1
    other, moved = Net().to(dtype), Net().to(dtype)  # a difference stays one on another base, as far as dtype knows it
    moved.load_state_dict(other.state_dict())
    load(other, tmp_path / "foreign.safetensors", alter_base=True)
    load(moved, tmp_path / "own", alter_base=True)
    for (name, mine), theirs in zip(moved.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(
            mine, theirs, rtol=2 * torch.finfo(dtype).eps, atol=8 * torch.finfo(dtype).eps, msg=name
        )


def test_what_was_replaced_and_trained_since_is_saved_as_it_is_now(tmp_path):
    model = Net()
    peft = {
        f"base_model.model.{key}": value
        for key, value in {
            "body.lora_A.weight": torch.randn(2, 6),
            "body.lora_B.weight": torch.randn(5, 2),
            "head.weight": torch.randn(3, 5),
            "words.token_adapter.trainable_tokens_delta": torch.randn(2, 6),
        }.items()
    }
    save_file(peft, tmp_path / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "trainable_token_indices": {"words": [7, 1]}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    base = copy.deepcopy(model)
    load(model, tmp_path, alter_base=True)
    model.head.weight.data += 1
    model.words.weight.data[7] += 1
    save(model, tmp_path / "own")
    assert load_file(tmp_path / "own" / NAME)["ioadapt.base_changes.words.weight"].shape == (2, 6)
    load(base, tmp_path / "own", alter_base=True)
    x = torch.arange(9)
    assert torch.equal(base(x), model(x))
    load(model, tmp_path / "own", "again", strict=False)
    save(model, tmp_path / "again", "again")  # which has done nothing to the base
    assert not [key for key in load_file(tmp_path / "again" / NAME) if "base_changes" in key]


def test_wrappers_of_torch_leave_no_trace_in_the_names(tmp_path):
    model = adapt(fresh(), target_modules=["0"], rank=2, init="random")
    save(torch.compile(nn.DataParallel(model), backend="eager"), tmp_path)
    assert set(load_file(tmp_path / NAME)) == {"0.input.A", "0.input.B"}


def test_layers_of_one_kind_are_built_once_and_stay_apart(tmp_path, monkeypatch):
    model = nn.Sequential(*(nn.Linear(6, 4) for _ in range(5)), nn.Linear(6, 5))
    ours = save(adapt(model, target_modules="all-linear", placement="weight", init="random"), tmp_path / "ours")
    theirs = tmp_path / "theirs.safetensors"
    write_lora(
        theirs,
        [
            (str(i), Baked.of(m.adapters["default"], read_layer(m.base_layer)))
            for i, m in enumerate(layers(model).values())
        ],
        "diffusers",
        base="net",
    )
    made = []
    constructor = LoRA.__init__
    monkeypatch.setattr(LoRA, "__init__", lambda self, *a: (made.append(self), constructor(self, *a))[1])
    for path in (ours, theirs):
        made.clear()
        build._sketch.cache_clear()
        opened = open_adapter(path)
        assert len(opened.layers) == 6
        assert len(made) == 2
        first, second, *_ = (next(phi for _, phi in item.sketch.parts()) for item in opened.layers)
        size = second.size
        first.size = (9, 9, 9)
        first.take({"A": torch.ones(3, 3)})
        assert second.size == size
        assert [*dict(second.named_parameters())] == ["A", "B"]
        assert second.A.is_meta


def test_what_killed_saves_left_in_a_folder_is_removed_by_a_later_one_after_a_day(saved):
    old, live = (saved / f".ioadapt.safetensors.{eight}.safetensors" for eight in ("abcdefgh", "12345678"))
    for file in (old, live):
        file.write_text("half")
    os.utime(old, (time.time() - 2 * ABANDONED,) * 2)
    save(adapt(fresh(), target_modules=["0"], rank=2), saved)
    assert {p.name for p in saved.iterdir()} == {NAME, live.name}
