"""Adapters on embeddings and heads, for a model with added tokens: the common rows are adapted, in PEFT too."""

import copy
import json

import peft
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file
from torch.testing import assert_close

from ioadapt_theory.cli import OK, main
from ioadapt_theory.formats import load, open_adapter
from ioadapt_theory.formats.vocabulary import common_rows, reader
from tests.adapters.foreign import filled, tiny_llama

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("float32")]
TOKENS, ADDED = 50, 3
SHIFT = 0.003
KINDS = {
    "head": {"target_modules": ["q_proj", "lm_head"]},
    "embedding": {"target_modules": ["q_proj", "embed_tokens"]},
    "new values": {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens", "lm_head"]},
    "tokens": {"target_modules": ["q_proj"], "trainable_token_indices": [3, 5]},
}


@pytest.fixture(params=KINDS)
def adapted(request, float32, tmp_path):
    """Return a Llama with an adapter of PEFT, which is in ./lora, and write a base with added tokens to ./base."""
    torch.manual_seed(0)
    model = tiny_llama()
    model.config.tie_word_embeddings = False
    wide = copy.deepcopy(model)
    wide.resize_token_embeddings(TOKENS + ADDED, mean_resizing=False)
    wide.save_pretrained(tmp_path / "base")
    config = peft.LoraConfig(r=2, lora_alpha=3, task_type="CAUSAL_LM", **KINDS[request.param])
    ours = filled(peft.get_peft_model(model, config)).eval()
    ours.save_pretrained(tmp_path / "lora", save_embedding_layers=False)
    return ours


def wider(folder) -> hf.PreTrainedModel:
    return hf.LlamaForCausalLM.from_pretrained(folder).eval()


def test_a_baked_file_does_in_peft_what_the_adapter_did(adapted, tmp_path, capsys):
    words = ["adapters", "bake", str(tmp_path / "lora"), "--base", str(tmp_path / "base"), "--out"]
    assert main([*words, str(tmp_path / "out")]) == OK
    told = capsys.readouterr().err
    assert "common tokens" in told
    theirs = peft.PeftModel.from_pretrained(wider(tmp_path / "base"), tmp_path / "out").eval()
    x = torch.randint(0, TOKENS, (4, 6))
    with torch.no_grad():
        assert_close(theirs(x).logits[..., :TOKENS], adapted(x).logits, rtol=1e-4, atol=1e-5)
    given, written = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("lora", "out"))
    assert written.keys() == given.keys()
    assert main(["adapters", "inspect", str(tmp_path / "out"), "--base", str(tmp_path / "base")]) in {0, 1}


def test_what_another_base_has_is_kept_and_the_change_is_added(adapted, tmp_path):
    file, target = open_adapter(tmp_path / "lora"), wider(tmp_path / "base")
    source = copy.deepcopy(target)
    source.resize_token_embeddings(TOKENS)
    for p in target.parameters():
        p.data += SHIFT
    names = {change.key: f"{change}" for change in file.changes}
    new = common_rows(file, reader(target), reader(source))
    assert names.keys() <= new.keys()
    for key, name in names.items():
        there, here = target.get_parameter(name), source.get_parameter(name)
        assert_close(new[key][TOKENS:], there[TOKENS:])
        assert_close(new[key][:TOKENS] - there[:TOKENS], file.source[key] - here)
    for key in new.keys() - names.keys():
        if key.endswith("delta"):
            assert_close(new[key], file.source[key] + SHIFT)
        elif key.endswith("embedding_A"):
            assert new[key].shape[1] == TOKENS + ADDED
    for p in target.parameters():
        p.data = torch.randn_like(p)  # trained apart: a change of the source's rows says nothing on these
    assert not common_rows(file, reader(target), reader(source))
    for p, own in zip(target.parameters(), source.parameters(), strict=True):
        p.data[:TOKENS] = own.data
    narrow = copy.deepcopy(target)
    narrow.resize_token_embeddings(TOKENS - 6)
    new = common_rows(file, reader(narrow), reader(source))
    assert all(t.shape == narrow.get_parameter(names[key]).shape for key, t in new.items() if key in names)


def test_a_head_is_adapted_for_the_common_tokens(tmp_path):
    source, target = tiny_llama(), tiny_llama()
    target.resize_token_embeddings(TOKENS - 6, mean_resizing=False)
    theirs = peft.get_peft_model(source, peft.LoraConfig(target_modules=["lm_head"], lora_bias=False))
    filled(theirs)
    theirs.save_pretrained(tmp_path, save_embedding_layers=False)
    with pytest.warns(UserWarning, match=f"lm_head: the {TOKENS - 6} common tokens of {TOKENS - 6}"):
        load(target, tmp_path)
    x = torch.randint(0, TOKENS - 6, (4, 6))
    with torch.no_grad():
        assert_close(target(x).logits, theirs(x).logits[..., : TOKENS - 6], rtol=1e-4, atol=1e-5)


def test_a_configuration_names_only_what_is_written(tmp_path):
    config = peft.LoraConfig(target_modules=["q_proj"], use_dora=True, modules_to_save=["norm"], task_type="CAUSAL_LM")
    theirs = peft.get_peft_model(tiny_llama(), config)
    theirs.save_pretrained(tmp_path / "lora")
    tiny_llama().save_pretrained(tmp_path / "base")
    words = ["adapters", "bake", str(tmp_path / "lora"), "--base", str(tmp_path / "base"), "--share", "1"]
    assert main([*words, "--out", str(tmp_path / "out")]) == OK
    written = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert (written["use_dora"], written["modules_to_save"]) == (False, ["norm"])
    peft.PeftModel.from_pretrained(tiny_llama(), tmp_path / "out")
