"""Another library's loader runs no code, asks nothing, prints nothing, and builds no more than the files contain."""

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from ioadapt_theory.errors import FileFormatError, IoAdaptError
from ioadapt_theory.models.guests import guest, load_tokenizer
from ioadapt_theory.models.inputs import read_both
from ioadapt_theory.models.load import load_model
from tests.adapters.foreign import quiet, tiny_llama

EVIL = "import pathlib\npathlib.Path(__file__).with_name('executed').touch()\n"


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    quiet(lambda: tiny_llama().save_pretrained(tmp_path / "llama"))
    return tmp_path / "llama"


def edit(file: Path, **entries: Any) -> None:
    file.write_text(json.dumps((json.loads(file.read_text()) if file.exists() else {}) | entries))


def test_a_model_is_loaded_without_a_word(llama, capfd):
    loaded = load_model(llama)
    assert capfd.readouterr() == ("", "")
    assert not loaded.training
    expected = quiet(lambda: transformers.LlamaForCausalLM.from_pretrained(llama))
    for one, other in zip(loaded.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


CODE = {
    "a model": ("config.json", {"AutoModelForCausalLM": "evil.Model"}),
    "a configuration": ("config.json", {"AutoConfig": "evil.Config"}),
    "a tokenizer": ("tokenizer_config.json", {"AutoTokenizer": ["evil.Tokenizer", None]}),
}


@pytest.mark.parametrize(("file", "classes"), CODE.values(), ids=CODE)
def test_a_folder_s_code_is_not_run_even_if_somebody_answers_yes(file, classes, llama, monkeypatch):
    (llama / "evil.py").write_text(EVIL)
    edit(llama / file, auto_map=classes)
    edit(llama / "config.json", architectures=["AutoModelForCausalLM"])
    (llama / "texts.txt").write_text("w " * 200)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 99))
    text, both = llama / "texts.txt", (str(llama), nn.Identity())
    with pytest.raises(IoAdaptError) as error:
        load_model(llama) if file == "config.json" else read_both(text, both, both, rows=8)
    assert "names 'AutoModelForCausalLM'" in str(error.value) or "has no usable tokenizer" in str(error.value)
    assert sys.stdin.readline() == "y\n"
    assert not list(llama.glob("executed"))


@pytest.mark.parametrize("made", [False, True], ids=["no files", "no words"])
def test_a_tokenizer_without_words_is_refused(made, llama):
    if made:
        tokenizers = pytest.importorskip("tokenizers")
        model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
        transformers.PreTrainedTokenizerFast(tokenizer_object=model, unk_token="<unk>").save_pretrained(llama)
    with pytest.raises(FileFormatError, match=r"has no usable tokenizer, so leave: .*[^.]\.$"):
        load_tokenizer(llama, "leave")


MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "many layers": ({"num_hidden_layers": 10**9}, "num_hidden_layers must be at most 121 for weights of 21 tensors"),
    "nested": ({"text_config": {"n_layers": [10**5]}}, "n_layers must be at most 121"),
    "many labels": ({"num_labels": 10**9}, "num_labels must be at most 1,000,000"),
    "wide": ({"hidden_size": 200_000}, "config.json describes a larger model than its weights"),
    "no layers": ({"num_hidden_layers": 0}, "config.json describes a model without 18 of 21 stored tensors (model.l"),
    "one layer more": ({"num_hidden_layers": 3}, "lacks weights of its LlamaForCausalLM (model.layers.2.input_layer"),
    "a wider layer": ({"intermediate_size": 25}, "the weights do not have the sizes in"),
    "a kernel": ({"attn_implementation": "some/kernel"}, "names a kernel to download ('some/kernel'), which is not"),
    "another package": ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, "bitsandb"),
    "a type": ({"hidden_act": ["relu"]}, "cannot be loaded as LlamaForCausalLM: "),
}


@pytest.mark.parametrize(("entries", "said"), MISFITS.values(), ids=MISFITS)
def test_a_configuration_that_does_not_fit_its_weights_is_refused_at_once(entries, said, llama):
    edit(llama / "config.json", **entries)
    start = time.process_time()
    with pytest.raises(FileFormatError) as error:
        load_model(llama)
    assert said in str(error.value)
    assert str(error.value).isprintable()
    assert str(error.value).endswith(".")
    assert time.process_time() - start < 5


def test_a_configuration_without_some_of_the_layers_is_told(llama):
    edit(llama / "config.json", num_hidden_layers=1)
    with pytest.warns(UserWarning, match=r"a model without 9 of 21 stored tensors \(model\.layers\.1\."):
        load_model(llama)


def test_the_limit_is_for_the_loader_alone(llama):
    load_model(llama)
    assert sum(p.numel() for p in nn.Linear(50_000, 1000, device="meta").parameters()) > 40_000_000
    with pytest.raises(KeyboardInterrupt), guest("x", "transformers"):
        raise KeyboardInterrupt
    with pytest.raises(FileFormatError, match=r"^x: Panic\.$"), guest("x", "transformers"):
        raise type("Panic", (BaseException,), {})
