import copy
import json

import peft
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import adapt, layers
from ioadapt_theory.cli import FINDING, MISUSE, OK, main
from ioadapt_theory.formats import load, save
from ioadapt_theory.moving import transfer
from tests.adapters.foreign import Small, quiet

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def base(tmp_path) -> Small:
    model = Small().float()
    save_file(model.state_dict(), tmp_path / "base.safetensors")
    return model


def trained(base: nn.Module, folder: object, placement: str = "input", **options: object) -> nn.Module:
    """Return a copy of the model with an adapter, by default on three layers, which is also saved in the folder."""
    options = {"target_modules": ["to_q", "0", "conv_in"], "rank": 2, "alpha": 3, "init": "random"} | options
    model = adapt(copy.deepcopy(base), placement=placement, **options)
    save(model, folder)
    return model


def lora(folder: object, **more: torch.Tensor) -> object:
    """Write a LoRA for to_q in diffusers' format, with the tensors ``more``, and return its path."""
    state = {f"unet.block.to_q.lora_{p}.weight": torch.randn(s).float() for p, s in (("A", (2, 12)), ("B", (20, 2)))}
    save_file(state | {f"unet.{k.replace('__', '.')}": v.float() for k, v in more.items()}, folder / "lora.safetensors")
    return folder / "lora.safetensors"


def ioadapt(*words: object) -> int:
    return main(["adapters", *map(str, words)])


def files(folder) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.glob("*") if p.is_file()}


def close(ours: nn.Module, theirs: nn.Module, tolerance: float = 1e-5) -> None:
    image = torch.randn(2, 3, 8, 8).float()
    assert_close(ours(image), theirs(image), rtol=tolerance, atol=tolerance)


def test_inspect_tells_what_it_is(base, tmp_path, capsys):
    trained(base, tmp_path / "a")
    assert main(["inspect", str(tmp_path / "a")]) == OK  # as people type it
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "ioadapt_theory: 3 layers, 140 parameters"
    assert lines[2] == "base: not named in the file"
    assert lines[lines.index("lora input, rank 2, scale 1.5, 12 -> 12:") + 1] == "  block.to_q"


def test_a_read_only_folder_is_told_before_the_work(base, tmp_path, capsys, monkeypatch):
    trained(base, tmp_path / "a")
    monkeypatch.setattr("os.access", lambda path, _: path != tmp_path)
    for words in (
        ["adapters", "convert", str(tmp_path / "a"), "--base", "b", "--placement", "input"],
        ["map", "a", "b"],
    ):
        assert main([*words, "--out", str(tmp_path / "b")]) == MISUSE
        assert f"b cannot be written, since {tmp_path} is read-only; choose" in capsys.readouterr().err


def test_inspect_lists_what_does_not_fit_and_is_not_read(base, tmp_path, capsys):
    more = {f"gone__lora_{p}__weight": torch.randn(2, 2) for p in "AB"}
    file = lora(tmp_path, **more, norm__w_norm=torch.randn(3), block__to_q__oft_blocks=torch.randn(2, 2, 2))
    command = ("inspect", file, "--base", tmp_path / "base.safetensors")
    assert ioadapt(*command, "--format", "json") == FINDING
    facts = json.loads(capsys.readouterr().out)
    assert facts["matched"] == {"unet.block.to_q": "block.to_q"}
    assert facts["unmatched"] == {"unet.gone": "the base has no layer of this name"}
    assert facts["unread"] == {"unet.block.to_q.oft_blocks": "OFT", "unet.norm.w_norm": "a trained norm"}
    assert ioadapt(*command) == FINDING
    assert "does not fit the base: unet.gone" in capsys.readouterr().out


def test_numbers_are_checked_if_asked(tmp_path, capsys):
    file = lora(tmp_path, block__to_q__diff_b=torch.full((20,), torch.nan))
    assert ioadapt("inspect", file) == OK
    assert "rank 2, scale 1, 12 -> 20, with a bias" in capsys.readouterr().out
    assert ioadapt("inspect", file, "--check") == MISUSE
    assert "diff_b must be finite" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["peft", "kohya"])
def test_bake_writes_a_plain_lora_that_does_the_same_on_that_base_and_names_it(style, base, tmp_path, capsys):
    source, target, out = trained(base, tmp_path / "a"), Small().float(), tmp_path / "lora.safetensors"
    model, other = str(tmp_path / "target.safetensors"), tmp_path / "base.safetensors"
    save_file(target.state_dict(), model)
    command = ("bake", tmp_path / "a", "--out", out, "--base", model, "--style", style, "--component", "unet")
    assert ioadapt(*command) == OK
    expected = copy.deepcopy(target)
    transfer(source, expected)
    load(target, out)
    assert list(layers(target)["block.to_q"].adapters["default"]) == ["weight"]
    close(target, expected)
    capsys.readouterr()
    for path in (model, other):
        assert ioadapt("inspect", out, "--base", path) == OK
        assert f"base: {model} " in " ".join(capsys.readouterr().out.split())


def test_what_has_no_exact_lora_is_baked_to_a_rank_or_a_share_saying_what_is_lost(base, tmp_path, capsys):
    trained(base, tmp_path / "a", family="dora", placement="output")
    options = ("--base", tmp_path / "base.safetensors", "--style", "kohya")
    out = tmp_path / "out.safetensors"
    assert ioadapt("bake", tmp_path / "a", "--out", out, *options, "--share", "0.999") == OK
    told = capsys.readouterr()
    lost = [float(line.rpartition(" ")[2]) for line in told.out.splitlines()]
    assert len(lost) == 3
    assert all(0 < loss < 0.0448 for loss in lost)  # √(1 - 0.999²)
    assert "are applied by ComfyUI, ignored by LyCORIS and rejected by diffusers" in told.err
    assert "share of the weight change (Frobenius norm) lost by truncation" in told.err
    before = files(tmp_path)
    assert ioadapt("bake", tmp_path / "a", "--out", out, *options, "--rank", "1", "--share", "0.5") == MISUSE
    assert ioadapt("bake", tmp_path / "a", "--out", out, *options) == MISUSE
    told = capsys.readouterr().err
    assert "either a rank or a share" in told
    assert "block.to_q: A dora adapter cannot be written exactly as a plain LoRA" in told
    assert files(tmp_path) == before


def test_convert_to_output_and_what_is_left_out_are_told(base, tmp_path, capsys):
    config = peft.LoraConfig(r=2, lora_alpha=3, target_modules=["to_q"], init_lora_weights=False)
    theirs = quiet(lambda: peft.get_peft_model(copy.deepcopy(base), config))
    theirs.save_pretrained(tmp_path / "lora")
    options = ("--placement", "output", "--base", tmp_path / "base.safetensors")
    assert ioadapt("convert", tmp_path / "lora", "--out", tmp_path / "out", *options) == OK
    assert "block.to_q: lost" in capsys.readouterr().out
    ours = copy.deepcopy(base)
    load(ours, tmp_path / "out")
    assert list(layers(ours)["block.to_q"].adapters["default"]) == ["output"]
    close(ours, theirs, 1e-4)  # float32 with W⁺ of condition number ~10
    file = lora(tmp_path, block__to_q__oft_blocks=torch.ones(2))
    assert ioadapt("convert", file, "--out", tmp_path / "out", *options, "--partial", "--force") == OK
    assert "Also left out: unet.block.to_q.oft_blocks." in capsys.readouterr().err


def test_half_an_adapter_is_refused_unless_asked_for(base, tmp_path, capsys):
    trained(base, tmp_path / "a")
    save_file({k: v for k, v in base.state_dict().items() if "to_q" not in k}, tmp_path / "less.safetensors")
    out = tmp_path / "out"
    command = ("bake", tmp_path / "a", "--out", out, "--base", tmp_path / "less.safetensors")
    assert ioadapt(*command) == MISUSE
    assert "block.to_q: the base has no layer of this name" in capsys.readouterr().err
    assert not out.exists()
    assert ioadapt(*command, "--partial") == OK
    assert "2 of 3 layers written." in capsys.readouterr().err
    save_file({"other.weight": torch.ones(2, 2)}, tmp_path / "less.safetensors")
    assert ioadapt(*command, "--partial") == MISUSE
    told = capsys.readouterr().err
    assert "no layer fits the base (block.to_q: the base has no layer of this name); give the model" in told
