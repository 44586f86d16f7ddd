"""Whatever a file holds, there is one sentence and an untouched model, or the adapter."""

import json
import os
import pickle
import random
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ioadapt_theory.adapters import layers
from ioadapt_theory.errors import FileFormatError, IoAdaptError, UnsupportedError
from ioadapt_theory.formats import load, read


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict({"block": nn.ModuleDict({"to_q": nn.Linear(4, 6), "to_k": nn.Linear(4, 6)})})


def tensors(**changes: Any) -> dict[str, torch.Tensor]:
    """A kohya file for the model, with tensors changed (None: left out)."""
    good = {
        f"lora_unet_block_{name}.{part}": torch.randn(shape, dtype=torch.float32)
        for name in ("to_q", "to_k")
        for part, shape in (("lora_down.weight", (2, 4)), ("lora_up.weight", (6, 2)))
    } | {f"lora_unet_block_{name}.alpha": torch.tensor(1.0, dtype=torch.float32) for name in ("to_q", "to_k")}
    good |= {f"lora_unet_block_to_q.{k.replace('__', '.')}": v for k, v in changes.items()}
    return {k: v for k, v in good.items() if v is not None}


def stored(folder: Path, content: dict[str, torch.Tensor] | None = None, metadata: Any = None) -> Path:
    save_file(tensors() if content is None else content, folder / "file.safetensors", metadata=metadata)
    return folder / "file.safetensors"


def refused(path: Path, match: str, kind: type[Exception] = FileFormatError, **options: Any) -> None:
    """One sentence; the model is as it was."""
    target = model()
    with pytest.raises(kind, match=match) as caught:
        load(target, path, **options)
    assert "\n" not in str(caught.value).strip()
    assert not layers(target)


def test_the_good_file_loads(tmp_path):
    target = model()
    assert len(load(target, stored(tmp_path)).matched) == 2


SHAPES = {
    "an alpha of several numbers": (tensors(alpha=torch.ones(3)), r"alpha has to be one number, found \[3\]"),
    "a name of many letters": (tensors(**{"x" * 1000: torch.ones(1)}), "cannot name a tensor"),
    "a name of two lines": (tensors(**{"lora_down\n.weight": torch.ones(1)}), "cannot be printed"),
    "ranks that differ": (tensors(lora_up__weight=torch.randn(6, 3)), "do not fit together"),
    "a vector for a matrix": (tensors(lora_up__weight=torch.randn(6)), "do not fit together"),
    "a scalar for a matrix": (tensors(lora_down__weight=torch.randn(())), "no matrices"),
    "an empty matrix": (tensors(lora_down__weight=torch.randn(0, 4), lora_up__weight=torch.randn(6, 0)), "rank 0"),
    "integers": (tensors(lora_up__weight=torch.ones(6, 2, dtype=torch.int64)), "has to be floating point"),
    "NaN": (tensors(lora_up__weight=torch.full((6, 2), float("nan"))), "has to be finite"),
    "an infinite alpha": (tensors(alpha=torch.tensor(float("inf"))), "has to be finite"),
    "no up": (tensors(lora_up__weight=None), "make no whole adapter"),
    "a mixture": (tensors(hada_w1_a=torch.randn(6, 2)), "make no whole adapter"),
    "nothing": ({}, "no tensors at all"),
    "a whole model": ({"block.to_q.weight": torch.randn(6, 4)}, "no part of an adapter"),
    "OFT": (
        {"lora_unet_block_to_q.oft_blocks": torch.randn(2, 2, 2)},
        r"holds OFT \(lora_unet_block_to_q.oft_blocks\)",
    ),
    "alpha alone": ({"lora_unet_block_to_q.alpha": torch.tensor(1.0)}, "a part without the rest"),
    "a key twice": (
        {f"block.to_q.{k}.weight": torch.randn(2, 4) for k in ("lora_A", "lora_down")}
        | {"block.to_q.lora_B.weight": torch.randn(6, 2)},
        "are the same part",
    ),
    "a bias of another size": (tensors(diff_b=torch.randn(7)), "a bias of 7 numbers for 6 outputs"),
}


@pytest.mark.parametrize("case", SHAPES)
def test_contradictory_tensors_are_one_sentence(case, tmp_path):
    content, sentence = SHAPES[case]
    refused(stored(tmp_path, content), sentence, IoAdaptError)


def test_layers_of_another_size_or_name_are_named(tmp_path):
    refused(stored(tmp_path, tensors(lora_up__weight=torch.randn(7, 2))), "4 -> 6, the adapter 4 -> 7", IoAdaptError)
    strange = {k.replace("to_q", "to_z"): v for k, v in tensors().items()}
    refused(stored(tmp_path, strange), "no such layer", IoAdaptError)
    target = model()
    report = load(target, stored(tmp_path, strange), strict=False)
    assert report.matched == ("block.to_k",)
    assert dict(report.unmatched) == {"unet.block_to_z": "the model has no such layer"}


@pytest.mark.parametrize("metadata", ["{", "[" * 100_000, "[1]", '{"unet.r": 2, "unet.lora_alpha": "x"}'])
def test_metadata_that_are_not_what_they_have_to_be(metadata, tmp_path):
    content = {f"unet.block.to_q.lora_{part}.weight": torch.randn(s) for part, s in (("A", (2, 4)), ("B", (6, 2)))}
    refused(
        stored(tmp_path, content, {"lora_adapter_metadata": metadata}),
        "has to be a finite number|not readable|has to be an object",
    )


@pytest.mark.parametrize(
    ("alpha", "expected"), [("3", 1.5), ("Dynamic", 1), ("None", 1), ("x", None), ("nan", None), ("1e999", None)]
)
def test_alpha_in_the_header_alone(alpha, expected, tmp_path):
    path = stored(tmp_path, {k: v for k, v in tensors().items() if "alpha" not in k}, {"ss_network_alpha": alpha})
    if expected is None:
        refused(path, "alpha")
    else:
        assert {entry.scaling for entry in read(path).entries} == {expected}


def test_alpha_wins_over_the_header_and_0_means_the_rank(tmp_path):
    path = stored(tmp_path, tensors(alpha=torch.tensor(0.0)), {"ss_network_alpha": "3"})
    assert {entry.name.path: entry.scaling for entry in read(path).entries} == {"block_to_q": 1.0, "block_to_k": 0.5}


def peft_folder(folder: Path, config: Any, content: Any = None) -> Path:
    good = {f"base_model.model.block.to_q.lora_{p}.weight": torch.randn(s) for p, s in (("A", (2, 4)), ("B", (6, 2)))}
    save_file(good if content is None else content, folder / "adapter_model.safetensors")
    text = config if isinstance(config, str) else json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 2} | config)
    (folder / "adapter_config.json").write_text(text)
    return folder


CONFIGS = {
    "not JSON": ("{", "not readable as JSON"),
    "deep": ("[" * 100_000, "not readable as JSON"),
    "a list": ("[1]", "has to be"),
    "an unknown type": ({"peft_type": "NONSENSE"}, "peft_type is 'NONSENSE'"),
    "a list for a type": ({"peft_type": ["LORA"]}, "peft_type is"),
    "a rank that is not that of the factors": ({"r": 10**30}, "r has to be 2 for block.to_q"),
    "a negative rank": ({"r": -2}, "r has to be 2"),
    "rslora as text": ({"use_rslora": "yes"}, "use_rslora has to be true or false"),
    "a pattern of optional letters": ({"rank_pattern": {"a?" * 30: 2}}, "could run for ever"),
    "a pattern of counted letters": ({"rank_pattern": {"a{0,99}" * 5: 2}}, "could run for ever"),
    "alpha as text": ({"lora_alpha": "8"}, "lora_alpha has to be a finite number"),
    "alpha true": ({"lora_alpha": True}, "lora_alpha has to be a finite number"),
    "alpha infinite": ('{"peft_type": "LORA", "lora_alpha": Infinity}', "lora_alpha has to be a finite number"),
    "patterns as a list": ({"alpha_pattern": [1]}, "alpha_pattern has to be an object"),
    "a broken pattern": ({"alpha_pattern": {"(": 1}}, "not a regular expression"),
    "a pattern that runs for ever": ({"alpha_pattern": {r"(\w+)+x": 1}}, "could run for ever"),
    "alternatives for ever": ({"alpha_pattern": {r"(.|\d|0)*!": 1}}, "could run for ever"),
    "one after the other": ({"alpha_pattern": {".*.*.*.*.*.*.*.*.*!": 1}}, "could run for ever"),
    "alpha beyond any float": ({"lora_alpha": 10**400}, "lora_alpha has to be a finite number"),
    "aLoRA": ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens is set"),
    "a rank of 0": ({"peft_type": "LOKR", "r": 0, "alpha": 1}, "r has to be positive"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_that_is_not_what_it_has_to_be(case, tmp_path):
    config, sentence = CONFIGS[case]
    lokr = {
        "base_model.model.block.to_q.lokr_w1": torch.randn(2, 2),
        "base_model.model.block.to_q.lokr_w2": torch.randn(3, 2),
    }
    refused(peft_folder(tmp_path, config, lokr if "0" in case else None), sentence, IoAdaptError)


def test_a_folder_without_its_weights_and_files_that_are_missing(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    refused(tmp_path, "a saved adapter is a folder with")
    refused(tmp_path / "nothing.safetensors", "no such file")
    refused(tmp_path / "nothing.bin", "no such file")


def test_large_numbers_in_float64_are_finite(tmp_path):
    large = {k: v.double() * 1e300 if v.ndim > 1 else v for k, v in tensors().items()}
    target = model()
    load(target, stored(tmp_path, large))
    assert float(layers(target)["block.to_q"].adapters["default"]["weight"].A.detach().abs().max()) > 1e299


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    os.mkfifo(tmp_path / "adapter_config.json")
    os.symlink(tmp_path / "loop.bin", tmp_path / "loop.bin")
    for path in (tmp_path / "pipe.safetensors", tmp_path, Path("/dev/null")):
        refused(path, "not a regular file")
    for path in (tmp_path / "loop.bin", Path("x" * 5000), Path("a\0b")):
        refused(path, "no such file|not a regular file|not a whole file")


@pytest.mark.parametrize("kind", ["F4", "F8_E8M0", "C64", "BOOL"])
def test_types_that_are_no_plain_numbers_are_told_from_the_header(kind, tmp_path):
    size = {"F4": 4, "F8_E8M0": 8, "C64": 64, "BOOL": 8}[kind]
    up = {"dtype": "F32", "shape": [6, 2], "data_offsets": [size, size + 48]}
    down = {"dtype": kind, "shape": [2, 4], "data_offsets": [0, size]}
    header = json.dumps({"unet.block.to_q.lora_up.weight": up, "unet.block.to_q.lora_down.weight": down}).encode()
    (tmp_path / "f.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(size + 48))
    with pytest.raises(FileFormatError, match=f"(has to be floating point, found|the dtype) '?{kind}"):
        read(tmp_path / "f.safetensors")


def test_adapters_in_folders_below_are_named(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        peft_folder(tmp_path / name, {})
    refused(tmp_path, "It has adapters in a/, b/")


class Evil:
    """A pickle that makes a folder when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_a_pickle_is_read_for_tensors_only(tmp_path):
    torch.save(tensors(), tmp_path / "good.pt")
    target = model()
    assert len(load(target, tmp_path / "good.pt").matched) == 2
    (tmp_path / "evil.bin").write_bytes(pickle.dumps({"x": Evil(tmp_path / "made")}))
    refused(tmp_path / "evil.bin", "no PyTorch pickle of weights")
    torch.save({"x": Evil(tmp_path / "made")}, tmp_path / "evil.ckpt")
    refused(tmp_path / "evil.ckpt", r"contains code \(posix.mkdir\), .* nothing of it was run")
    assert not (tmp_path / "made").exists()
    torch.save([1, 2], tmp_path / "list.pt")
    refused(tmp_path / "list.pt", r"no table of named tensors \(it holds a list\)")


def test_a_file_cut_anywhere_is_one_sentence(tmp_path):
    whole = stored(tmp_path).read_bytes()
    for length in [*range(0, 40), *range(40, len(whole), 37), len(whole) - 1]:
        cut = tmp_path / "cut.safetensors"
        cut.write_bytes(whole[:length])
        refused(cut, "is cut within|is empty|is truncated|is not a safetensors file")


def test_a_header_that_claims_too_much(tmp_path):
    file = tmp_path / "file.safetensors"
    for size in (2**63, 2**40, 100):
        file.write_bytes(struct.pack("<Q", size) + b"{}")
        refused(file, "announces a header of|is cut within its header")


def test_bytes_changed_at_random_load_or_are_one_sentence(tmp_path):
    whole = bytearray(stored(tmp_path, metadata={"ss_network_alpha": "2"}).read_bytes())
    rng, file, outcomes = random.Random(1), tmp_path / "changed.safetensors", {True: 0, False: 0}
    for _ in range(300):
        changed = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        file.write_bytes(changed)
        target = model()
        try:
            load(target, file)
        except IoAdaptError as error:
            sentence = str(error)
        else:
            outcomes[True] += 1
            continue
        outcomes[False] += 1
        assert str(file) in sentence or "adapter fits" in sentence
        assert not layers(target)
    assert min(outcomes.values()) > 10


def test_unsupported_is_not_a_format_error(tmp_path):
    refused(peft_folder(tmp_path, {"peft_type": "OFT"}), "read are LORA", UnsupportedError)


def test_a_pickle_whose_tensors_have_no_content(tmp_path):
    torch.save({name: t.to("meta") for name, t in tensors().items()}, tmp_path / "file.bin")
    refused(tmp_path / "file.bin", "has no content")


TOGETHER = {
    "GLoRA without b1": ({"a1": (6, 2), "a2": (2, 6), "b2": (2, 6)}, {}, "needs both b1 and b2, or neither"),
    "an embedding of three axes": (
        {"lora_embedding_A": (2, 9, 1), "lora_embedding_B": (6, 2)},
        {},
        r"\[2, 9, 1\] and \[6, 2\] of a LoRA on an embedding do not fit together",
    ),
    "a LoKr without features": ({"lokr_w1": (2, 2), "lokr_w2": (0, 3)}, {}, "a rank 0 or no features"),
    "a list for the alpha of kernels": (
        {"lora_down.weight": (2, 3, 3, 3), "lora_up.weight": (4, 2, 1, 1)},
        {"ss_network_args": '{"conv_alpha": []}'},
        r"alpha in the header has to be a number, found \[\]",
    ),
    "a number for a matrix": ({"lokr_w1": (), "lokr_w2": (3, 2)}, {}, "do not fit together"),
    "a Tucker product of a million taps": (
        {"lora_down.weight": (1, 3000, 1, 1), "lora_up.weight": (8, 1, 1, 1), "lora_mid.weight": (1, 1, 999, 999)},
        {},
        r"bytes would become an adapter of 11,976",
    ),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_parts_that_make_no_adapter_are_one_sentence_before_a_number_is_read(case, tmp_path):
    shapes, metadata, sentence = TOGETHER[case]
    content = {f"lora_unet_block_to_q.{key}": torch.zeros(shape, dtype=torch.float32) for key, shape in shapes.items()}
    refused(stored(tmp_path, content, metadata), sentence)


def test_more_tensors_than_any_adapter_has(tmp_path, monkeypatch):
    monkeypatch.setattr("ioadapt_theory.formats.tensors.MOST_TENSORS", 5)
    refused(stored(tmp_path), "6 tensors, more than any adapter has")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"alpha_pattern": []}, "alpha_pattern is \\[\\]; it is a mapping|no object|has to be"),
        ({"alpha_pattern": {"to_q": [1, 2]}}, "alpha .* has 2 values, placement 'input' has 1 parts"),
        ({"rank_pattern": {"to_q": {}}}, "rank is {}; it is a whole number"),
        ({"lora_alpha": -1e308}, "alpha is -1e\\+308; it is a finite number"),
        ({"r": 10**400}, "rank is 1000"),
        ({"r": 3}, "a lora in input placement has A \\[4, 2\\], B \\[2, 4\\], which is no such adapter of rank 3"),
        ({"placement": "output"}, "a lora in output placement has nothing"),
    ],
)
def test_a_folder_of_the_plug_in_that_contradicts_itself(change, sentence, tmp_path):
    sides = {"A": (4, 2), "B": (2, 4)}
    content = {f"block.to_q.iolora_adapters.input.{k}": torch.zeros(s, dtype=torch.float32) for k, s in sides.items()}
    config = {"peft_type": "IOLORA", "format_version": 1, "r": 2, "lora_alpha": 2, "placement": "input"}
    target = model()
    assert load(target, peft_folder(tmp_path, config, content)).matched == ("block.to_q",)
    refused(peft_folder(tmp_path, config | change, content), sentence, IoAdaptError)


def test_a_side_that_changes_the_number_of_features(tmp_path):
    sides = {"A": (8, 2), "B": (2, 9)}
    content = {f"block.to_q.iolora_adapters.input.{k}": torch.zeros(s) for k, s in sides.items()}
    config = {"peft_type": "IOLORA", "format_version": 1, "r": 2, "placement": "input"}
    refused(peft_folder(tmp_path, config, content), r"has A \[8, 2\], B \[2, 9\], which is no such adapter")
