"""IOLORA in the real PEFT: PEFT's usual calls work, with the same results as our own layers."""

import copy
import random
import subprocess
import sys
import tempfile

import peft
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import FAMILIES, adapt, layers
from ioadapt_theory.errors import IoAdaptError, UnsupportedError
from ioadapt_theory.formats import load
from ioadapt_theory.peft import IOLoraConfig, IOLoraLayer, load_adapter
from tests.adapters.foreign import filled, run_llama, tiny_llama

pytestmark = pytest.mark.filterwarnings("ignore")

TARGETS = ["q_proj", "v_proj", "o_proj", "down_proj"]


def wrapped(model: nn.Module, **options: object) -> peft.PeftModel:
    config = IOLoraConfig(
        target_modules=TARGETS, r=2, lora_alpha=3, init_weights="random", **{"placement": "input", **options}
    )
    return filled(peft.get_peft_model(model, config), mark="iolora").eval()


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
        loaded = peft.PeftModel.from_pretrained(tiny_llama(5), tmp_path, low_cpu_mem_usage=low)
        assert_close(run_llama(loaded), expected, rtol=1e-6, atol=1e-6)
    by_us = tiny_llama(5)
    load(by_us, tmp_path)
    assert_close(run_llama(by_us), expected, rtol=1e-6, atol=1e-6)
    for call in (load_adapter, type(by_us).load_adapter):  # ours and transformers'
        injected = tiny_llama(5)
        call(injected, str(tmp_path))
        assert_close(run_llama(injected), expected, rtol=1e-6, atol=1e-6)
    plain = loaded.merge_and_unload()
    assert not any(isinstance(m, IOLoraLayer) for m in plain.modules())
    assert_close(run_llama(plain), expected, rtol=1e-5, atol=1e-5)


KINDS = {
    "family": [*FAMILIES],
    "placement": ["input", "output", "weight", "input+weight", "residual"],
    "r": [1, 3],
    "lora_alpha": [None, 1, 8],
    "target_modules": [["q_proj"], ["o_proj", "down_proj"], TARGETS],
}


class Drawn:
    """A PeftModel after drawn operations of PEFT, and what it must compute, by our own layers."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        torch.manual_seed(seed)
        self.options: dict[str, dict] = {"one": self.kind()}
        self.model = peft.get_peft_model(tiny_llama(), self.config("one"), adapter_name="one").eval()
        self.active, self.strength = ["one"], {"one": 1.0}

    def kind(self) -> dict:
        return {key: self.draw.choice(values) for key, values in KINDS.items()}

    def config(self, name: str) -> IOLoraConfig:
        return IOLoraConfig(**self.options[name], init_weights="random")

    def expected(self) -> torch.Tensor:
        model = tiny_llama()
        twins = {n.removeprefix("base_model.model."): m for n, m in self.model.named_modules()}
        for name in self.active:
            adapt(model, name=name, **self.options[name])
            for place, layer in layers(model, name).items():
                layer.adapters[name].load_state_dict(twins[place].iolora_adapters[name].state_dict())
        return run_llama(model)

    def add(self) -> None:
        if name := next((n for n in ("one", "two", "three") if n not in self.options), None):
            self.options[name], self.strength[name] = self.kind(), 1.0
            self.model.add_adapter(name, self.config(name))

    def delete(self) -> None:
        if idle := [name for name in self.options if name not in self.active]:
            name = self.draw.choice(idle)
            self.model.delete_adapter(name)
            del self.options[name], self.strength[name]

    def choose(self) -> None:
        self.active = self.draw.sample([*self.options], self.draw.randint(1, len(self.options)))
        self.model.set_adapter(self.active[0])  # the PeftModel itself remembers one adapter, which must exist
        self.model.base_model.set_adapter(self.active)

    def strengthen(self) -> None:
        name = self.draw.choice([*self.options])
        factor = self.draw.choice([0.0, 0.5, -2.0])
        places = [m for m in self.model.modules() if isinstance(m, IOLoraLayer) and name in m.iolora_adapters]
        before = [[phi.scaling for _, phi in m.iolora_adapters[name].parts()] for m in places]
        for place, scalings in zip(places, before, strict=True):
            place.set_scale(name, factor)
            ratio = factor / self.strength[name] if self.strength[name] else None
            now = [phi.scaling for _, phi in place.iolora_adapters[name].parts()]
            assert ratio is None or now == pytest.approx([ratio * s for s in scalings])
        self.strength[name] = factor

    def merge(self) -> None:
        safe = self.draw.random() < 0.5
        self.model.merge_adapter(safe_merge=safe)
        assert_close(run_llama(self.model), self.expected(), rtol=1e-4, atol=1e-5)
        self.model.unmerge_adapter()

    def merge_another(self) -> None:
        name, copied = self.draw.choice([*self.options]), copy.deepcopy(self.model)
        plain = copied.merge_and_unload(adapter_names=[name])
        active, self.active = self.active, [name]
        assert_close(run_llama(plain), self.expected(), rtol=1e-4, atol=1e-5)
        self.active = active

    def disable(self) -> None:
        with self.model.disable_adapter():
            assert torch.equal(run_llama(self.model), run_llama(tiny_llama()))

    def reload(self) -> None:
        """Save all adapters and load them into a new model; as in PEFT, the present strengths are not saved."""
        names, low = [*self.options], self.draw.random() < 0.5
        with tempfile.TemporaryDirectory() as folder:
            self.model.save_pretrained(folder)
            first, *rest = (f"{folder}/{name}" for name in names)
            kw = {"adapter_name": names[0], "low_cpu_mem_usage": low}
            self.model = peft.PeftModel.from_pretrained(tiny_llama(), first, **kw).eval()
            for name, path in zip(names[1:], rest, strict=True):
                self.model.load_adapter(path, adapter_name=name, low_cpu_mem_usage=low)
        self.strength = dict.fromkeys(names, 1.0)
        self.model.set_adapter(self.active[0])
        self.model.base_model.set_adapter(self.active)

    def step(self) -> None:
        steps = self.add, self.delete, self.choose, self.strengthen, self.merge, self.merge_another, self.disable
        self.draw.choice([*steps, self.choose, self.reload])()
        assert_close(run_llama(self.model), self.expected(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 200), marks=pytest.mark.slow)], ids=["few", "many"])
def test_any_operations_of_peft_give_what_our_layers_give(seeds):
    for seed in seeds:
        drawn = Drawn(seed)
        for _ in range(10):
            drawn.step()


def test_what_peft_would_ignore_or_cannot_do_is_refused():
    model, tokens = wrapped(tiny_llama(), task_type="CAUSAL_LM"), torch.arange(12).reshape(2, 6)
    for call in (model, model.generate):
        with pytest.raises(UnsupportedError, match="IOLORA does not support adapter_names"):
            call(input_ids=tokens, adapter_names=["default", "__base__"])
    with pytest.raises(UnsupportedError, match="IOLORA does not merge adapters into a new one; activate several"):
        model.add_weighted_adapter(["default"], [0.5], "new")


def test_over_a_lora_of_peft_it_runs_and_refuses_to_merge():
    model = peft.get_peft_model(tiny_llama(), peft.LoraConfig(target_modules=["q_proj"], r=2))
    filled(model, mark="lora")
    inner = run_llama(model)
    config = IOLoraConfig(target_modules=["q_proj"], placement="input", r=2)
    peft.inject_adapter_in_model(config, model, "io")
    assert_close(run_llama(model), inner)
    layer = next(m for m in model.modules() if isinstance(m, IOLoraLayer))
    with pytest.raises(IoAdaptError, match="is not a plain matrix"):
        layer.merge()


def test_without_peft_the_extra_is_named():
    code = "import sys; sys.modules['peft'] = None\nimport ioadapt_theory.peft"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError" in done.stderr
    assert "ioadapt-theory[peft]" in done.stderr
