"""Costs counted on the meta device agree with a real run, and with known sizes of real models."""

import copy
from pathlib import Path
from runpy import run_path

import pytest
import torch
import transformers as hf
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ioadapt_theory import adapt, count
from ioadapt_theory.presets import PRESETS
from tests.adapters.foreign import quiet

cost = run_path(str(Path(__file__).parents[2] / "examples" / "what_it_costs.py"))["cost"]
N, C, D, R = 7, 12, 20, 3


@pytest.mark.parametrize(
    ("placement", "passes"),
    [  # products with W, then those with both factors and for their gradients; the input needs no gradient
        ("weight", N * C * D + 2 * N * R * C + 3 * N * R * D),
        ("input", 2 * N * C * D + 5 * N * R * C),
        ("output", N * C * D + 5 * N * R * D),
    ],
)
def test_the_operations_of_one_layer_are_those_counted_by_hand(placement, passes):
    model = adapt(nn.Sequential(nn.Linear(C, D)).float(), target_modules=["0"], placement=placement, rank=R)
    found = cost(model.to("meta"), lambda m: m(torch.empty(N, C, device="meta", dtype=torch.float32)).sum())
    assert found.operations == 2 * passes
    assert found.trained == count(model)
    assert found.weights == 4 * (C * D + D + count(model))


def test_the_meta_device_counts_what_a_real_run_does_but_for_attention_that_is_computed_twice():
    sizes = {"vocab_size": 50, "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 16}
    config = hf.GPT2Config(**sizes, tie_word_embeddings=False)  # a Llama does not run on torch 2.7's meta device
    model = quiet(lambda: hf.GPT2LMHeadModel(config).float())
    adapt(model, target_modules=["c_attn"], placement="input", rank=2)

    def loss(model):
        tokens = torch.zeros(2, 6, dtype=torch.long, device=model.device)
        return model(input_ids=tokens).logits.float().square().mean()

    counted = cost(copy.deepcopy(model).to("meta"), loss)
    with sdpa_kernel(SDPBackend.MATH):
        real = cost(model, loss)
    assert (counted.trained, counted.weights) == (real.trained, real.weights)
    assert abs(counted.operations / real.operations - 1) < 0.1


def test_sd_15_in_the_settings_of_table_7():
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768).to(torch.bfloat16)
        x, text, times = (torch.empty(s, dtype=torch.bfloat16) for s in ((4, 4, 64, 64), (4, 77, 768), (4,)))
    options = PRESETS["sd15"].adapter("lora", "weight") | {"target_modules": ["to_k", "to_q", "to_v", "to_out.0"]}
    found = cost(adapt(unet, **options), lambda m: m(x, times, text).sample.float().square().mean())
    assert found.trained == 797_184  # as in common LoRAs of this model
    assert abs((found.weights - 4 * found.trained) / 2 / 859_520_964 - 1) < 1e-6  # its published number of parameters
    assert 6e12 < found.operations < 8e12
    assert found.memory("prodigy") - found.memory("adamw") == 8 * found.trained
    assert found.hours(500, 7e12) == pytest.approx(500 * found.operations / 7e12 / 3600)
