import copy
from typing import Any

import peft
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from ioadapt_theory import adapt, disable, layers, load, merge, remove, save, scale, transfer
from ioadapt_theory.adapters import Adapter
from ioadapt_theory.adapters.base_weights import BaseLayer, ModelWeights
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.formats import open_adapter
from ioadapt_theory.formats.export import factors, write_lora
from ioadapt_theory.moving import TransferError
from tests.adapters.foreign import Small, filled, run_llama, tiny_llama
from tests.formats.refusals import refused

pytestmark = pytest.mark.filterwarnings("ignore")

EVERYWHERE = ["to_q", "0", "conv_in", "proj"]


def lora(**options: Any) -> peft.LoraConfig:
    return peft.LoraConfig(r=3, lora_alpha=5, **({"target_modules": EVERYWHERE} | options))


def lokr(**options: Any) -> peft.LoKrConfig:
    return peft.LoKrConfig(alpha=5, target_modules=EVERYWHERE, **options)


def loha(**options: Any) -> peft.LoHaConfig:
    return peft.LoHaConfig(r=3, alpha=5, target_modules=EVERYWHERE, **options)


PATTERNS: Any = {"rank_pattern": {"to_q": 2, "^conv_in": 5}, "alpha_pattern": {r"block\.to_q": 9, "proj": 1}}
CONFIGS = {
    "rslora-patterns": lora(use_rslora=True, **PATTERNS),
    "dora": lora(use_dora=True),
    "loha-patterns": loha(rank_pattern={"0": 2}, alpha_pattern={"0": 1}),
    "lokr": lokr(r=2, rank_pattern={"to_q": 1}),
    "lokr-whole": lokr(r=64),
    "lokr-both": lokr(r=1, decompose_both=True, decompose_factor=4),
}


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, dtype=torch.float32)


def written(base: nn.Module, config: Any, folder: Any, mark: str = "l") -> Any:
    """Save an adapter with random parameters with PEFT, and return PEFT's model."""
    model = filled(peft.get_peft_model(copy.deepcopy(base), config), mark=mark).eval()
    model.save_pretrained(folder)
    return model


def close(ours: Any, theirs: Any, x: torch.Tensor) -> None:
    assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CONFIGS)
def test_what_peft_writes_does_the_same_here(case, tmp_path, image):
    base = Small().float()
    theirs = written(base, CONFIGS[case], tmp_path)
    ours = copy.deepcopy(base)
    assert sorted(load(ours, tmp_path).matched) == ["block.to_out.0", "block.to_q", "conv_in", "proj"]
    assert (theirs(image) - base(image)).abs().max() > 1e-2
    close(ours, theirs, image)


def test_llama_and_its_variants_of_names(tmp_path):
    theirs = written(tiny_llama(), lora(target_modules="all-linear", task_type="CAUSAL_LM"), tmp_path, mark="lora")
    file = open_adapter(tmp_path)
    assert (file.format, len(file.layers), dict(file.unread)) == ("PEFT", 14, {})
    ours = tiny_llama()
    load(ours, tmp_path / "adapter_model.safetensors")  # with the configuration next to it
    assert_close(run_llama(ours), run_llama(theirs), rtol=1e-5, atol=1e-5)
    inner = tiny_llama().model  # the model that was adapted contains this one
    assert len(load(inner, tmp_path).matched) == 14
    (tmp_path / "adapter_config.json").unlink()
    refused(tiny_llama(), tmp_path / "adapter_model.safetensors", "give the folder with both files")


def on(model: nn.Module, base: nn.Module) -> list[tuple[str, Adapter, BaseLayer]]:
    """Return (layer, adapter, base layer) for each adapter of a model, with the layers of ``base``."""
    weights = ModelWeights(base)
    return [(name, layer.adapters["default"], weights.layer(name)) for name, layer in layers(model).items()]


@pytest.mark.parametrize("placement", ["input", "output"])
def test_baked_for_a_named_base_it_is_a_plain_lora_of_stock_peft(placement, tmp_path, image):
    source, target = Small().float(), Small().float()
    options = {"rank": 3, "alpha": 5, "rank_pattern": {"to_q": 2}, "init": "random"}
    adapt(source, target_modules=EVERYWHERE, placement=placement, **options)
    expected = copy.deepcopy(target)
    transfer(source, expected)
    write_lora(tmp_path, {"": factors(on(source, target))}, "peft", base="small")
    theirs = peft.PeftModel.from_pretrained(copy.deepcopy(target), tmp_path)
    close(theirs, expected, image)
    load(target, tmp_path)
    assert any(m.adapters["default"].shift is not None for m in layers(target).values()) == (placement == "output")
    for model in (target, expected):  # the change of the bias is scaled too
        scale(model, 0.5)
    close(target, expected, image)


REFUSED = {
    "PiSSA": (lora(target_modules=["to_q"], init_lora_weights="pissa"), "also changed the base weights"),
    "PEANUT": (peft.PeanutConfig(target_modules=["to_q"]), "peft_type must be one of LORA, LOHA, LOKR, IOLORA, not"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_counterpart_is_named(case, tmp_path):
    config, sentence = REFUSED[case]
    peft.get_peft_model(Small().float(), config).save_pretrained(tmp_path)
    refused(Small().float(), tmp_path, sentence, (UnsupportedError, FileFormatError))


def test_changes_of_the_base_are_made_when_told_and_otherwise_named(tmp_path):
    config = lora(target_modules=["q_proj"], modules_to_save=["lm_head", "input_layernorm"])
    theirs = written(tiny_llama(), config, tmp_path, mark="")
    ours, before = tiny_llama(), run_llama(tiny_llama())
    refused(ours, tmp_path, r"also replaces tensors of the base: .* alter_base=True")
    assert torch.equal(run_llama(ours), before)
    assert not load(tiny_llama(), tmp_path, strict=False).altered
    report = load(ours, tmp_path, alter_base=True)
    norms = (f"model.layers.{i}.input_layernorm.weight" for i in (0, 1))
    assert {*report.altered} == {"lm_head.weight", *norms}
    assert_close(run_llama(ours), run_llama(theirs), rtol=1e-5, atol=1e-5)
    with pytest.warns(UserWarning, match="does not contain the changed tensors outside the adapters"):
        save(ours, tmp_path / "own")
    assert load(tiny_llama(), tmp_path / "own").altered == ()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"target_modules": ["q_proj", "embed_tokens"]}, "LoRA on an embedding"),
        ({"target_modules": ["q_proj"], "trainable_token_indices": {"embed_tokens": [7, 1]}}, "trained tokens"),
    ],
)
def test_what_is_trained_of_an_embedding_is_not_read_and_named(options, what, tmp_path):
    written(tiny_llama(), lora(**options), tmp_path, mark="")
    refused(tiny_llama(), tmp_path, rf"keys that are not read \(\d\): \S+ \({what}\)", alter_base=True)
    assert len(load(tiny_llama(), tmp_path, strict=False).matched) == 2


def test_trained_biases_are_altered_and_a_head_that_was_not_trained_is_not(tmp_path, image):
    base = Small().float()
    theirs = written(base, lora(target_modules=["0"], bias="all"), tmp_path / "biases", mark="")
    load(base, tmp_path / "biases", alter_base=True)
    close(base, theirs, image)
    theirs = written(tiny_llama(), lora(target_modules=["lm_head"]), tmp_path / "head")
    (change,) = open_adapter(tmp_path / "head").changes  # PEFT adds whole embeddings whenever it adapts one
    assert str(change) == "lm_head.weight"
    ours = tiny_llama()
    assert load(ours, tmp_path / "head").altered == ()
    assert_close(run_llama(ours), run_llama(theirs), rtol=1e-5, atol=1e-5)


def test_the_bias_of_a_lora_is_a_part_of_it_and_goes_where_it_goes(tmp_path, image):
    base, config = Small().float(), lora(target_modules=["to_q", "0", "conv_in"], lora_bias=True)
    theirs = written(base, config, tmp_path / "peft", mark="lora")
    ours, again, other = (copy.deepcopy(base) for _ in range(3))
    load(ours, tmp_path / "peft")
    close(ours, theirs, image)
    with disable(ours):
        assert_close(ours(image), base(image))
    load(again, save(ours, tmp_path / "own"))
    assert torch.equal(again(image), ours(image))
    write_lora(tmp_path / "baked", {"": factors(on(ours, base))}, "peft", base="b")
    load(other, tmp_path / "baked")
    close(other, ours, image)
    with pytest.raises(UnsupportedError, match=r"to_q: An adapter with a bias cannot be merged"):
        merge(ours)
    assert_close(remove(ours)(image), base(image))


def test_a_vocabulary_of_another_size_alters_nothing(tmp_path):
    larger = tiny_llama()
    larger.resize_token_embeddings(53)
    written(larger, lora(target_modules=["q_proj"], modules_to_save=["lm_head"]), tmp_path)
    model = tiny_llama()
    sizes = r"\[50, 16\] in the model but \[53, 16\] in the file; if it is an embedding, resize"
    refused(model, tmp_path, sizes, TransferError, alter_base=True)
    assert torch.equal(run_llama(model), run_llama(tiny_llama()))
