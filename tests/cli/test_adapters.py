import copy
import json

import peft
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import adapt, layers
from ioadapt_theory.cli import FINDING
from ioadapt_theory.formats import load, save
from ioadapt_theory.moving import transfer
from tests.adapters.foreign import Small

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def base(here) -> Small:
    model = Small().float()
    save_file(model.state_dict(), "base.safetensors")
    return model


def trained(base: nn.Module, placement: str = "input", **options: object) -> nn.Module:
    """Return a copy of the model with an adapter on three layers, which is also saved in the folder "a"."""
    options = {"target_modules": ["to_q", "0", "conv_in"], "rank": 2, "alpha": 3, "init": "random"} | options
    model = adapt(copy.deepcopy(base), placement=placement, **options)
    save(model, "a")
    return model


def lora(**more: torch.Tensor) -> None:
    """Write a LoRA for to_q in diffusers' format, with the tensors ``more``."""
    state = {f"unet.block.to_q.lora_{p}.weight": torch.randn(s).float() for p, s in (("A", (2, 12)), ("B", (20, 2)))}
    save_file(state | {f"unet.{k.replace('__', '.')}": v.float() for k, v in more.items()}, "lora.safetensors")


def close(ours: nn.Module, theirs: nn.Module, tolerance: float = 1e-5) -> None:
    image = torch.randn(2, 3, 8, 8).float()
    assert_close(ours(image), theirs(image), rtol=tolerance, atol=tolerance)


def test_inspect_tells_what_it_is(base, ioadapt):
    trained(base)
    lines = ioadapt("inspect a").out.splitlines()  # as people type it
    assert lines[1] == "ioadapt_theory: 3 layers, 140 parameters"
    assert lines[2] == "base: not named in the file"
    assert lines[lines.index("lora input, rank 2, scale 1.5, 12 -> 12:") + 1] == "  block.to_q"


def test_a_read_only_folder_is_told_before_the_work(base, here, ioadapt, monkeypatch):
    trained(base)
    monkeypatch.setattr("os.access", lambda path, _: path != here)
    for line in ("adapters convert a --base b --placement input --out b", "map a b --out b"):
        ioadapt.refuses(line, f"b cannot be written, since {here} is read-only; choose")


def test_inspect_lists_what_does_not_fit_and_is_not_read(base, ioadapt):
    more = {f"gone__lora_{p}__weight": torch.randn(2, 2) for p in "AB"}
    lora(**more, norm__w_norm=torch.randn(3), block__to_q__oft_blocks=torch.randn(2, 2, 2))
    line = "adapters inspect lora.safetensors --base base.safetensors"
    facts = json.loads(ioadapt(f"{line} --format json", FINDING).out)
    assert facts["matched"] == {"unet.block.to_q": "block.to_q"}
    assert facts["unmatched"] == {"unet.gone": "the base has no layer of this name"}
    assert facts["unread"] == {"unet.block.to_q.oft_blocks": "OFT", "unet.norm.w_norm": "a trained norm"}
    assert "does not fit the base: unet.gone" in ioadapt(line, FINDING).out


def test_numbers_are_checked_if_asked(here, ioadapt):
    lora(block__to_q__diff_b=torch.full((20,), torch.nan))
    assert "rank 2, scale 1, 12 -> 20, with a bias" in ioadapt("adapters inspect lora.safetensors").out
    ioadapt.refuses("adapters inspect lora.safetensors --check", "diff_b must be finite")


@pytest.mark.parametrize("style", ["peft", "kohya"])
def test_bake_writes_a_plain_lora_that_does_the_same_on_that_base_and_names_it(style, base, ioadapt):
    source, target = trained(base), Small().float()
    save_file(target.state_dict(), "target.safetensors")
    ioadapt(f"adapters bake a --out lora.safetensors --base target.safetensors --style {style} --component unet")
    expected = copy.deepcopy(target)
    transfer(source, expected)
    load(target, "lora.safetensors")
    assert list(layers(target)["block.to_q"].adapters["default"]) == ["weight"]
    close(target, expected)
    for model in ("target", "base"):
        told = ioadapt(f"adapters inspect lora.safetensors --base {model}.safetensors").out
        assert "base: target.safetensors " in " ".join(told.split())


def test_what_has_no_exact_lora_is_baked_to_a_rank_or_a_share_saying_what_is_lost(base, here, ioadapt):
    trained(base, family="dora", placement="output")
    line, out = "adapters bake a --out out.safetensors --base base.safetensors --style kohya", here / "out.safetensors"
    told = ioadapt(f"{line} --share 0.999")
    lost = [float(said.rpartition(" ")[2]) for said in told.out.splitlines()]
    assert len(lost) == 3
    assert all(0 < loss < 0.0448 for loss in lost)  # √(1 - 0.999²)
    assert "are applied by ComfyUI, ignored by LyCORIS and rejected by diffusers" in told.err
    assert "share of the weight change (Frobenius norm) lost by truncation" in told.err
    before = out.read_bytes()
    ioadapt.refuses(f"{line} --rank 1 --share 0.5", "either a rank or a share")
    ioadapt.refuses(line, "block.to_q: A dora adapter cannot be written exactly as a plain LoRA")
    assert out.read_bytes() == before


def test_convert_to_output_and_what_is_left_out_are_told(base, ioadapt):
    config = peft.LoraConfig(r=2, lora_alpha=3, target_modules=["to_q"], init_lora_weights=False)
    theirs = peft.get_peft_model(copy.deepcopy(base), config)
    theirs.save_pretrained("lora")
    told = ioadapt("adapters convert lora --out out --placement output --base base.safetensors")
    assert "block.to_q: lost" in told.out
    ours = copy.deepcopy(base)
    load(ours, "out")
    assert list(layers(ours)["block.to_q"].adapters["default"]) == ["output"]
    close(ours, theirs, 1e-4)  # float32 with W⁺ of condition number ~10
    lora(block__to_q__oft_blocks=torch.ones(2))
    line = "adapters convert lora.safetensors --out out --placement output --base base.safetensors --partial --force"
    assert "Also left out: unet.block.to_q.oft_blocks." in ioadapt(line).err


def test_half_an_adapter_is_refused_unless_asked_for(base, here, ioadapt):
    trained(base)
    save_file({k: v for k, v in base.state_dict().items() if "to_q" not in k}, "less.safetensors")
    line, missing = (
        "adapters bake a --out out --base less.safetensors",
        "block.to_q: the base has no layer of this name",
    )
    ioadapt.refuses(line, missing)
    assert not (here / "out").exists()
    assert "2 of 3 layers written." in ioadapt(f"{line} --partial").err
    save_file({"other.weight": torch.ones(2, 2)}, "less.safetensors")
    ioadapt.refuses(f"{line} --partial", f"no layer fits the base ({missing}); give the model")
