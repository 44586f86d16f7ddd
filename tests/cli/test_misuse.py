"""Command lines that cannot work: one sentence says what to do instead, and no file is changed."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ioadapt_theory import adapt, save
from ioadapt_theory.cli import MISUSE, main

LINES = {
    "claimz": "ioadapt: Argument command: invalid choice: 'claimz'. Did you mean 'claims'?\n",
    "zzz": "ioadapt: Argument command: invalid choice: 'zzz' (choose from ",
    "claims --format xml": "ioadapt claims: Argument --format: invalid choice: 'xml' (choose from ",
    "claims --nonsense": "ioadapt claims: Unrecognized arguments: --nonsense; see `ioadapt claims -",
    "claims --json": "ioadapt claims: Unrecognized arguments: --json; for JSON, use --format json.\n",
    "claims prop2": "Unknown claim 'prop2'. Did you mean 'prop-2-input' or 'prop-2-output'",
    "verify prop-9": "Unknown claim 'prop-9'. Did you mean",
    "verify --instance x.json": "--instance needs exactly one claim to evaluate, not 0.",
    "verify prop-4 --instances 0": "instances must be a whole number from 1 to 1,000,000, not 0.",
    "verify prop-4 --seed -1": "seed must be a whole number from 0 to",
    "verify prop-4 --jobs 0": "--jobs must be from 1 to 1,024, not 0.",
    "verify prop-4 --jobs 1025": "--jobs must be from 1 to 1,024, not 1,025.",
    "verify prop-4 --starts 1000001": "starts must be a whole number from 1 to 1,000,000, not 1000001.",
    "verify prop-4 --instance r1 --steps 2": "--steps cannot be combined with --instance",
    "verify prop-2-input --instance ce10": "Unknown instance file or shipped instance 'ce10'. Did you mean",
    "verify prop-2-input --instance ce1": "'ce1' must contain a JSON object",  # a file has precedence
    "transfer": "The following arguments are required: ADAPTER; see `ioadapt transfer --help`.",
    "transfer model.safetensors a b --inputs x --out o": "is a checkpoint of a model (2 weights), not an adapter",
    "transfer a.safetensors b lora --inputs x --out o": "lora is the adapter; give it first: ioadapt transfer lora",
    "transfer lora ./a ./b --out o": "a does not exist; give a single file, the folder",
    "transfer lora ./y.txt ./b --out o": "y.txt is not a file of weights; give a single file",
    "transfer lora a b --inputs x": "--out is missing; give the file or folder to write",
    "transfer lora a b --inputs x --out o.safetensors": "--out o.safetensors must be a folder, since lora has",
    "transfer k.safetensors a b --out o": "--out o must be a file that ends in .safetensors, since k.safetensors is",
    "transfer old/lora lora --map m --out o": "old/lora and lora would both be written to o/lora; rename one, or write",
    "transfer lora a b --inputs x --out o --seed -1": "seed must be a whole number from 0 to 4,294,967,295, not -1.",
    "map a b --inputs x --out o.safetensors --seed 99999999999": "number from 0 to 4,294,967,295, not 99999999999.",
    "map a b --inputs x --out o.safetensors --memory 0": "memory must be a number of gigabytes above 0, not 0.0.",
    "resize lora model.safetensors --out o": "Give --rank R or --share F, and not both.",
    "extract a b --rank 2 --out o": "Give unlabelled inputs: --prompts FILE for diffusion models",
    "report a b c d": "Give two models, or an adapter and two models",
    "report lora a.safetensors b": "use `ioadapt similarity a.safetensors b`.",
    "report a b --explained 0": "--explained must be above 0 and at most 1, not 0.",
    "report a b --batch 0": "--batch must be at least 1, not 0.",
    "report a k.safetensors": "is an adapter, not a model; give two models after it",
    "report a b lora": "is the adapter; give it first: ioadapt report lora a b",
    "report lora a.safetensors b --inputs x.npz": "a.safetensors is not a single file of SD",
    "adapters inspect y.safetensors": "y.safetensors",
    "adapters inspect lora --base k.safetensors": "give a model as --base",
    "adapters bake lora out --base model.safetensors": "'out' is one argument too many; give --out out.",
    "adapters bake lora --out y.txt/o --base model.safetensors": "does not exist; create it",
    "adapters bake lora --out . --base model.safetensors --style kohya": "this format is a single file",
    "adapters bake lora --out o --base model.safetensors --style kohya --component unett": "mean 'unet'",
    "similarity a.safetensors": "at least two models, not 1",
    "similarity a.safetensors no-such-model": "Unknown model or path 'no-such-model'",
    "similarity a.safetensors ani-1x@main:0": "is in a package, and only models on the hub have revisions; leave out",
    "similarity a.safetensors a.safetensors@main": "is a path, and only models on the hub have revisions; leave out",
    "similarity a.safetensors k.safetensors": "k.safetensors is an adapter, not a model; use `ioadapt",
    "similarity a.safetensors model.safetensors --lowest 0": "lowest must be a fraction of the layers",
    "similarity a.safetensors model.safetensors --threads 0": "threads must be a whole number, at least 1, not 0",
    "similarity a.safetensors model.safetensors --figure plot.jpg": "use one of the extensions .svg, .png, .pdf",
}
"""Command line -> what its sentence has."""


@pytest.mark.parametrize("line", LINES)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(line, here, capsys):
    net = nn.Sequential(nn.Linear(4, 3))
    save_file(dict(net.state_dict()), "model.safetensors")
    save_file({"b.weight": torch.ones(3, 2)}, "a.safetensors")
    save_file({f"lora_unet_x.lora_{end}.weight": torch.ones(2, 2) for end in ("down", "up")}, "k.safetensors")
    save(adapt(net, target_modules=["0"], placement="input"), "lora")
    for name, text in {"y.txt": "a text", "y.safetensors": "nonsense", "ce1": "[]"}.items():
        Path(name).write_text(text)
    before = {path: path.is_file() and path.read_bytes() for path in here.rglob("*")}
    assert main(line.split()) == MISUSE
    out, err = capsys.readouterr()
    assert LINES[line] in err
    assert err.startswith("ioadapt")
    assert err.count("\n") == 1
    assert out == "" or "bake" in line  # ranks are printed first
    assert {path: path.is_file() and path.read_bytes() for path in here.rglob("*")} == before
