"""Files of every kind through every command: one sentence or an output, and a word about whatever is left out."""

import contextlib
import copy
import re
from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ioadapt_theory.cli import FINDING, MISUSE, OK, main
from tests.adapters.foreign import filled, tiny_llama
from tests.cli.pipelines import METADATA, pair, perturbed

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow, pytest.mark.usefixtures("float32")]
Tensors = dict[str, Tensor]
TEXT = ("q_proj", "fc1")


def random(*shape: int) -> Tensor:
    return torch.randn(*shape) / shape[-1] ** 0.5


def by_layer(
    some: dict[str, nn.Module], named: Callable[[str, str], str], made: Callable[[int, int], Tensors]
) -> Tensors:
    """Return the tensors of an adapter on a few linear layers of each model, under ``named(part, layer)``."""
    ends = ("attn1.to_q", "attn2.to_v", "attn1.to_out.0", *TEXT)
    found = [(part, n, m) for part, model in some.items() for n, m in model.named_modules() if n.endswith(ends)]
    tensors = {}
    for part, name, module in found:
        tensors |= {f"{named(part, name)}.{key}": t.contiguous() for key, t in made(*module.weight.shape).items()}
    return tensors


def flat(part: str, name: str) -> str:
    name = name if part == "unet" else f"text_model.{name.removeprefix('text_model.')}"
    return f"lora_{'unet' if part == 'unet' else 'te'}_{name.replace('.', '_')}"


def dotted(part: str, name: str) -> str:
    return f"{part}.{name}"


def lora(d: int, c: int, rank: int = 2, alpha: float | None = 2.0) -> Tensors:
    factors = {"lora_down.weight": random(rank, c), "lora_up.weight": random(d, rank)}
    return factors if alpha is None else factors | {"alpha": torch.tensor(alpha)}


def loha(d: int, c: int) -> Tensors:
    factors = {f"hada_w{i}_{end}": random(*shape) for i in (1, 2) for end, shape in (("a", (d, 2)), ("b", (2, c)))}
    return factors | {"alpha": torch.tensor(1.0)}


def lokr(d: int, c: int) -> Tensors:
    return {"lokr_w1": random(2, 2), "lokr_w2": random(d // 2, c // 2), "alpha": torch.tensor(1.0)}


def diffusers(d: int, c: int) -> Tensors:
    return {"lora_A.weight": random(2, c), "lora_B.weight": random(d, 2)}


OTHERS = {"bundle_emb.zwx.string_to_param.*": random(2, 12), "lora_unet_conv_norm_out.w_norm": random(8)}
OTHERS |= {f"lora_unet_down_blocks_7_attentions_0_proj_in.{key}": t for key, t in lora(8, 8).items()}
Made = Callable[[dict[str, nn.Module]], Tensors]
FILES: dict[str, Made] = {
    "kohya": lambda some: by_layer(some, flat, lora),
    "odd alpha, bf16": lambda some: {
        k: t.bfloat16() for k, t in by_layer(some, flat, lambda d, c: lora(d, c, 3, 0.7)).items()
    },
    "fp8": lambda some: {k: t.to(torch.float8_e4m3fn) for k, t in by_layer(some, flat, lora).items()},
    "ranks, no alpha": lambda some: by_layer(some, flat, lambda d, c: lora(d, c, 1 + d % 3, None)),
    "text encoder alone": lambda some: by_layer({"text_encoder": some["text_encoder"]}, flat, lora),
    "loha": lambda some: by_layer(some, flat, loha),
    "lokr": lambda some: by_layer(some, flat, lokr),
    "full": lambda some: by_layer(some, flat, lambda d, c: {"diff": random(d, c), "diff_b": random(d)}),
    "dora": lambda some: by_layer(some, flat, lambda d, c: {**lora(d, c), "dora_scale": random(d, 1).abs() + 1}),
    "mixed kinds": lambda some: (
        by_layer({"unet": some["unet"]}, flat, lora) | by_layer({"text_encoder": some["text_encoder"]}, flat, loha)
    ),
    "other parts": lambda some: by_layer(some, flat, lora) | OTHERS,
    "diffusers": lambda some: by_layer(some, dotted, diffusers),
    "old diffusers": lambda some: by_layer(
        some, dotted, lambda d, c: {"lora.down.weight": random(2, c), "lora.up.weight": random(d, 2)}
    ),
    "ComfyUI": lambda some: (
        by_layer({"unet": some["unet"]}, lambda _, n: f"diffusion_model.{n}", diffusers)
        | by_layer(
            {"text_encoder": some["text_encoder"]}, lambda _, n: f"text_encoders.clip_l.transformer.{n}", diffusers
        )
    ),
    "glora": lambda some: by_layer(
        some, flat, lambda d, c: {"a1": random(c, 2), "a2": random(2, c), "b1": random(d, 2), "b2": random(2, c)}
    ),
    "oft": lambda some: by_layer(some, flat, lambda d, c: {"oft_blocks": random(2, d // 2, d // 2)}),
    "half a layer": lambda some: {
        k: t for n, (k, t) in enumerate(by_layer(some, flat, lora).items()) if n or "down" not in k
    },
    "nan": lambda some: {k: t * float("nan") for k, t in by_layer(some, flat, lora).items()},
    "wider": lambda some: {
        k: torch.cat([t, t], -1) if "lora_down" in k else t for k, t in by_layer(some, flat, lora).items()
    },
}


LORA = {"r": 4, "lora_alpha": 5, "target_modules": ["q_proj", "up_proj"]}
FOLDERS: dict[str, peft.PeftConfig] = {
    "lora": peft.LoraConfig(**LORA),
    "dora": peft.LoraConfig(**LORA, use_dora=True),
    "patterns": peft.LoraConfig(**LORA, use_rslora=True, rank_pattern={"q_proj": 2}, alpha_pattern={"up_proj": 1}),
    "lora_bias": peft.LoraConfig(**LORA, lora_bias=True),
    "a trained head": peft.LoraConfig(**LORA, modules_to_save=["lm_head"]),
    "a trained norm": peft.LoraConfig(**LORA, modules_to_save=["input_layernorm"]),
    "an embedding": peft.LoraConfig(r=4, target_modules=["q_proj", "embed_tokens"]),
    "tokens": peft.LoraConfig(**LORA, trainable_token_indices={"embed_tokens": [1, 3]}),
    "loha": peft.LoHaConfig(r=2, target_modules=["q_proj"]),
    "lokr": peft.LoKrConfig(r=2, target_modules=["q_proj"]),
    "ia3": peft.IA3Config(target_modules=["q_proj"], feedforward_modules=[]),
    "oft": peft.OFTConfig(oft_block_size=4, r=0, target_modules=["q_proj"]),
    "vera": peft.VeraConfig(r=2, target_modules=["q_proj"]),
}
COMMANDS = {
    "inspect": "adapters inspect {file} --base {part}",
    "convert": "adapters convert {file} --base {old} --placement output --ridge 0.1 --out {out}.ioadapt",
    "bake": "adapters bake {file} --base {new} --out {out}",
    "report": "report {file} {old} {new} {inputs} --rows 24",
    "transfer": "transfer {file} {old} {new} {inputs} --rows 24 --steps 0 --out {out}",
    "map": "transfer {file} --map {map} --out {folder}",
    "resize": "resize {file} {old} --rank 1 {inputs} --rows 24 --out {out}",
}
END = re.compile(
    r"\.(lora|hada|lokr|alpha|dora|diff|[ab][12]$|oft|w_norm|string_to|token_adapter|bias$|weight$|base_|(input|output|weight)\.[AB]$)"
)
UNET = re.compile(r"^lora_unet_|^base_model.model.")
ALIKE = "bake", "transfer", "map", "resize"
"""Commands that write what they read, in the format of the file."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return a folder with two pipelines and their prompts, and two Llamas and their texts, and the first models."""
    folder = tmp_path_factory.mktemp("mixed")
    old, llama = pair(folder), tiny_llama()
    llama.save_pretrained(folder / "llama")
    perturbed({"": llama})[""].save_pretrained(folder / "other")
    save_file({"input_ids": torch.randint(50, (24, 8))}, folder / "ids.safetensors")
    with contextlib.chdir(folder):
        for line in ("old new --prompts prompts.txt --out pipes_map", "llama other --inputs ids.safetensors --out map"):
            assert main(f"map {line}.safetensors --rows 24 --quiet".split()) == OK
    return folder, old, llama


def layers_of(path: Path) -> set[str]:
    file = path / "adapter_model.safetensors" if path.is_dir() else path
    return {END.split(key)[0] for key in load_file(file)}


def plain(name: str) -> str:
    """Return a layer's name as it is compared: ioadapt's own format has dots where kohya's has underscores."""
    return UNET.sub("", name).replace(".", "_")


def run(capsys, command: str, given: Path, **names: str) -> None:
    """Run one command, and check that its output has, or its text names, whatever the given adapter has."""
    out = given.parent / (f"map/{given.name}" if command == "map" else f"{command}{given.suffix}")
    capsys.readouterr()
    status = main(COMMANDS[command].format(file=given, out=out, folder=out.parent, **names).split())
    told = capsys.readouterr()
    text = " ".join((told.out + told.err).split())
    assert status in {OK, FINDING, MISUSE}
    if status == MISUSE:
        (line,) = [line for line in told.err.splitlines() if line.startswith("ioadapt")]
        assert line.isprintable()
        assert line.endswith(".")
        assert not out.exists()
    elif command in ALIKE and out.exists():
        for lost in (n for n in layers_of(given) if plain(n) not in {plain(other) for other in layers_of(out)}):
            part = "unet; its 12" if re.search("unet|diffusion_model", lost) else "text_encoder; its 4"
            whole = f"No adapter of {part} layers are left out".replace(";", " is written;") in text
            whole |= (
                not re.search("unet|diffusion_model", lost)
                and "4 layers of text_encoder are left out: the map is of" in text
            )
            assert whole or UNET.sub("", lost) in text, (command, lost)


@pytest.mark.parametrize("kind", FILES)
def test_no_part_of_a_file_is_left_out_without_a_word(kind, world, tmp_path, capsys, monkeypatch):
    folder, old, _ = world
    monkeypatch.chdir(folder)
    torch.manual_seed(1)
    save_file(FILES[kind](old), tmp_path / "file.safetensors", METADATA)
    names = {"old": "old", "new": "new", "part": "old/unet", "map": "pipes_map.safetensors"}
    for command in COMMANDS:
        run(capsys, command, tmp_path / "file.safetensors", inputs="--prompts prompts.txt", **names)


@pytest.mark.parametrize("kind", FOLDERS)
def test_no_part_of_a_folder_is_left_out_without_a_word(kind, world, tmp_path, capsys, monkeypatch):
    folder, _, llama = world
    monkeypatch.chdir(folder)
    adapted = filled(peft.get_peft_model(copy.deepcopy(llama), FOLDERS[kind]))
    adapted.save_pretrained(tmp_path / "file")
    names = {"old": "llama", "new": "other", "part": "llama", "map": "map.safetensors"}
    for command in COMMANDS:
        run(capsys, command, tmp_path / "file", inputs="--inputs ids.safetensors", **names)
