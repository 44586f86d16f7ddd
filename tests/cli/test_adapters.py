"""`ioadapt adapters`: what it prints, what it writes does the same, and what it refuses."""

import copy
import json
import resource

import peft
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import adapt, layers, transfer
from ioadapt_theory.cli import COMMANDS, FINDING, MISUSE, OK, main
from ioadapt_theory.formats import load, save
from tests.adapters.foreign import Small, quiet

pytestmark = pytest.mark.filterwarnings("ignore")

TARGETS = ["to_q", "0", "conv_in"]


@pytest.fixture
def base(tmp_path) -> Small:
    """A base model, also as the file base.safetensors."""
    model = Small().float()
    save_file(model.state_dict(), tmp_path / "base.safetensors")
    return model


def trained(base: nn.Module, folder: object, placement: str = "input", **options: object) -> nn.Module:
    model = copy.deepcopy(base)
    adapt(model, target_modules=TARGETS, placement=placement, rank=2, alpha=3, init="random", **options)
    save(model, folder)
    return model


def ioadapt(*words: object) -> int:
    return main(["adapters", *map(str, words)])


def image() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)).float()


def test_inspect_tells_what_it_is(base, tmp_path, capsys):
    trained(base, tmp_path / "a")
    assert main(["adapters", "inspect", str(tmp_path / "a")]) == OK
    lines = capsys.readouterr().out.splitlines()
    assert "ioadapt_theory, 3 x lora (input)" in lines[0]
    assert lines[1] == "base: known by its fingerprints, not by name"
    assert any("block.to_q" in line and "lora input, rank 2, scale 1.5, 12 -> 12" in line for line in lines)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda w: w, "same: 3 of 3"),
        (lambda w: w.bfloat16(), "same values, other precision: 0 of 3"),
        (lambda w: w + 0.3 * w.std(correction=0) * torch.randn_like(w), "relative: 0 of 3"),
        (torch.randn_like, "foreign: 0 of 3"),
    ],
)
def test_inspect_tells_the_base_from_a_relative_and_a_stranger(change, verdict, base, tmp_path, capsys):
    trained(base, tmp_path / "a")
    save_file({k: change(v).contiguous() for k, v in base.state_dict().items()}, tmp_path / "other.safetensors")
    status = main(["adapters", "inspect", str(tmp_path / "a"), "--base", str(tmp_path / "other.safetensors")])
    assert (status, verdict in capsys.readouterr().out) == (OK, True)


def test_inspect_lists_what_does_not_fit_and_is_not_read(base, tmp_path, capsys):
    state = {f"unet.block.to_q.lora_{p}.weight": torch.randn(s).float() for p, s in (("A", (2, 12)), ("B", (20, 2)))}
    state |= {f"unet.gone.lora_{p}.weight": torch.randn(2, 2).float() for p in "AB"}
    state |= {"unet.norm.w_norm": torch.randn(3).float(), "unet.block.to_q.oft_blocks": torch.randn(2, 2, 2).float()}
    save_file(state, tmp_path / "file.safetensors")
    command = ["adapters", "inspect", str(tmp_path / "file.safetensors"), "--base", str(tmp_path / "base.safetensors")]
    assert main([*command, "--format", "json"]) == FINDING
    facts = json.loads(capsys.readouterr().out)
    assert facts["matched"] == {"unet.block.to_q": "block.to_q"}
    assert facts["unmatched"] == {"unet.gone": "the base has no such layer"}
    assert facts["unread"] == {"unet.block.to_q.oft_blocks": "OFT"}
    assert facts["changes"] == {"unet.norm.weight": "added to"}
    assert facts["kinship"].startswith("unknown")
    assert main(command) == FINDING
    assert "not in the base: unet.gone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("style", "file"), [("peft", "folder"), ("diffusers", "a.safetensors"), ("kohya", "a.safetensors")]
)
def test_bake_writes_a_plain_lora_that_does_the_same_on_that_base(style, file, base, tmp_path):
    source = trained(base, tmp_path / "a")
    target = Small().float()
    save_file(target.state_dict(), tmp_path / "target.safetensors")
    command = [
        "adapters",
        "bake",
        str(tmp_path / "a"),
        str(tmp_path / file),
        "--base",
        str(tmp_path / "target.safetensors"),
    ]
    assert main([*command, "--style", style, "--component", "unet"]) == OK
    expected = copy.deepcopy(target)
    transfer(source, expected)
    load(target, tmp_path / file)
    assert list(layers(target)["block.to_q"].adapters["default"]) == ["weight"]
    assert_close(target(image()), expected(image()), rtol=1e-5, atol=1e-5)


def test_convert_to_output_and_back_by_baking(base, tmp_path, capsys):
    config = peft.LoraConfig(r=2, lora_alpha=3, target_modules=["to_q"], init_lora_weights=False)
    theirs = quiet(lambda: peft.get_peft_model(copy.deepcopy(base), config))
    theirs.save_pretrained(tmp_path / "lora")
    file = str(tmp_path / "base.safetensors")
    assert (
        main(["adapters", "convert", str(tmp_path / "lora"), str(tmp_path / "out"), "--to", "output", "--base", file])
        == OK
    )
    assert "block.to_q: lost" in capsys.readouterr().out
    ours = copy.deepcopy(base)
    load(ours, tmp_path / "out")
    assert list(layers(ours)["block.to_q"].adapters["default"]) == ["output"]
    assert_close(ours(image()), theirs(image()), rtol=1e-4, atol=1e-4)  # float32 through W⁺ of condition ~ 10
    assert main(["adapters", "inspect", str(tmp_path / "out"), "--base", file]) == OK
    assert "same: 1 of 1" in capsys.readouterr().out


@pytest.mark.parametrize(("placement", "format_"), [("input", "glora"), ("output", "peanut"), ("input", "ioadapt")])
def test_convert_to_another_format(placement, format_, base, tmp_path):
    plain = nn.Sequential(nn.Linear(5, 7, bias=False)).float()
    save_file(plain.state_dict(), tmp_path / "base.safetensors")
    source = copy.deepcopy(plain)
    adapt(source, target_modules=["0"], placement=placement, rank=2, alpha=3, init="random")
    save(source, tmp_path / "a")
    out = tmp_path / ("b.safetensors" if format_ == "glora" else "b")
    command = ["adapters", "convert", str(tmp_path / "a"), str(out), "--base", str(tmp_path / "base.safetensors")]
    assert main([*command, "--to", format_]) == OK
    load(plain, out)
    x = torch.randn(3, 5).float()
    assert_close(plain(x), source(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("style", ["peft", "kohya"])
def test_half_an_adapter_is_refused_unless_asked_for(style, base, tmp_path, capsys):
    trained(base, tmp_path / "a")
    state = {k: v for k, v in base.state_dict().items() if "to_q" not in k}
    save_file(state, tmp_path / "less.safetensors")
    out = tmp_path / "out.safetensors"
    command = ("bake", tmp_path / "a", out, "--base", tmp_path / "less.safetensors", "--style", style)
    assert ioadapt(*command) == MISUSE
    assert "block.to_q: the base has no such layer" in capsys.readouterr().err
    assert not out.exists()
    assert ioadapt(*command, "--partial") == OK
    assert "2 layers written, 1 left out" in capsys.readouterr().err


def test_what_cannot_be_baked_leaves_nothing_behind(base, tmp_path, capsys):
    trained(base, tmp_path / "a", family="loha")
    before = sorted(tmp_path.iterdir())
    options = ("--base", tmp_path / "base.safetensors", "--style", "kohya")
    assert ioadapt("bake", tmp_path / "a", tmp_path / "out", *options) == MISUSE
    assert "block.to_q: A loha adapter does not bake" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_every_wrong_file_is_one_sentence(tmp_path, capsys):
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    for path in (tmp_path, tmp_path / "x.safetensors", tmp_path / "none"):
        assert main(["adapters", "inspect", str(path)]) == MISUSE
        assert capsys.readouterr().err.count("\n") == 1


def test_it_is_listed():
    assert "adapters" in COMMANDS


def test_a_failure_leaves_a_former_output_whole(base, tmp_path):
    trained(base, tmp_path / "a")
    trained(base, tmp_path / "b", placement="input", family="dora")
    options = ("--base", tmp_path / "base.safetensors")
    assert ioadapt("bake", tmp_path / "a", tmp_path / "out", *options) == OK
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    assert ioadapt("bake", tmp_path / "b", tmp_path / "out", *options) == MISUSE
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("placement", ["input", "output"])
def test_a_disk_that_is_full_leaves_the_former_peft_folder(placement, base, tmp_path, capsys, monkeypatch):
    """Written again with another rank, while no file may be larger than the first."""
    source, options = tmp_path / "a", ["--base", str(tmp_path / "nobias.safetensors")]
    linear = nn.ModuleDict({"to_q": nn.Linear(12, 20, bias=False)}).float()
    save_file(linear.state_dict(), tmp_path / "nobias.safetensors")
    command = ("bake",) if placement == "input" else ("convert", "--to", "peanut")
    for rank in (2, 7):
        model = adapt(copy.deepcopy(linear), target_modules=["to_q"], placement=placement, rank=rank, init="random")
        save(model, source)
        before = {p.name: p.read_bytes() for p in (tmp_path / "out").glob("*")}
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        if rank == 7:
            resource.setrlimit(resource.RLIMIT_FSIZE, (600, limits[1]))
        try:
            status = ioadapt(command[0], source, tmp_path / "out", *options, *command[1:])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert status == (OK if rank == 2 else MISUSE)
    assert "File too large" in capsys.readouterr().err
    assert before
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").glob("*")} == before


def test_numbers_are_checked_if_asked(base, tmp_path, capsys):
    state = {f"unet.block.to_q.lora_{p}.weight": torch.randn(s).float() for p, s in (("A", (2, 12)), ("B", (20, 2)))}
    save_file(state, tmp_path / "good.safetensors")
    save_file(state | {"unet.block.to_q.diff_b": torch.full((20,), torch.nan)}, tmp_path / "bad.safetensors")
    assert ioadapt("inspect", tmp_path / "good.safetensors", "--check") == OK
    assert ioadapt("inspect", tmp_path / "bad.safetensors") == OK
    assert ioadapt("inspect", tmp_path / "bad.safetensors", "--check") == MISUSE
    said = capsys.readouterr()
    assert "rank 2, scale 1, 12 -> 20, with a bias" in said.out
    assert "diff_b has to be finite" in said.err


def test_a_place_or_a_component_that_the_format_has_not(base, tmp_path, capsys):
    trained(base, tmp_path / "a")
    command = ("bake", tmp_path / "a", "--base", tmp_path / "base.safetensors", "--style", "kohya")
    assert ioadapt(*command[:2], tmp_path, *command[2:]) == MISUSE
    assert "is a folder; this format is one file" in capsys.readouterr().err
    assert ioadapt(*command[:2], tmp_path / "b.safetensors", *command[2:], "--component", "unett") == MISUSE
    assert "No component 'unett'. Did you mean 'unet'" in capsys.readouterr().err
    assert not (tmp_path / "b.safetensors").exists()


def test_layers_that_have_no_such_form_are_left_out_if_asked(base, tmp_path, capsys):
    trained(base, tmp_path / "a", placement="weight")
    command = ("convert", tmp_path / "a", tmp_path / "out", "--to", "input", "--base", tmp_path / "base.safetensors")
    assert ioadapt(*command) == MISUSE
    assert "conv_in: A kernel of 9 taps" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert ioadapt(*command, "--partial") == OK
    said = capsys.readouterr()
    assert "conv_in: left out: A kernel of 9 taps" in said.out
    assert "2 layers written, 1 left out" in said.err
    trained(base, tmp_path / "b", placement="output")
    assert ioadapt("convert", tmp_path / "b", *command[2:], "--partial") == MISUSE
    assert "converts a LoRA on the weight" in capsys.readouterr().err


def test_a_failure_leaves_no_folder(base, tmp_path, capsys):
    trained(base, tmp_path / "a", family="loha")
    model = tmp_path / "base.safetensors"
    assert ioadapt("bake", tmp_path / "a", tmp_path / "new" / "baked", "--base", model) == MISUSE
    assert "loha adapter does not bake" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_is_baked_knows_the_base_that_it_is_for(base, tmp_path, capsys):
    trained(base, tmp_path / "a")
    save_file({k: torch.randn_like(v) for k, v in base.state_dict().items()}, tmp_path / "other.safetensors")
    model, other = str(tmp_path / "base.safetensors"), str(tmp_path / "other.safetensors")
    for style, out in (("peft", "b"), ("diffusers", "c.safetensors"), ("kohya", "d.safetensors")):
        command = ("bake", tmp_path / "a", tmp_path / out, "--base", model, "--style", style, "--component", "unet")
        assert ioadapt(*command) == OK
        assert ioadapt("inspect", tmp_path / out, "--base", model) == OK
        said = capsys.readouterr().out
        assert f"base: {model}\n" in said
        assert "kinship of this base: same: 3 of 3" in said
        assert ioadapt("inspect", tmp_path / out, "--base", other) == OK
        assert "kinship of this base: foreign: 0 of 3" in capsys.readouterr().out


def test_a_conversion_with_another_base_and_what_is_left_out_are_said(base, tmp_path, capsys):
    trained(base, tmp_path / "a", placement="weight")
    save_file({k: torch.randn_like(v) for k, v in base.state_dict().items()}, tmp_path / "other.safetensors")
    for model, warned in (("base", False), ("other", True)):
        options = ("--to", "output", "--base", tmp_path / f"{model}.safetensors")
        assert ioadapt("convert", tmp_path / "a", tmp_path / "out", *options) == OK
        assert ("This is not the base that" in capsys.readouterr().err) == warned
    state = {f"unet.block.to_q.lora_{p}.weight": torch.randn(s).float() for p, s in (("A", (2, 12)), ("B", (20, 2)))}
    save_file(state | {"unet.block.to_q.oft_blocks": torch.ones(2).float()}, tmp_path / "file.safetensors")
    options = ("--to", "output", "--base", tmp_path / "base.safetensors", "--partial")
    assert ioadapt("convert", tmp_path / "file.safetensors", tmp_path / "out", *options) == OK
    assert "1 layers written, 0 left out. Also left out: unet.block.to_q.oft_blocks." in capsys.readouterr().err


@pytest.mark.parametrize("command", [("bake",), ("convert", "--to", "input")])
def test_a_file_is_no_place_for_a_folder(command, base, tmp_path, capsys):
    trained(base, tmp_path / "a", placement="weight", exclude_modules=["conv_in"])
    (tmp_path / "out").write_text("mine")
    words = (command[0], tmp_path / "a", tmp_path / "out", "--base", tmp_path / "base.safetensors", *command[1:])
    assert ioadapt(*words) == MISUSE
    assert "is a file; this format is a folder." in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


def test_what_has_no_exact_lora_is_baked_to_a_rank_or_a_share_saying_what_is_lost(base, tmp_path, capsys):
    trained(base, tmp_path / "a", family="dora", placement="output")
    options = ("--base", tmp_path / "base.safetensors", "--style", "kohya")
    out = tmp_path / "out.safetensors"
    assert ioadapt("bake", tmp_path / "a", out, *options, "--share", "0.999") == OK
    said = capsys.readouterr()
    lost = [float(line.rpartition(" ")[2]) for line in said.out.splitlines()]
    assert len(lost) == 3
    assert all(0 < loss < 0.0448 for loss in lost)  # √(1 - 0.999²)
    assert "change of their bias (diff_b), which ComfyUI applies, LyCORIS ignores" in said.err
    assert ioadapt("inspect", out) == OK
    assert ioadapt("bake", tmp_path / "a", out, *options, "--rank", "1", "--share", "0.5") == MISUSE
    assert "one of the two" in capsys.readouterr().err
