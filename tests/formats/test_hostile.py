"""A file loads, or raises an error of one sentence and leaves the model unchanged."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ioadapt_theory import load
from ioadapt_theory.errors import IoAdaptError, UnsupportedError
from ioadapt_theory.formats import open_adapter
from tests.formats.refusals import refused


def model() -> nn.ModuleDict:
    torch.manual_seed(0)
    return nn.ModuleDict({"block": nn.ModuleDict({"to_q": nn.Linear(4, 6), "to_k": nn.Conv2d(4, 6, (3, 2))})}).float()


def tensors(**changes: Any) -> dict[str, torch.Tensor]:
    """Return a kohya file for the model, with the tensors of to_q in ``changes`` replaced (None: removed)."""
    shapes = {"to_q": ((2, 4), (6, 2)), "to_k": ((2, 4, 3, 2), (6, 2, 1, 1))}
    good = {}
    for name, both in shapes.items():
        for part, shape in zip(("lora_down.weight", "lora_up.weight"), both, strict=True):
            good[f"lora_unet_block_{name}.{part}"] = torch.randn(shape, dtype=torch.float32)
        good[f"lora_unet_block_{name}.alpha"] = torch.tensor(1.0, dtype=torch.float32)
    good |= {f"lora_unet_block_to_q.{k.replace('__', '.')}": v for k, v in changes.items()}
    return {k: v for k, v in good.items() if v is not None}


def stored(folder: Path, content: dict[str, torch.Tensor] | None = None, metadata: Any = None) -> Path:
    save_file(tensors() if content is None else content, folder / "file.safetensors", metadata=metadata)
    return folder / "file.safetensors"


SHAPES = {
    "an alpha of several numbers": (tensors(alpha=torch.ones(3)), r"alpha must be one number, not a tensor of"),
    "a name of two lines": (tensors(**{"lora_down\n.weight": torch.ones(1)}), "unprintable"),
    "ranks that differ": (tensors(lora_up__weight=torch.randn(6, 3)), "do not fit together"),
    "integers": (tensors(lora_up__weight=torch.ones(6, 2, dtype=torch.int64)), "must be floating point"),
    "NaN": (tensors(lora_up__weight=torch.full((6, 2), float("nan"))), "must be finite"),
    "no rank": (tensors(lora_up__weight=torch.ones(6, 0)), r"lora_up\.weight has shape \[6, 0\], but no dimension"),
    "no up": (tensors(lora_up__weight=None), r"is incomplete and has only \S+q\.lora_down\.weight; download"),
    "a mixture": (tensors(hada_w1_a=torch.randn(6, 2)), r"lora_up\.weight are tensors of different kinds of"),
    "nothing": ({}, "no tensors"),
    "OFT": ({"lora_unet_block_to_q.oft_blocks": torch.randn(2, 2, 2)}, r"kind: OFT \(for example lora_unet_block_to_q"),
    "a key twice": (
        {f"block.to_q.{k}.weight": torch.randn(2, 4) for k in ("lora_A", "lora_down")}
        | {"block.to_q.lora_B.weight": torch.randn(6, 2)},
        "mean the same tensor of layer",
    ),
    "a bias of another size": (tensors(diff_b=torch.randn(7)), "bias has 7 values, but the layer has 6 outputs"),
    "another size": (tensors(lora_up__weight=torch.randn(7, 2)), "4 -> 7, but the layer needs 4 -> 6"),
    "products of long vectors": (
        {f"block.to_q.lokr_w{i}": torch.ones(s) for i, s in {"1_a": (9000, 1), "1_b": (1, 9000), "2": (1, 1)}.items()},
        "would expand from",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SHAPES)
def test_contradictory_tensors_are_one_sentence(case, tmp_path):
    content, sentence = SHAPES[case]
    refused(model(), stored(tmp_path, content), sentence, IoAdaptError)


@pytest.mark.parametrize(("alpha", "expected"), [("3", 1.5), ("Dynamic", 1), ("x", None), ("nan", None)])
def test_alpha_in_the_header_alone(alpha, expected, tmp_path):
    path = stored(tmp_path, {k: v for k, v in tensors().items() if "alpha" not in k}, {"ss_network_alpha": alpha})
    if expected is None:
        refused(model(), path, "alpha")
    else:
        assert {layer.sketch["weight"].scaling for layer in open_adapter(path).layers} == {expected}
        path = stored(tmp_path, tensors(alpha=torch.tensor(0.0)), {"ss_network_alpha": alpha})  # 0 means the rank
        scales = {layer.name.path: layer.sketch["weight"].scaling for layer in open_adapter(path).layers}
        assert scales == {"block_to_q": 1.0, "block_to_k": 0.5}


def peft_folder(folder: Path, config: Any, content: Any = None) -> Path:
    good = {f"base_model.model.block.to_q.lora_{p}.weight": torch.randn(s) for p, s in (("A", (2, 4)), ("B", (6, 2)))}
    save_file(good if content is None else content, folder / "adapter_model.safetensors")
    text = config if isinstance(config, str) else json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 2} | config)
    (folder / "adapter_config.json").write_text(text)
    return folder


CONFIGS = {
    "deep": ("[" * 100_000, "not valid JSON"),
    "a rank that is not that of the factors": ({"r": 10**30}, "r of block.to_q must be 2"),
    "a broken pattern": ({"alpha_pattern": {"(": 1}}, "not a valid regular expression"),
    "alpha beyond any float": ({"lora_alpha": 10**400}, "lora_alpha must be a finite number"),
    "aLoRA": ({"alora_invocation_tokens": [1]}, "alora_invocation_tokens is not supported"),
    "the plug-in's without its settings": ({"peft_type": "IOLORA"}, "settings.lora_A.weight, which IOLORA"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_that_is_not_what_it_has_to_be(case, tmp_path):
    config, sentence = CONFIGS[case]
    refused(model(), peft_folder(tmp_path, config), sentence, IoAdaptError)


def test_folders_and_files_that_are_not_there(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        peft_folder(tmp_path / name, {})
    refused(model(), tmp_path, "Its subfolders have adapters: a/, b/")
    (tmp_path / "a/adapter_model.safetensors").unlink()
    refused(model(), tmp_path / "a", r"but neither adapter_model\.safetensors nor adapter_model\.bin; download")
    refused(model(), tmp_path / "nothing.safetensors", "does not exist")
    refused(
        model(),
        peft_folder(tmp_path / "b", {"peft_type": "OFT"}),
        "must be one of LORA, .* with PEFT",
        UnsupportedError,
    )
    refused(
        model(), peft_folder(tmp_path / "b", {"peft_type": None}), "not None; save the adapter again", UnsupportedError
    )


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    os.mkfifo(tmp_path / "adapter_config.json")
    os.symlink(tmp_path / "loop.bin", tmp_path / "loop.bin")
    for path in (tmp_path / "pipe.safetensors", tmp_path, Path("/dev/null")):
        refused(model(), path, "is a device, pipe or socket; give a regular file", IoAdaptError)
    for path in (tmp_path / "loop.bin", Path("x" * 5000), Path("a\0b")):
        refused(model(), path, "does not exist", IoAdaptError)


def test_a_pickle_is_read_for_tensors_only(tmp_path):
    torch.save(tensors(), tmp_path / "good.pt")
    assert len(load(model(), tmp_path / "good.pt").matched) == 2
    torch.save({"x": 1}, tmp_path / "other.ckpt")
    refused(model(), tmp_path / "other.ckpt", "without named tensors")
    torch.save({"x\n": torch.ones(1)}, tmp_path / "other.ckpt")
    refused(model(), tmp_path / "other.ckpt", r"the name of tensor 'x\\n' has unprintable characters")
    torch.save({k: v.to("meta") for k, v in tensors().items()}, tmp_path / "meta.pt")
    refused(model(), tmp_path / "meta.pt", "device meta")
