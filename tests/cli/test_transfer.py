import copy
import json
import re
import resource
import shutil
from pathlib import Path

import diffusers
import peft
import pytest
import torch
import transformers
from safetensors.torch import save_file
from torch import nn

from ioadapt_theory.adapters import adapt, layers, parameters, remove
from ioadapt_theory.cli import FINDING, MISUSE, main
from ioadapt_theory.formats import load, save
from ioadapt_theory.models.load import load_model
from tests.effect.tokenizers import words

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("float32")]
SIZES = {"vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}


def permuted(model: nn.Module, seed: int) -> nn.Module:
    """Return a copy of a Llama with permuted and scaled MLP neurons."""
    model = copy.deepcopy(model)
    torch.manual_seed(seed)
    for block in model.model.layers:
        mlp, n = block.mlp, block.mlp.up_proj.out_features
        order, s = torch.randperm(n), torch.exp(torch.randn(n))
        mlp.gate_proj.weight.data = mlp.gate_proj.weight[order]
        mlp.up_proj.weight.data = mlp.up_proj.weight[order] * s[:, None]
        mlp.down_proj.weight.data = mlp.down_proj.weight[:, order] / s
    return model


@pytest.fixture
def llamas(here):
    """Write two Llamas of one function, a LoRA of the first, and inputs; return the models in memory."""
    torch.manual_seed(0)
    source = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES))
    source.lm_head.weight.data *= 20
    target = permuted(source, 1)
    source.save_pretrained("source")
    target.save_pretrained("target")
    kind = {"target_modules": ["up_proj", "down_proj"], "task_type": "CAUSAL_LM", "init_lora_weights": False}
    lora = peft.LoraConfig(r=3, lora_alpha=6, **kind)
    adapted = peft.get_peft_model(copy.deepcopy(source), lora)
    adapted.save_pretrained("lora")
    save_file({"input_ids": torch.randint(0, 40, (120, 9))}, "x.safetensors")
    return adapted.eval(), target.eval()


@torch.no_grad()
def kept(adapted, moved) -> float:
    """Return the share of the change of the outputs by one model's adapter that the other's keeps on new rows."""
    x, changes = torch.randint(0, 40, (50, 9)), []
    for model in (adapted, moved):
        with model.disable_adapter():
            plain = model(x).logits
        changes.append(model(x).logits - plain)
    d, d2 = changes
    return float((2 * d * d2 - d2 * d2).sum() / d.square().sum())


def test_a_peft_folder_comes_out_that_does_what_was_predicted(llamas, ioadapt):
    line = "transfer lora source target --inputs x.safetensors --out out --format json --html page.html"
    told = json.loads(ioadapt(line).out)
    assert told["need"] == "labels"
    assert told["kept"] > 0.95 > 0.5 > told["kept_copied"]
    adapted, target = llamas
    assert kept(adapted, peft.PeftModel.from_pretrained(target, "out")) > 0.95
    config = json.loads(Path("out/adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["task_type"]) == ("LORA", 3, "CAUSAL_LM")
    page = Path("page.html").read_text(encoding="utf-8")
    assert "model.layers.0.mlp.up_proj" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_models_that_were_exchanged_are_refused_unless_forced(llamas, ioadapt):
    file = Path("lora/adapter_config.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": "source"}))
    line = "transfer lora target source --inputs x.safetensors --out out --steps 0"
    ioadapt.refuses(line, "as its base, which is TARGET and not SOURCE; exchange them, or pass --force.")
    assert not Path("out").exists()
    assert main(f"{line} --force".split()) != MISUSE


def test_a_tuned_model_is_extracted_and_carried(llamas, ioadapt):
    tuned = transformers.LlamaForCausalLM.from_pretrained("source")
    tuned.model.layers[0].mlp.up_proj.weight.data += 0.3 * torch.randn(24, 1) @ torch.randn(1, 16)
    tuned.save_pretrained("tuned")
    line = "transfer tuned source {} --inputs x.safetensors --out out --rank 1 --format {}"
    assert json.loads(ioadapt(line.format("target", "json")).out)["kept"] > 0.9
    line = line.format("source", "text --memory 1e-6")
    ioadapt.refuses(line, "was not written by this command; pass --force")
    text = ioadapt(f"{line} --force").out
    assert json.loads(Path("out/adapter_config.json").read_text())["r"] == 1
    assert text.split()[:3] == ["layer", "how", "rank"]
    assert max(map(len, text.partition("\n\n")[0].splitlines())) <= 80
    assert float(re.search(r"\d\.\d+", text.partition("total")[2]).group()) > 0.98
    assert text.partition("model.layers.0.mlp.up_proj")[2].split()[0] == "weight"
    assert text.splitlines()[-2].startswith("Next: ")


def test_a_text_is_read_by_the_models_tokenizer(llamas, ioadapt):
    for folder in ("source", "target"):
        words(40).save_pretrained(folder)
    line, text = "transfer lora source target --inputs text.txt --out out --format json", Path("text.txt")
    text.write_text(" ".join(f"w{int(k)}" for k in torch.randint(0, 40, (900,))))
    assert json.loads(ioadapt(line).out)["kept"] > 0.9
    text.write_text("w1 w2 w3")
    ioadapt.refuses(line, "text.txt must have at least 24 tokens, not 3; give a longer text.")


@pytest.mark.parametrize("t5", [False, True])
def test_prompts_are_inputs_of_a_dit_too(t5, here, ioadapt):
    torch.manual_seed(0)
    sizes = {"num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 1, "sample_size": 8, "patch_size": 2}
    sizes |= {"cross_attention_dim": 16, "caption_channels": 12, "in_channels": 4, "out_channels": 4}
    dit = diffusers.PixArtTransformer2DModel(**sizes)
    dit.proj_out.weight.data = torch.randn_like(dit.proj_out.weight)
    target = copy.deepcopy(dit)
    target.transformer_blocks[0].ff.net[2].weight.data += 0.01 * torch.randn(16, 64)
    adapt(dit, target_modules=["transformer_blocks.0.attn1.to_v"], placement="weight", rank=2, init="random")
    save(dit, "lora")
    remove(dit, "default")
    if t5:
        sizes = {"d_model": 12, "d_kv": 6, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 50}
        encoder = transformers.T5EncoderModel(transformers.T5Config(**sizes))
    else:
        sizes = {"hidden_size": 12, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        ids = {"vocab_size": 50, "bos_token_id": 48, "eos_token_id": 49, "pad_token_id": 49}
        encoder = transformers.CLIPTextModel(transformers.CLIPTextConfig(**sizes, **ids, max_position_embeddings=9))
    parts = {"text_encoder": encoder, "tokenizer": words(50, pad_token="w49", model_max_length=9)}
    for name, model in (("a", dit), ("b", target)):
        for part, saved in (parts | {"transformer": model}).items():
            saved.save_pretrained(here / name / part)
    Path("prompts.txt").write_text("w1 w2 w3\nw4 w5\n" * 20)
    told = ioadapt("transfer lora a/transformer b/transformer --inputs prompts.txt --out out --format json")
    assert json.loads(told.out)["kept"] > 0.9


def test_members_of_ani_and_our_own_format(here, ioadapt):
    source = load_model("ani-1x:0")
    names = [n for n, m in source.named_modules() if isinstance(m, nn.Linear) and n.split(".")[1] == "4"]
    adapt(source, target_modules=names, placement="input", rank=2, init="random")
    for name, p in parameters(source):
        p.data *= 0.3 if name.endswith("B") else 1
    save(source, "adapter")
    torch.manual_seed(0)
    save_file({element: torch.rand(80 + k, 384) / 4 for k, element in enumerate("HCNO")}, "x.safetensors")
    told = ioadapt("transfer adapter ani-1x:0 ani-1ccx:0 --inputs x.safetensors --out out --format json")
    told = json.loads(told.out)
    assert told["need"] == "change"
    assert {layer["side"] for layer in told["layers"].values()} == {"input"}
    target = load_model("ani-1ccx:0")
    load(target, "out", strict=False)
    assert {*layers(target)} == {*told["layers"]}


@pytest.mark.parametrize(
    ("models", "more", "sentence"),
    [
        ("nowhere source target", "", "nowhere"),
        ("lora source target", "--out /no/folder/x", "--out /no/folder/x is in a folder that does not exist"),
        ("lora source target", "--inputs lora/adapter_config.json", "has no usable tokenizer"),
        ("lora source target", "--inputs wrong.safetensors", "fails on the inputs"),
        ("lora source target", "--inputs one.safetensors", "1 row;"),
        ("lora source target", "--prompts p.txt", "source is no diffusion model, so it has no prompts; give a text"),
        ("lora source mlp", "", "TARGET (LlamaModel) has none of the adapter's layers in SOURCE (LlamaForCausalLM)"),
        ("lora source broken", "", "lm_head.weight of the target contains NaN or infinity"),
    ],
)
def test_mistakes_are_one_sentence_and_nothing_is_written(llamas, ioadapt, models, more, sentence):
    save_file({"pixels": torch.zeros(9, 3)}, "wrong.safetensors")
    save_file({"input_ids": torch.zeros(1, 9, dtype=torch.long)}, "one.safetensors")
    Path("p.txt").write_text("one\ntwo\n" * 20)
    broken = transformers.LlamaForCausalLM.from_pretrained("target")
    broken.lm_head.weight.data[0, 0] = torch.nan
    broken.save_pretrained("broken")
    broken.model.save_pretrained("mlp")
    assert ioadapt.refuses(f"transfer {models} --inputs x.safetensors --out out {more}", sentence).out == ""
    assert not Path("out").exists()


def test_nothing_is_written_where_nothing_is_kept(llamas, ioadapt):
    other = transformers.LlamaForCausalLM.from_pretrained("target")
    for block in other.model.layers:
        block.mlp.down_proj.weight.data.zero_()
    for p in other.model.norm.parameters():
        p.data.zero_()
    other.save_pretrained("dead")
    told = ioadapt("transfer lora source dead --inputs x.safetensors --out out --need change", FINDING)
    assert "No adapter was added" in told.out
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "line",
    [
        "map source target --inputs x.safetensors --rows 24 --out out.safetensors --seed {}",
        "resize lora source --inputs x.safetensors --rows 24 --out out --rank {}",
        "extract target source --inputs x.safetensors --rows 24 --out out --rank {}",
        "adapters bake lora --base target --out out --rank {}",
    ],
)
def test_a_full_disk_is_one_sentence_and_the_former_files_stay(line, llamas, here, ioadapt):
    ioadapt(line.format(1))
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # more than a configuration has
    try:
        ioadapt.refuses(line.format(2), f"Cannot read or write {here / 'out'}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_a_map_is_made_once_and_moves_adapters(llamas, here, ioadapt, monkeypatch):
    shutil.copy("lora/adapter_model.safetensors", "lora.safetensors")
    made = "map source target --inputs x.safetensors --placement weight --layers up_proj down_proj --out"
    for _ in range(2):  # a map may be made again
        told = ioadapt(f"{made} a_to_b.safetensors")
    assert "The map has at most" in told.err
    assert "model.layers.0.mlp.up_proj:input: P 1.00 of activations" in told.out
    ioadapt.refuses(f"{made} lora.safetensors", "exists and is not a map of two models")
    shutil.copytree("lora", "second")
    assert ioadapt("transfer lora second --map a_to_b.safetensors --out moved").out.count("two-way map") == 2
    adapted, target = llamas
    assert kept(adapted, peft.PeftModel.from_pretrained(target, "moved/second").eval()) > 0.9
    ioadapt.refuses("transfer lora --out moved", "Give ADAPTER, SOURCE and TARGET")
    before = {*here.rglob("*")}
    line = "transfer lora source target --map a_to_b.safetensors --out moved --force"
    ioadapt.refuses(line, "is a model, not an adapter; with --map, give only adapters")
    assert {*here.rglob("*")} == before
    monkeypatch.setattr("ioadapt_theory.moving.carrying.outcome.UNSURE", 2)
    told = ioadapt("transfer lora --map a_to_b.safetensors --out moved --force").out
    assert "the share that is kept is unknown. To first order, the share is" in told
    assert "with inputs instead of a map" in told
