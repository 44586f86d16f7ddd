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
from ioadapt_theory.cli import FINDING, MISUSE, OK, main
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
def llamas(tmp_path):
    torch.manual_seed(0)
    source = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES))
    source.lm_head.weight.data *= 20
    target = permuted(source, 1)
    source.save_pretrained(tmp_path / "source")
    target.save_pretrained(tmp_path / "target")
    kind = {"target_modules": ["up_proj", "down_proj"], "task_type": "CAUSAL_LM", "init_lora_weights": False}
    lora = peft.LoraConfig(r=3, lora_alpha=6, **kind)
    adapted = peft.get_peft_model(copy.deepcopy(source), lora)
    adapted.save_pretrained(tmp_path / "lora")
    save_file({"input_ids": torch.randint(0, 40, (120, 9))}, tmp_path / "x.safetensors")
    paths = {n: str(tmp_path / n) for n in ("source", "target", "lora", "x.safetensors", "out")}
    return paths | {"models": (adapted.eval(), target.eval())}


def command(paths, *more):
    models = [paths[name] for name in ("lora", "source", "target")]
    return ["transfer", *models, "--inputs", paths["x.safetensors"], "--out", paths["out"], *more]


def test_a_peft_folder_comes_out_that_does_what_was_predicted(llamas, tmp_path, capsys):
    assert main(command(llamas, "--format", "json", "--html", str(tmp_path / "page.html"))) == OK
    told = json.loads(capsys.readouterr().out)
    assert told["need"] == "labels"
    assert told["kept"] > 0.95 > 0.5 > told["kept_copied"]
    adapted, target = llamas["models"]
    x = torch.randint(0, 40, (50, 9))
    with torch.no_grad():
        with adapted.disable_adapter():
            plain = adapted(x).logits
        d, before = adapted(x).logits - plain, target(x).logits
        moved = peft.PeftModel.from_pretrained(target, llamas["out"])
        d2 = moved(x).logits - before
    assert float((2 * d * d2 - d2 * d2).sum() / d.square().sum()) > 0.95
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["task_type"]) == ("LORA", 3, "CAUSAL_LM")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "model.layers.0.mlp.up_proj" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_models_that_were_exchanged_are_refused_unless_forced(llamas, capsys):
    file = Path(llamas["lora"]) / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": llamas["source"]}))
    words = command(llamas | {"source": llamas["target"], "target": llamas["source"]}, "--steps", "0")
    assert main(words) == MISUSE
    assert "as its base, which is TARGET and not SOURCE; exchange them, or pass --force." in capsys.readouterr().err
    assert not Path(llamas["out"]).exists()
    assert main([*words, "--force"]) != MISUSE


def test_prompts_for_a_language_model_are_refused(llamas, tmp_path, capsys):
    (tmp_path / "prompts.txt").write_text("one\ntwo\n" * 20)
    words = command(llamas)
    words[4:6] = ["--prompts", str(tmp_path / "prompts.txt")]
    assert main(words) == MISUSE
    told = capsys.readouterr().err
    assert f"{llamas['source']} is no diffusion model, so it has no prompts; give a text file as --inputs FILE." in told


def test_a_tuned_model_is_extracted_and_carried(llamas, tmp_path, capsys):
    tuned = transformers.LlamaForCausalLM.from_pretrained(llamas["source"])
    tuned.model.layers[0].mlp.up_proj.weight.data += 0.3 * torch.randn(24, 1) @ torch.randn(1, 16)
    tuned.save_pretrained(tmp_path / "tuned")
    args = command(llamas | {"lora": str(tmp_path / "tuned")}, "--rank", "1", "--format", "json")
    assert main(args) == OK
    assert json.loads(capsys.readouterr().out)["kept"] > 0.9
    args[3] = args[2]
    args[-1] = "text"
    assert main([*args, "--memory", "1e-6"]) == MISUSE  # the output of another command
    assert main([*args, "--memory", "1e-6", "--force"]) == OK
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["r"] == 1
    text = capsys.readouterr().out
    assert text.split()[:3] == ["layer", "how", "rank"]
    assert max(map(len, text.partition("\n\n")[0].splitlines())) <= 80
    assert float(re.search(r"\d\.\d+", text.partition("total")[2]).group()) > 0.98
    assert text.partition("model.layers.0.mlp.up_proj")[2].split()[0] == "weight"
    assert text.splitlines()[-2].startswith("Next: ")


def test_a_text_is_read_by_the_models_tokenizer(llamas, tmp_path, capsys):
    for folder in ("source", "target"):
        words(40).save_pretrained(llamas[folder])
    text = tmp_path / "text.txt"
    text.write_text(" ".join(f"w{int(k)}" for k in torch.randint(0, 40, (900,))))
    assert main(command(llamas | {"x.safetensors": str(text)}, "--format", "json")) == OK
    assert json.loads(capsys.readouterr().out)["kept"] > 0.9
    text.write_text("w1 w2 w3")
    assert main(command(llamas | {"x.safetensors": str(text)})) == MISUSE
    assert f"{text} must have at least 24 tokens, not 3; give a longer text." in capsys.readouterr().err


@pytest.mark.parametrize("t5", [False, True])
def test_prompts_are_inputs_of_a_dit_too(t5, tmp_path, capsys):
    torch.manual_seed(0)
    sizes = {"num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 1, "sample_size": 8, "patch_size": 2}
    sizes |= {"cross_attention_dim": 16, "caption_channels": 12, "in_channels": 4, "out_channels": 4}
    dit = diffusers.PixArtTransformer2DModel(**sizes)
    dit.proj_out.weight.data = torch.randn_like(dit.proj_out.weight)
    target = copy.deepcopy(dit)
    target.transformer_blocks[0].ff.net[2].weight.data += 0.01 * torch.randn(16, 64)
    adapt(dit, target_modules=["transformer_blocks.0.attn1.to_v"], placement="weight", rank=2, init="random")
    save(dit, tmp_path / "lora")
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
            saved.save_pretrained(tmp_path / name / part)
    (prompts := tmp_path / "prompts.txt").write_text("w1 w2 w3\nw4 w5\n" * 20)
    models = [str(tmp_path / name / "transformer") for name in "ab"]
    args = ["transfer", str(tmp_path / "lora"), *models, "--inputs", str(prompts), "--out", str(tmp_path / "out")]
    assert main([*args, "--format", "json"]) == OK
    assert json.loads(capsys.readouterr().out)["kept"] > 0.9


def test_members_of_ani_and_our_own_format(tmp_path, capsys):
    source = load_model("ani-1x:0")
    names = [n for n, m in source.named_modules() if isinstance(m, nn.Linear) and n.split(".")[1] == "4"]
    adapt(source, target_modules=names, placement="input", rank=2, init="random")
    for name, p in parameters(source):
        p.data *= 0.3 if name.endswith("B") else 1
    save(source, tmp_path / "adapter")
    torch.manual_seed(0)
    save_file({element: torch.rand(80 + k, 384) / 4 for k, element in enumerate("HCNO")}, tmp_path / "x.safetensors")
    adapter, x, out = (str(tmp_path / name) for name in ("adapter", "x.safetensors", "out"))
    assert main(["transfer", adapter, "ani-1x:0", "ani-1ccx:0", "--inputs", x, "--out", out, "--format", "json"]) == OK
    told = json.loads(capsys.readouterr().out)
    assert told["need"] == "change"
    assert {layer["side"] for layer in told["layers"].values()} == {"input"}
    target = load_model("ani-1ccx:0")
    load(target, tmp_path / "out", strict=False)
    assert {*layers(target)} == {*told["layers"]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lora": "nowhere"}, "nowhere"),
        ({"out": "{source}"}, "would overwrite"),
        ({"out": "/no/such/folder/x"}, "--out /no/such/folder/x is in a folder that does not exist; create it first."),
        ({"x.safetensors": "{lora}/adapter_config.json"}, "has no usable tokenizer"),
        ({"x.safetensors": "{wrong}"}, "fails on the inputs"),
        ({"x.safetensors": "{one}"}, "1 row;"),
        (
            {"target": "{mlp}"},
            "TARGET (LlamaModel) has none of the adapter's layers in SOURCE (LlamaForCausalLM), such as",
        ),
        ({"target": "{broken}"}, "lm_head.weight of the target contains NaN or infinity"),
    ],
)
def test_mistakes_are_one_sentence_and_nothing_is_written(llamas, tmp_path, capsys, change, sentence):
    save_file({"pixels": torch.zeros(9, 3)}, tmp_path / "wrong.safetensors")
    save_file({"input_ids": torch.zeros(1, 9, dtype=torch.long)}, tmp_path / "one.safetensors")
    broken = transformers.LlamaForCausalLM.from_pretrained(llamas["target"])
    broken.lm_head.weight.data[0, 0] = torch.nan
    broken.save_pretrained(tmp_path / "broken")
    broken.model.save_pretrained(tmp_path / "mlp")
    more = {n: str(tmp_path / n) for n in ("broken", "mlp")}
    more |= {n: str(tmp_path / f"{n}.safetensors") for n in ("wrong", "one")}
    paths = llamas | {key: value.format(**llamas, **more) for key, value in change.items()}
    capsys.readouterr()
    assert main(command(paths)) == MISUSE
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("ioadapt")]
    assert sentence in line
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_where_nothing_is_kept(llamas, tmp_path, capsys):
    other = transformers.LlamaForCausalLM.from_pretrained(llamas["target"])
    for block in other.model.layers:
        block.mlp.down_proj.weight.data.zero_()
    for p in other.model.norm.parameters():
        p.data.zero_()
    other.save_pretrained(tmp_path / "dead")
    assert main(command(llamas | {"target": str(tmp_path / "dead")}, "--need", "change")) == FINDING
    assert "No adapter was added" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [
        "map {source} {target} --inputs {x} --rows 24 --out {out}.safetensors --seed {n}",
        "resize {lora} {source} --inputs {x} --rows 24 --out {out} --rank {n}",
        "extract {target} {source} --inputs {x} --rows 24 --out {out} --rank {n}",
        "adapters bake {lora} --base {target} --out {out} --rank {n}",
    ],
)
def test_a_full_disk_is_one_sentence_and_the_former_files_stay(words, llamas, tmp_path, capsys):
    paths = llamas | {"x": llamas["x.safetensors"]}
    assert main(words.format(**paths, n=1).split()) == OK
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    capsys.readouterr()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # more than a configuration has
    try:
        assert main(words.format(**paths, n=2).split()) == MISUSE
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ioadapt")]
    assert f"Cannot read or write {llamas['out']}" in told
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_map_is_made_once_and_moves_adapters(llamas, tmp_path, capsys, monkeypatch):
    made = str(tmp_path / "a_to_b.safetensors")
    models = [llamas["source"], llamas["target"]]
    shutil.copy(Path(llamas["lora"]) / "adapter_model.safetensors", other := tmp_path / "lora.safetensors")
    options = ["--inputs", llamas["x.safetensors"], "--placement", "weight", "--layers", "up_proj", "down_proj"]
    assert main(["map", *models, *options, "--out", made]) == OK
    told = capsys.readouterr()
    assert "The map has at most" in told.err
    assert main(["map", *models, *options, "--out", made]) == OK  # a map may be made again
    assert main(["map", *models, *options, "--out", str(other)]) == MISUSE
    assert "exists and is not a map of two models" in capsys.readouterr().err
    assert "model.layers.0.mlp.up_proj:input: P 1.00 of activations" in told.out
    shutil.copytree(llamas["lora"], tmp_path / "second")
    out = tmp_path / "moved"
    assert main(["transfer", llamas["lora"], str(tmp_path / "second"), "--map", made, "--out", str(out)]) == OK
    assert capsys.readouterr().out.count("two-way map") == 2
    source, target = llamas["models"]
    ours = peft.PeftModel.from_pretrained(target, out / "second").eval()
    x = torch.randint(0, 40, (20, 9))
    with torch.no_grad():
        d, d2 = source(x).logits, ours(x).logits
        with ours.disable_adapter(), source.disable_adapter():
            d, d2 = d - source(x).logits, d2 - ours(x).logits
    kept = float((2 * d * d2 - d2 * d2).sum() / d.square().sum())
    assert kept > 0.9
    assert main(["transfer", llamas["lora"], "--out", str(out)]) == MISUSE
    assert "Give ADAPTER, SOURCE and TARGET" in capsys.readouterr().err
    before = {*out.rglob("*")}
    assert main(["transfer", llamas["lora"], *models, "--map", made, "--out", str(out), "--force"]) == MISUSE
    assert "is a model, not an adapter; with --map, give only adapters" in capsys.readouterr().err
    assert {*out.rglob("*")} == before
    monkeypatch.setattr("ioadapt_theory.moving.carrying.outcome.UNSURE", 2)
    assert main(["transfer", llamas["lora"], "--map", made, "--out", str(out), "--force"]) == OK
    told = capsys.readouterr().out
    assert "the share that is kept is unknown. To first order, the share is" in told
    assert "with inputs instead of a map" in told
