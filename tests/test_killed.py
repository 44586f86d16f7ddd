"""Commands may be killed at any moment: files are old or new, never partial.

The environment variable ``KILLS`` sets how often each command is killed (default 4): at a random moment or, every
third time, by the system when a file reaches a limit slightly below its final size.
"""

import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import time
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ioadapt_theory import adapt, load, save
from ioadapt_theory.cli import main

for module in ("cli.adapters", "cli.similarity", "formats.export", "similarity.report.output"):
    import_module(f"ioadapt_theory.{module}")  # imported once, before the processes that are killed
KILLS = int(os.environ.get("KILLS", "4"))
CASES = {
    "adapters convert lora --out out --placement output --base base.safetensors --ridge 0.1": "out/ioadapt.safetensors",
    "adapters bake lora --out out.safetensors --base base.safetensors --style kohya": "out.safetensors",
    "adapters bake lora --out out --base base.safetensors": "out/adapter_config.json out/adapter_model.safetensors",
    "similarity base.safetensors other.safetensors --threads 1 --format json --out out.json --html out.html"
    " --figure out.svg": "out.json out.html out.svg",
    "save": "out/ioadapt.safetensors",
}
"""Command -> the files that it writes."""
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def net(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(*(nn.Linear(160, 96) for _ in range(4))).float()


def work(folder: Path, command: str, begun: Connection, longest: int | None) -> None:
    """Run the command silently in this process, which the system kills when a file exceeds ``longest`` bytes."""
    os.chdir(folder)
    torch.set_num_threads(1)
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(quiet, stream)
    if longest is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (longest, longest))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    begun.send(None)
    if command == "save":
        model = net(0)
        load(model, "lora")
        save(model, "out")
    elif main(command.split()):
        raise SystemExit(1)


def run(folder: Path, command: str, moment: float | None = None, longest: int | None = None) -> float:
    """Run the command, kill it ``moment`` seconds after its start, and return the seconds that it took."""
    receiver, sender = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=work, args=(folder, command, sender, longest))
    process.start()
    receiver.recv()
    start = time.perf_counter()
    process.join(moment)
    process.kill()
    process.join()
    assert process.exitcode == (0 if longest is None else -signal.SIGXFSZ) or moment is not None
    return time.perf_counter() - start


def given(folder: Path, seed: int) -> Path:
    model = adapt(net(seed), target_modules="all-linear", rank=8 - seed, alpha=4, placement="weight", init="random")
    save(model, folder / "lora")
    save_file(dict(net(0).state_dict()), folder / "base.safetensors")
    save_file(dict(net(1 + seed).state_dict()), folder / "other.safetensors")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    return {n: p.read_bytes() for n, p in files.items() if not re.fullmatch(r"\.out.*|out/\.(ioadapt|adapter_).*", n)}


@pytest.mark.slow
@pytest.mark.parametrize("command", CASES)
def test_what_is_there_after_a_kill_is_whole_or_as_before(command, tmp_path):
    files = CASES[command].split()
    inputs, earlier = (given(tmp_path / name, seed) for name, seed in (("inputs", 0), ("earlier", 2)))
    nothing = contents(inputs)
    after = shutil.copytree(inputs, tmp_path / "after")
    run(after, command)
    run(earlier, command)
    whole = contents(after)
    assert whole.keys() - nothing.keys() == {*files}
    before = {**nothing, **{name: contents(earlier)[name] for name in files}}
    assert all(before[name] != whole[name] for name in files)

    lasts = run(shutil.copytree(inputs, tmp_path / "timed"), command)
    moments = random.Random(command)
    for i in range(KILLS):
        folder = shutil.copytree(inputs, tmp_path / f"{i}")
        former = before if i % 2 else nothing
        for name in former.keys() - nothing.keys():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(former[name])
        if i % 3 == 2:
            run(folder, command, longest=len(whole[moments.choice(files)]) - moments.randint(1, 300))
        else:
            run(folder, command, moments.uniform(0, lasts))
        assert contents(folder) in (former, whole)
        if i % 4 == 3:  # a sample is enough, since the other runs end in the same way
            run(folder, command)
            assert contents(folder) == whole
