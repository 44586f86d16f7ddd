"""Every command in the table of docs/tutorials/files.md works as written, on tiny models."""

import copy
import re
import shlex
from pathlib import Path

import peft
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file

from ioadapt_theory.cli import OK, main
from tests.cli.pipelines import kohya, pair, perturbed
from tests.effect.tokenizers import words

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("float32")]
PAGE = (Path(__file__).parents[2] / "docs" / "tutorials" / "files.md").read_text(encoding="utf-8")
RECIPES = PAGE.partition("## Recipes")[2]
COMMANDS = re.findall(r"`(ioadapt (?:transfer|resize|extract|map|adapters bake) [^`]+)`", RECIPES)
QUICK = "adapters bake"
SIZES = {"vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with all files that the commands name."""
    here = tmp_path_factory.mktemp("recipes")
    kohya(here / "style.safetensors", pair(here))
    llama = hf.LlamaForCausalLM(hf.LlamaConfig(**SIZES)).eval()
    other = perturbed({"": llama}, 0.05)[""]
    coarse = copy.deepcopy(llama)
    for block in coarse.model.layers:
        block.mlp.up_proj.weight.data = (40 * block.mlp.up_proj.weight).round() / 40
    folders = dict.fromkeys(("llama", "llama-a", "model", "base"), llama)
    folders |= {"llama-b": other, "tuned": other, "quantised": coarse}
    for name, model in folders.items():
        model.save_pretrained(here / name)
        words(40).save_pretrained(here / name)
    (here / "texts.txt").write_text(" ".join(f"w{int(k)}" for k in torch.randint(0, 40, (900,))))
    kinds = {"lora_folder": {}, "my_dora": {"use_dora": True}, "loras/one": {}, "loras/two": {}}
    for name, more in kinds.items():
        config = peft.LoraConfig(r=4, target_modules=["q_proj", "up_proj"], task_type="CAUSAL_LM", **more)
        adapted = peft.get_peft_model(copy.deepcopy(llama), config)
        for key, p in adapted.named_parameters():
            p.data += 0.2 * torch.randn_like(p) if "lora_B" in key else 0
        adapted.save_pretrained(here / name)
    return here


def test_the_page_has_recipes():
    assert len(COMMANDS) >= 11


@pytest.mark.parametrize("command", [c if QUICK in c else pytest.param(c, marks=pytest.mark.slow) for c in COMMANDS])
def test_a_recipe_works_as_written(command, folder, monkeypatch):
    monkeypatch.chdir(folder)
    words = [
        w for word in shlex.split(command)[1:] for w in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    for other in (c for c in COMMANDS if c != command):  # some commands read what another one writes
        if (made := shlex.split(other.partition(" --out ")[2])[0]) in words and not Path(made).exists():
            test_a_recipe_works_as_written(other, folder, monkeypatch)
    few = [] if QUICK in command or "--map" in words else ["--rows", "24"]
    few += ["--steps", "0"] if words[0] == "transfer" and few else []
    need = ["--need", "change"] if "texts.txt" in words and words[0] != "map" else []
    assert main([*words, *few, *need, *(["--force"] if words[0] != "map" else [])]) == OK
    out = Path(words[words.index("--out") + 1])
    for one in [out] if "--map" not in words else [out / "one", out / "two"]:
        if (one / "adapter_config.json").exists() and "unet" not in words:
            peft.PeftModel.from_pretrained(hf.LlamaForCausalLM.from_pretrained("llama-b"), one)
        else:
            assert load_file(one / "adapter_model.safetensors" if one.is_dir() else one)
