"""Folders that the real PEFT writes are read, and do the same; ours are read by the real PEFT."""

import copy

import peft
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import layers
from ioadapt_theory.adapters.formats import load, read
from tests.adapters.foreign import Small, filled, quiet, run_llama, tiny_llama

pytestmark = pytest.mark.filterwarnings("ignore")

EVERYWHERE = ["to_q", "0", "conv_in", "proj"]
CONFIGS = {
    "lora": peft.LoraConfig(r=3, lora_alpha=5, target_modules=EVERYWHERE),
    "rslora": peft.LoraConfig(r=4, lora_alpha=3, use_rslora=True, target_modules=EVERYWHERE),
    "patterns": peft.LoraConfig(
        r=3,
        lora_alpha=7,
        target_modules=EVERYWHERE,
        rank_pattern={"to_q": 2, "^conv_in": 5},
        alpha_pattern={r"block\.to_q": 9, "proj": 1},
    ),
    "rslora-patterns": peft.LoraConfig(
        r=3, lora_alpha=2, use_rslora=True, target_modules=EVERYWHERE, rank_pattern={"to_q": 4}, alpha_pattern={"0": 6}
    ),
    "dora": peft.LoraConfig(r=3, lora_alpha=5, use_dora=True, target_modules=EVERYWHERE),
    "loha": peft.LoHaConfig(r=3, alpha=5, target_modules=EVERYWHERE),
    "loha-tucker": peft.LoHaConfig(r=3, alpha=5, target_modules=EVERYWHERE, use_effective_conv2d=True),
    "loha-patterns": peft.LoHaConfig(
        r=3, alpha=5, target_modules=EVERYWHERE, rank_pattern={"0": 2}, alpha_pattern={"0": 1}
    ),
    "lokr": peft.LoKrConfig(r=2, alpha=5, target_modules=EVERYWHERE),
    "lokr-whole": peft.LoKrConfig(r=64, alpha=5, target_modules=EVERYWHERE),
    "lokr-both": peft.LoKrConfig(r=1, alpha=5, target_modules=EVERYWHERE, decompose_both=True, decompose_factor=4),
    "lokr-tucker": peft.LoKrConfig(
        r=2, alpha=3, target_modules=EVERYWHERE, use_effective_conv2d=True, rank_pattern={"to_q": 1}
    ),
}


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, dtype=torch.float32)


@pytest.mark.parametrize("case", CONFIGS)
def test_what_peft_writes_does_the_same_here(case, tmp_path, image):
    base = Small().float()
    theirs = filled(quiet(lambda: peft.get_peft_model(copy.deepcopy(base), CONFIGS[case])), mark="l")
    theirs.eval().save_pretrained(tmp_path)
    ours = copy.deepcopy(base)
    report = load(ours, tmp_path)
    assert sorted(report.matched) == ["block.to_out.0", "block.to_q", "conv_in", "proj"]
    expected = theirs(image)
    assert (expected - base(image)).abs().max() > 1e-2  # the adapter does something
    assert_close(ours(image), expected, rtol=1e-5, atol=1e-5)
