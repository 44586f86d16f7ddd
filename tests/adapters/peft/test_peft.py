"""IOLORA in the real PEFT: PEFT's usual calls work, with the same results as our own layers."""

import pickle
import subprocess
import sys

import peft
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import FAMILIES, adapt, layers
from ioadapt_theory.adapters.base_weights import ModelWeights
from ioadapt_theory.adapters.rules.fingerprint import identical
from ioadapt_theory.errors import IoAdaptError, UnsupportedError
from ioadapt_theory.formats import load, open_adapter
from ioadapt_theory.peft import IOLoraConfig, IOLoraLayer, load_adapter
from tests.adapters.foreign import filled, quiet, run_llama, tiny_llama

pytestmark = pytest.mark.filterwarnings("ignore")

TARGETS = ["q_proj", "v_proj", "o_proj", "down_proj"]


def wrapped(model: nn.Module, **options: object) -> peft.PeftModel:
    config = IOLoraConfig(target_modules=TARGETS, r=2, lora_alpha=3, init_weights="random", **options)
    return filled(quiet(lambda: peft.get_peft_model(model, config)), mark="iolora").eval()


def ours(theirs: nn.Module, model: nn.Module, **options: object) -> nn.Module:
    """Adapt a model with our own layers, and copy the parameters of PEFT's layers into them."""
    adapt(model, target_modules=TARGETS, rank=2, alpha=3, **options)
    twins = {n.removeprefix("base_model.model."): m for n, m in theirs.named_modules() if isinstance(m, IOLoraLayer)}
    for name, layer in layers(model).items():
        layer.adapters["default"].load_state_dict(twins[name].iolora_adapters["default"].state_dict())
    return model


@pytest.mark.parametrize("placement", ["input", "output", "weight", "input+weight", "residual"])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_computes_what_our_layer_computes_is_saved_loaded_on_another_base_and_merged(family, placement, tmp_path):
    options = {"family": family, "placement": placement, "rank_pattern": {"v_proj": 3}, "use_rslora": True}
    theirs = wrapped(tiny_llama(), **options)
    assert_close(run_llama(theirs), run_llama(ours(theirs, tiny_llama(), **options)), rtol=1e-6, atol=1e-6)
    assert (run_llama(theirs) - run_llama(tiny_llama())).abs().max() > 1e-2
    theirs.save_pretrained(tmp_path)
    expected = run_llama(ours(theirs, tiny_llama(5), **options))
    for low in (True, False):
        loaded = quiet(lambda low=low: peft.PeftModel.from_pretrained(tiny_llama(5), tmp_path, low_cpu_mem_usage=low))
        assert_close(run_llama(loaded), expected, rtol=1e-6, atol=1e-6)
    by_us = tiny_llama(5)
    load(by_us, tmp_path)
    assert_close(run_llama(by_us), expected, rtol=1e-6, atol=1e-6)
    for call in (load_adapter, type(by_us).load_adapter):  # ours and transformers'
        injected = tiny_llama(5)
        quiet(lambda call=call, model=injected: call(model, str(tmp_path)))
        assert_close(run_llama(injected), expected, rtol=1e-6, atol=1e-6)
    plain = quiet(loaded.merge_and_unload)
    assert not any(isinstance(m, IOLoraLayer) for m in plain.modules())
    assert_close(run_llama(plain), expected, rtol=1e-5, atol=1e-5)


def test_adapters_are_added_chosen_disabled_and_deleted():
    base = run_llama(tiny_llama())
    model = wrapped(tiny_llama(), placement="output")
    first = run_llama(model)
    second_config = IOLoraConfig(target_modules=["q_proj"], r=3, placement="weight", init_weights="random")
    quiet(lambda: model.add_adapter("second", second_config))
    assert_close(run_llama(model), first)
    model.set_adapter("second")
    second = run_llama(model)
    assert (second - first).abs().max() > 1e-3
    with model.disable_adapter():
        assert torch.equal(run_llama(model), base)
    model.base_model.set_adapter(["default", "second"])
    both = run_llama(model)
    quiet(model.merge_adapter)
    assert_close(run_llama(model), both, rtol=1e-5, atol=1e-5)
    quiet(model.unmerge_adapter)
    assert torch.equal(run_llama(model), both)
    model.set_adapter("default")
    model.delete_adapter("second")
    assert_close(run_llama(model), first)


def test_what_peft_would_ignore_or_cannot_do_is_refused():
    model, tokens = wrapped(tiny_llama(), task_type="CAUSAL_LM"), torch.arange(12).reshape(2, 6)
    for call in (model, model.generate):
        with pytest.raises(UnsupportedError, match="IOLORA does not support adapter_names"):
            call(input_ids=tokens, adapter_names=["default", "__base__"])
    with pytest.raises(UnsupportedError, match="IOLORA does not merge adapters into a new one; activate several"):
        model.add_weighted_adapter(["default"], [0.5], "new")


def test_over_a_lora_of_peft_it_runs_and_refuses_to_merge():
    model = quiet(lambda: peft.get_peft_model(tiny_llama(), peft.LoraConfig(target_modules=["q_proj"], r=2)))
    filled(model, mark="lora")
    inner = run_llama(model)
    quiet(lambda: peft.inject_adapter_in_model(IOLoraConfig(target_modules=["q_proj"], r=2), model, "io"))
    assert_close(run_llama(model), inner)
    layer = next(m for m in model.modules() if isinstance(m, IOLoraLayer))
    with pytest.raises(IoAdaptError, match="is not a plain matrix"):
        layer.merge()


def test_without_peft_the_extra_is_named():
    code = "import sys; sys.modules['peft'] = None\nimport ioadapt_theory.peft"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError" in done.stderr
    assert "ioadapt-theory[peft]" in done.stderr


def test_the_base_is_recognised_by_what_the_plug_in_saves(tmp_path):
    theirs = wrapped(tiny_llama())
    theirs.save_pretrained(tmp_path / "a")
    opened = open_adapter(tmp_path / "a")
    assert len(opened.prints) == 8
    assert pickle.loads(pickle.dumps(theirs.peft_config["default"])).r == 2
    assert [identical(opened.prints, ModelWeights(tiny_llama(seed)))[0] for seed in (1, 5)] == [8, 0]
    again = quiet(lambda: peft.PeftModel.from_pretrained(tiny_llama(5), tmp_path / "a"))
    again.save_pretrained(tmp_path / "b")
    assert identical(open_adapter(tmp_path / "b").prints, ModelWeights(tiny_llama(5))) == (8, 8)
