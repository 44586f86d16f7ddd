"""No command overwrites an input or existing weights, and no input makes a command wait forever."""

import argparse
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ioadapt_theory import adapt, save
from ioadapt_theory.cli import COMMANDS, MISUSE, module_of

OUTPUTS = {
    "similarity --out": "similarity base tuned.safetensors --quiet --out {}",
    "similarity --figure": "similarity base tuned.safetensors --quiet --figure {}",
    "similarity --html": "similarity base tuned.safetensors old.pt --quiet --html {}",
    "adapters convert": "adapters convert lora --out {} --placement output --base base --ridge 0.1",
    "adapters bake file": "adapters bake lora --out {} --base base --style kohya --source tuned.safetensors",
    "adapters bake folder": "adapters bake lora --out {} --base base",
}
"""Commands, with `{}` for an output."""
CARRIED = {
    "transfer --html": "transfer lora base tuned.safetensors --inputs batch.npz --out new --html {}",
    "transfer --out": "transfer lora base tuned.safetensors --inputs batch.npz --out {}",
}
"""Commands that run models, with `{}` for an output."""
THERE = {
    "an input": "tuned.safetensors",
    "a file of an input's folder": "base/model.safetensors",
    "an input's folder": "base",
    "a pickle": "old.pt",
    "weights that are not read": "other.safetensors",
    "the adapter's folder": "lora",
    "the adapter's file": "lora/ioadapt.safetensors",
    "a hard link": "hard.svg",
    "a symbolic link": "soft.svg",
    "a link to an input's configuration": "config.html",
    "what an input's folder links to": "linked.txt",
}
LINKS = {"hard.svg": "tuned.safetensors", "soft.svg": "tuned.safetensors", "config.html": "base/config.json"}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    models = [nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3)).float() for _ in range(3)]
    (folder / "base").mkdir()
    (folder / "base" / "config.json").write_text("{}")
    for name, model in zip(("base/model", "tuned", "other"), models, strict=True):
        save_file(dict(model.state_dict()), folder / f"{name}.safetensors")
    torch.save(models[2].state_dict(), folder / "old.pt")
    (folder / "batch.npz").write_bytes(b"PK")
    save(adapt(models[0], target_modules="all-linear", placement="weight", rank=2, init="random"), folder / "lora")
    return folder


@pytest.fixture
def here(given: Path, here: Path) -> Path:
    shutil.copytree(given, here, dirs_exist_ok=True)
    for name, target in LINKS.items():
        (os.link if "hard" in name else os.symlink)(here / target, here / name)
    (here / "linked.txt").write_text("a vocabulary")
    (here / "base" / "merges.txt").symlink_to(here / "linked.txt")
    return here


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("there", THERE.values(), ids=THERE)
@pytest.mark.parametrize("command", (OUTPUTS | CARRIED).values(), ids=OUTPUTS | CARRIED)
def test_what_is_there_stays_whole(command, there, here, ioadapt):
    before = contents(here)
    told = ioadapt(command.format(there), MISUSE).err
    assert contents(here) == before
    assert told.count("\n") == 1
    assert there in told or "old.pt" in told


@pytest.mark.parametrize("command", OUTPUTS.values(), ids=OUTPUTS)
def test_the_same_command_may_run_again(command, here, ioadapt):
    out = "new.svg" if "--figure" in command else "new.safetensors" if "kohya" in command else "new.html"
    for _ in range(2):
        ioadapt(command.format(out))
    assert (here / out).exists()


def test_an_output_in_a_home_folder_is_found(here, ioadapt, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    ioadapt("similarity base tuned.safetensors --html ~/new.html")
    ioadapt("adapters bake lora --out ~/plain --base ~/base")
    assert (here / "new.html").exists()
    assert (here / "plain" / "adapter_config.json").exists()


def test_two_outputs_are_two_files(here, ioadapt):
    ioadapt.refuses("similarity base old.pt --html a.svg --figure ./a.svg", "--figure and --html both name a.svg")
    line = "transfer lora base tuned.safetensors --inputs batch.npz --out new --html ./new"
    ioadapt.refuses(line, "--html new would overwrite the adapter")


PIPED = (
    "verify --instance {}",
    "report lora base tuned.safetensors --inputs {}",
    "similarity base {}",
    "adapters inspect {}",
    "transfer lora base tuned.safetensors --out new --inputs {}",
    "transfer {} base tuned.safetensors --out new --inputs batch.npz",
)


@pytest.mark.parametrize("command", PIPED)
def test_a_pipe_is_refused_and_not_waited_for(command, here, ioadapt):
    os.mkfifo(here / "pipe")
    ioadapt.refuses(command.format("pipe"), "pipe is a device, pipe or socket; give a file or folder.")


FOLDERS = {"cache"}
"""Options that name folders for a command's own files."""
PATHS = {"FILE", "PAGE", "BATCH", "MODEL", "OUT", "SOURCE", "TARGET", "ADAPTER", "MAP"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_path_of_every_command_is_declared(command, monkeypatch, tmp_path):
    """Every option that takes a file is listed in the command's `files`."""
    monkeypatch.chdir(tmp_path)  # the project's folder may be read-only
    module, parser = module_of(command), argparse.ArgumentParser()
    module.add_arguments(parser)
    nested = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    parsers = {name: sub for action in nested for name, sub in action.choices.items()} or {"": parser}
    for name, each in parsers.items():
        args = argparse.Namespace(action=name)
        paths = set()
        for action in each._actions:
            value: object = action.default
            metavar = str(action.metavar)
            if action.nargs != 0 and metavar in PATHS:
                value = Path(action.dest)
                paths |= set() if action.dest in FOLDERS else {Path(action.dest)}
                value = [value] if action.nargs in {"*", "+"} else value
            else:
                assert action.type is not Path or action.dest in FOLDERS, action.dest
            setattr(args, action.dest, value)
        declared = module.files(args)
        assert paths <= {*map(Path, filter(None, [*declared.reads, *declared.writes.values(), *declared.adapter]))}
