"""Folders that the real PEFT writes are read, and do the same; ours are read by the real PEFT."""

import copy
import json
import time

import peft
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

from ioadapt_theory.adapters import (
    Adapter,
    TransferError,
    adapt,
    disable,
    layers,
    merge,
    remove,
    scale,
    transfer,
    unmerge,
)
from ioadapt_theory.adapters.base_weights import ModelWeights, TensorWeights
from ioadapt_theory.errors import FileFormatError, UnsupportedError
from ioadapt_theory.formats import load, read, save
from ioadapt_theory.formats.kinds.peanut import write_peanut
from ioadapt_theory.formats.write import Baked, write_lora
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


def adapters(model: nn.Module) -> list[tuple[str, Adapter]]:
    return [(name, layer.adapters["default"]) for name, layer in layers(model).items()]


def trained(model: nn.Module, placement: str, targets: list[str], **options: object) -> nn.Module:
    """Our adapter with random parameters, of mixed ranks and alpha != rank."""
    adapt(
        model,
        target_modules=targets,
        placement=placement,
        rank=3,
        alpha=5,
        rank_pattern={targets[0]: 2},
        init="random",
        **options,
    )
    return model


def test_an_output_adapter_written_as_peanut_is_loaded_by_stock_peft_on_any_base(tmp_path):
    source = trained(tiny_llama(), "output", ["q_proj", "up_proj"])
    write_peanut(tmp_path, adapters(source), base="tiny")
    for seed in (1, 5):
        ours, theirs = tiny_llama(seed), tiny_llama(seed)
        transfer(source, ours)
        theirs = quiet(lambda model=theirs: peft.PeftModel.from_pretrained(model, tmp_path))
        assert_close(run_llama(theirs), run_llama(ours), rtol=1e-5, atol=1e-5)
        assert_close(run_llama(theirs.merge_and_unload()), run_llama(ours), rtol=1e-5, atol=1e-5)
        back = tiny_llama(seed)
        load(back, tmp_path)
        assert_close(run_llama(back), run_llama(ours), rtol=1e-5, atol=1e-5)


def test_layers_with_a_bias_are_not_written_as_peanut_nor_read_from_it(tmp_path):
    model = trained(Small().float(), "output", ["to_q", "0"])
    with pytest.raises(UnsupportedError, match=r"block.to_out.0 has a bias"):
        write_peanut(tmp_path, adapters(model), base=None, biased=["block.to_out.0"])
    assert not any(tmp_path.iterdir())
    quiet(
        lambda: peft.get_peft_model(Small().float(), peft.PeanutConfig(target_modules=["0"], act_fn="linear"))
    ).save_pretrained(tmp_path)
    with pytest.raises(TransferError, match="has a bias, which PEANUT leaves alone"):
        load(Small().float(), tmp_path)


@pytest.mark.parametrize("placement", ["input", "output", "weight", "input+output"])
def test_baked_for_a_named_base_it_is_a_plain_lora_of_stock_peft(placement, tmp_path, image):
    source, target = trained(Small().float(), placement, EVERYWHERE), Small().float()
    expected = copy.deepcopy(target)
    transfer(source, expected)
    weights = ModelWeights(target)
    write_lora(tmp_path, [(n, Baked.of(a, weights.layer(n))) for n, a in adapters(source)], "peft", base="small")
    theirs = quiet(lambda: peft.PeftModel.from_pretrained(copy.deepcopy(target), tmp_path))
    assert_close(theirs(image), expected(image), rtol=1e-5, atol=1e-5)
    load(target, tmp_path)
    shifted = {name for name, adapter in adapters(target) if adapter.shift is not None}
    assert bool(shifted) == ("output" in placement)  # which acts on biases, so that the LoRA comes with changes of them
    assert_close(target(image), expected(image), rtol=1e-5, atol=1e-5)
    if placement == "output":
        scale(target, 0.5)
        scale(expected, 0.5)
        assert_close(target(image), expected(image), rtol=1e-5, atol=1e-5)


def test_llama_and_its_variants_of_names(tmp_path):
    theirs = quiet(
        lambda: peft.get_peft_model(
            tiny_llama(), peft.LoraConfig(r=2, lora_alpha=7, target_modules="all-linear", task_type="CAUSAL_LM")
        )
    )
    filled(theirs, mark="lora").save_pretrained(tmp_path)
    file = read(tmp_path)
    assert (file.format, len(file.entries), dict(file.unread)) == ("PEFT", 14, {})
    ours = tiny_llama()
    load(ours, tmp_path)
    assert_close(run_llama(ours), run_llama(theirs), rtol=1e-5, atol=1e-5)
    inner = tiny_llama().model  # the adapter was made from a model that has this one inside
    assert len(load(inner, tmp_path).matched) == 14


@pytest.mark.parametrize("where", ["PEFT", "diffusers"])
def test_a_pattern_for_each_of_many_layers_is_read_in_no_time(where, tmp_path):
    """As files of mixed ranks have it; re forgets compiled patterns after 512, which made 800 layers take minutes."""
    prefix, patterns, state = {"PEFT": "base_model.model.", "diffusers": "unet."}[where], {}, {}
    for i in range(800):
        r = patterns[f"^blocks\\.{i}\\.attn\\.to_q"] = 1 + i % 3
        state[f"{prefix}blocks.{i}.attn.to_q.lora_A.weight"] = torch.zeros(r, 4)
        state[f"{prefix}blocks.{i}.attn.to_q.lora_B.weight"] = torch.zeros(4, r)
    config = {"peft_type": "LORA", "r": 9, "lora_alpha": 18, "rank_pattern": patterns}
    packed = {"lora_adapter_metadata": json.dumps({f"unet.{k}": v for k, v in config.items()})}
    save_file(state, tmp_path / "adapter_model.safetensors", metadata=packed if where == "diffusers" else None)
    if where == "PEFT":
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    start = time.process_time()
    found = [entry.scaling for entry in read(tmp_path / "adapter_model.safetensors").entries]
    assert time.process_time() - start < 10
    assert sorted(found) == sorted(18 / r for r in patterns.values())


def test_gpt2_stores_w_itself(tmp_path):
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(3)
    base = quiet(lambda: GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2))).float().eval()
    config = peft.LoraConfig(r=2, lora_alpha=7, target_modules=["c_attn", "c_proj"], fan_in_fan_out=True, use_dora=True)
    theirs = filled(quiet(lambda: peft.get_peft_model(copy.deepcopy(base), config)), mark="lora").eval()
    theirs.save_pretrained(tmp_path)
    ours = copy.deepcopy(base)
    load(ours, tmp_path)
    assert_close(run_llama(ours), run_llama(theirs), rtol=1e-5, atol=1e-5)
    tensors = base.state_dict()
    stored = TensorWeights({k: tuple(v.shape) for k, v in tensors.items()}, tensors.__getitem__)
    for name in ("transformer.h.0.attn.c_attn", "transformer.h.1.attn.c_proj", "transformer.h.1.mlp.c_proj"):
        assert torch.equal(stored.layer(name).matrix, base.get_submodule(name).weight)


REFUSED = {
    "PiSSA": (peft.LoraConfig(target_modules=["to_q"], init_lora_weights="pissa"), "changed the base weights too"),
    "OFT": (peft.OFTConfig(target_modules=["to_q"], oft_block_size=4), "peft_type is 'OFT'"),
    "IA3": (peft.IA3Config(target_modules=["to_q"], feedforward_modules=[]), "peft_type is 'IA3'"),
    "PEANUT with relu": (peft.PeanutConfig(target_modules=["to_q"]), "not linear in W"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_counterpart_is_named(case, tmp_path):
    config, sentence = REFUSED[case]
    quiet(lambda: peft.get_peft_model(Small().float(), config)).save_pretrained(tmp_path)
    model = Small().float()
    with pytest.raises((UnsupportedError, FileFormatError), match=sentence):
        load(model, tmp_path)
    assert not layers(model)


def test_a_linear_peanut_of_peft_is_an_output_adapter(tmp_path):
    config = peft.PeanutConfig(target_modules=["q_proj", "down_proj"], r=3, act_fn="linear", scaling=0.5)
    theirs = filled(quiet(lambda: peft.get_peft_model(tiny_llama(), config)), mark="peanut")
    theirs.save_pretrained(tmp_path)
    ours = tiny_llama()
    load(ours, tmp_path)
    assert {tuple(layer.adapters["default"]) for layer in layers(ours).values()} == {("output",)}
    assert_close(run_llama(ours), run_llama(theirs), rtol=1e-5, atol=1e-5)


def test_the_weights_of_a_folder_are_read_with_its_config_or_not_at_all(tmp_path, image):
    base = Small().float()
    theirs = filled(quiet(lambda: peft.get_peft_model(copy.deepcopy(base), CONFIGS["lora"])), mark="l")
    theirs.save_pretrained(tmp_path)
    ours = copy.deepcopy(base)
    load(ours, tmp_path / "adapter_model.safetensors")
    assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-5)
    (tmp_path / "adapter_config.json").unlink()
    with pytest.raises(FileFormatError, match="name that folder"):
        load(copy.deepcopy(base), tmp_path / "adapter_model.safetensors")


def test_a_head_beside_a_transformer_is_not_left_out(tmp_path):
    base = nn.ModuleDict({"transformer": nn.ModuleDict({"h": nn.Linear(4, 6)}), "head": nn.Linear(6, 3)}).float()
    config = peft.LoraConfig(target_modules=["h", "head"], r=2, init_lora_weights=False)
    quiet(lambda: peft.get_peft_model(copy.deepcopy(base), config)).save_pretrained(tmp_path)
    assert sorted(load(base, tmp_path).matched) == ["head", "transformer.h"]


@pytest.mark.parametrize("layer", [nn.Conv1d(4, 6, 3), nn.Conv3d(4, 6, (1, 2, 3)), nn.Conv2d(4, 6, 3, padding="same")])
@pytest.mark.parametrize("options", [{"use_dora": False}, {"use_dora": True}])
def test_convolutions_of_every_dimension(layer, options, tmp_path):
    base = nn.ModuleDict({"conv": copy.deepcopy(layer)}).float()
    config = peft.LoraConfig(target_modules=["conv"], r=2, lora_alpha=3, init_lora_weights=False, **options)
    theirs = quiet(lambda: peft.get_peft_model(copy.deepcopy(base), config)).eval()
    theirs.save_pretrained(tmp_path)
    load(base, tmp_path)
    x = torch.randn(2, 4, *[7] * (base["conv"].weight.ndim - 2)).float()
    assert_close(base["conv"](x), theirs.base_model.model["conv"](x), rtol=1e-5, atol=1e-5)


def llama_lora(**options: object) -> peft.LoraConfig:
    return peft.LoraConfig(r=3, lora_alpha=5, **({"target_modules": ["q_proj"]} | options))


CHANGED = {
    "modules_to_save": (llama_lora(modules_to_save=["lm_head", "embed_tokens"]), {"lm_head", "model.embed_tokens"}),
    "norms": (llama_lora(modules_to_save=["input_layernorm"]), {f"model.layers.{i}.input_layernorm" for i in (0, 1)}),
    "an embedding": (llama_lora(target_modules=["q_proj", "embed_tokens"]), {"model.embed_tokens"}),
    "chosen tokens": (llama_lora(trainable_token_indices=[1, 7]), {"model.embed_tokens"}),
    "chosen tokens by module": (llama_lora(trainable_token_indices={"embed_tokens": [7, 1]}), {"model.embed_tokens"}),
}


@pytest.mark.parametrize("case", CHANGED)
def test_changes_of_the_base_are_made_when_told_and_otherwise_named(case, tmp_path):
    config, altered = CHANGED[case]
    theirs = filled(quiet(lambda: peft.get_peft_model(tiny_llama(), config))).eval()
    quiet(lambda: theirs.save_pretrained(tmp_path))
    ours, before = tiny_llama(), run_llama(tiny_llama())
    with pytest.raises(FileFormatError, match=r"also changes the base itself: .* alter_base=True"):
        load(ours, tmp_path)
    assert not layers(ours)
    assert torch.equal(run_llama(ours), before)
    assert not load(tiny_llama(), tmp_path, strict=False).altered
    report = load(ours, tmp_path, alter_base=True)
    assert {name.rpartition(".")[0] for name in report.altered} == altered
    assert_close(run_llama(ours), run_llama(theirs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [{"bias": "all"}, {"bias": "lora_only"}])
def test_biases_that_were_trained(options, tmp_path, image):
    base = Small().float()
    theirs = filled(
        quiet(lambda: peft.get_peft_model(copy.deepcopy(base), llama_lora(target_modules=["0"], **options)))
    )
    theirs.save_pretrained(tmp_path)
    with pytest.raises(FileFormatError, match=r"block.to_out.0.bias"):
        load(base, tmp_path)
    load(base, tmp_path, alter_base=True)
    assert_close(base(image), theirs(image), rtol=1e-5, atol=1e-5)


def test_the_bias_of_a_lora_is_a_part_of_it_and_goes_where_it_goes(tmp_path, image):
    base, config = Small().float(), llama_lora(target_modules=["to_q", "0", "conv_in"], lora_bias=True)
    theirs = filled(quiet(lambda: peft.get_peft_model(copy.deepcopy(base), config)), mark="lora")
    theirs.save_pretrained(tmp_path / "peft")
    ours, again, other = (copy.deepcopy(base) for _ in range(3))
    load(ours, tmp_path / "peft")
    assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-5)
    with disable(ours):
        assert torch.equal(ours(image), base(image))
    save(ours, tmp_path / "own")
    load(again, tmp_path / "own")
    assert torch.equal(again(image), ours(image))
    write_lora(
        tmp_path / "baked", [(n, Baked.of(a, ModelWeights(base).layer(n))) for n, a in adapters(ours)], "peft", base="b"
    )
    load(other, tmp_path / "baked")
    assert_close(other(image), ours(image), rtol=1e-5, atol=1e-5)
    with pytest.raises(UnsupportedError, match=r"to_q: The adapter has a bias and the layer has none"):
        merge(ours)
    assert torch.equal(remove(ours)(image), base(image))


def test_a_lora_with_a_bias_is_merged_trained_and_stacked_like_any_other(tmp_path, image):
    base, config = Small().float(), llama_lora(target_modules=["0", "conv_in"], lora_bias=True)
    theirs = filled(quiet(lambda: peft.get_peft_model(copy.deepcopy(base), config)), mark="lora")
    theirs.save_pretrained(tmp_path)
    ours = copy.deepcopy(base)
    load(ours, tmp_path, trainable=True)
    for model in (theirs, ours):
        model(image).square().sum().backward()
    gradient = theirs.base_model.model.block["to_out"][0].lora_B["default"].bias.grad
    assert_close(ours.block["to_out"][0].adapters["default"].shift.grad, gradient, rtol=1e-4, atol=1e-4)
    assert_close(merge(ours)(image), theirs(image), rtol=1e-5, atol=1e-5)
    unmerge(ours)
    none = {
        n: torch.zeros_like(p) for n, p in ours.named_parameters() if ".adapters." in n
    }  # other tensors, not other values
    assert torch.equal(torch.func.functional_call(ours, none, (image,)), base(image))
    adapt(ours, name="second", target_modules=["0", "conv_in"], placement="output+weight", rank=2, init="random")
    stacked = ours(image)
    assert_close(merge(ours)(image), stacked, rtol=1e-5, atol=1e-5)
    merged = quiet(theirs.merge_and_unload)
    adapt(merged, target_modules=["0", "conv_in"], placement="output+weight", rank=2)
    for name, layer in layers(merged).items():
        layer.adapters["default"].load_state_dict(layers(ours)[name].adapters["second"].state_dict())
    assert_close(merged(image), stacked, rtol=1e-5, atol=1e-5)


def test_what_peft_saves_of_the_base_unchanged_is_no_change(tmp_path):
    theirs = filled(quiet(lambda: peft.get_peft_model(tiny_llama(), llama_lora(target_modules=["lm_head"]))))
    quiet(lambda: theirs.save_pretrained(tmp_path))
    (change,) = read(tmp_path).changes  # PEFT adds whole embeddings whenever it adapts one
    assert str(change) == "lm_head.weight (replaced)"
    ours = tiny_llama()
    assert load(ours, tmp_path).altered == ()
    assert_close(run_llama(ours), run_llama(theirs), rtol=1e-5, atol=1e-5)


def test_a_vocabulary_of_another_size_and_tokens_that_there_are_not_alter_nothing(tmp_path):
    larger = tiny_llama()
    quiet(lambda: larger.resize_token_embeddings(53))
    quiet(lambda: peft.get_peft_model(larger, llama_lora(modules_to_save=["lm_head"]))).save_pretrained(tmp_path)
    model = tiny_llama()
    with pytest.raises(TransferError, match=r"\[50, 16\], the file's \[53, 16\]; resize the model's vocabulary first"):
        load(model, tmp_path, alter_base=True)
    quiet(lambda: peft.get_peft_model(tiny_llama(), llama_lora(trainable_token_indices=[1]))).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    for indices, sentence in (
        ([50], "tokens up to 50"),
        ([1, 2], "have to be 1 different"),
        ({"x": [1]}, "found None"),
    ):
        config["trainable_token_indices"] = indices
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
        with pytest.raises(FileFormatError, match=sentence):
            load(model, tmp_path, alter_base=True)
    assert not layers(model)
    assert torch.equal(run_llama(model), run_llama(tiny_llama()))
