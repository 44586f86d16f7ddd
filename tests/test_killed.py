"""Commands may be killed at any moment: files are old or new, never partial, and later runs clean up.

The environment variable ``KILLS`` sets how often each command is killed (default 4): at a random moment or, every
third time, by the system when a file reaches a limit slightly below its final size.
"""

import itertools
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

from ioadapt_theory import adapt, layers, load, save
from ioadapt_theory.checkpoints.names.layer_name import PEFT_PREFIX
from ioadapt_theory.cli import main
from ioadapt_theory.formats import open_adapter
from ioadapt_theory.formats.kinds.peft import config_of, write_folder
from ioadapt_theory.formats.tensors import write
from ioadapt_theory.outputs import ABANDONED, write_text

for module in ("cli.adapters", "cli.report", "cli.similarity", "formats.export", "similarity.report.page"):
    import_module(f"ioadapt_theory.{module}")  # imported once, before the processes that are killed
KILLS = int(os.environ.get("KILLS", "4"))
CASES = {
    "adapters convert lora --out out --placement output --base base.safetensors --ridge 0.1": [
        "out/ioadapt.safetensors"
    ],
    "adapters bake lora --out out.safetensors --base base.safetensors --style kohya": ["out.safetensors"],
    "adapters bake lora --out out --base base.safetensors": [
        "out/adapter_config.json",
        "out/adapter_model.safetensors",
    ],
    "similarity base.safetensors other.safetensors --threads 1 --format json --out out.json --html out.html"
    " --figure out.svg": ["out.json", "out.html", "out.svg"],
    "report lora base.safetensors other.safetensors --html out.html": ["out.html"],
    "save": ["out/ioadapt.safetensors"],
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


def stored(path: Path) -> dict[str, tuple[float, float]]:
    """Return the scaling and the sum of the tensors of each layer of an adapter."""
    layers = {str(layer.name): layer.adapter() for layer in open_adapter(path).layers}
    return {
        n: (next(a.parts())[1].scaling, sum(float(p.detach().sum()) for p in a.parameters())) for n, a in layers.items()
    }


def contents(folder: Path) -> dict[str, bytes]:
    files = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    return {n: p.read_bytes() for n, p in files.items() if not re.fullmatch(r"\.out.*|out/\.(ioadapt|adapter_).*", n)}


@pytest.mark.slow
@pytest.mark.parametrize("command", CASES)
def test_what_is_there_after_a_kill_is_whole_or_as_before(command, tmp_path):
    inputs, earlier = (given(tmp_path / name, seed) for name, seed in (("inputs", 0), ("earlier", 2)))
    nothing = contents(inputs)
    after = shutil.copytree(inputs, tmp_path / "after")
    run(after, command)
    run(earlier, command)
    whole = contents(after)
    assert whole.keys() - nothing.keys() == {*CASES[command]}
    before = {**nothing, **{name: contents(earlier)[name] for name in CASES[command]}}
    assert all(before[name] != whole[name] for name in CASES[command])

    lasts = run(shutil.copytree(inputs, tmp_path / "timed"), command)
    moments = random.Random(command)
    for i in range(KILLS):
        folder = shutil.copytree(inputs, tmp_path / f"{i}")
        former = before if i % 2 else nothing
        for name in former.keys() - nothing.keys():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(former[name])
        if i % 3 == 2:
            run(folder, command, longest=len(whole[moments.choice(CASES[command])]) - moments.randint(1, 300))
        else:
            run(folder, command, moments.uniform(0, lasts))
        there = contents(folder)
        assert all(there.get(name) in {former.get(name), whole[name]} for name in whole)
        if (folder / "out").is_dir() and former is before:
            assert stored(folder / "out") in [stored(after / "out"), stored(earlier / "out")]
        assert there.keys() <= whole.keys()
        for left in set(folder.rglob(".*")):
            os.utime(left, (time.time() - 2 * ABANDONED,) * 2)
        if i % 4 == 3:  # a sample is enough, since the other runs end in the same way
            run(folder, command)
            assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == whole.keys()
            assert contents(folder) == whole


def write_own(folder: Path, alpha: float) -> None:
    model = adapt(nn.Sequential(nn.Linear(6, 4)), target_modules=["0"], rank=2, alpha=2 * alpha, placement="weight")
    for parameter in layers(model)["0"].adapters["default"].parameters():
        nn.init.constant_(parameter, alpha)
    save(model, folder / "own")


def write_peft(folder: Path, alpha: float) -> None:
    tensors = {f"{PEFT_PREFIX}0.lora_{part}.weight": value for part, value in zip("AB", factors(alpha), strict=True)}
    write_folder(folder / "peft", config_of("LORA", ["0"], None, r=2, lora_alpha=2 * alpha), tensors, {})


def write_kohya(folder: Path, alpha: float) -> None:
    down, up = factors(alpha)
    tensors = {"lora_down.weight": down, "lora_up.weight": up, "alpha": torch.tensor(2 * alpha)}
    write(folder / "kohya.safetensors", {f"lora_unet_0.{key}": value for key, value in tensors.items()}, {})


def write_page(folder: Path, alpha: float) -> None:
    write_text(folder / "page.html", f"{alpha} " * 5000)


def factors(alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((2, 6), alpha), torch.full((4, 2), alpha)


WRITERS = {"own": write_own, "peft": write_peft, "kohya.safetensors": write_kohya, "page.html": write_page}
"""File or folder -> function that writes it; its scaling and all its values are ``alpha``."""


def write_forever(folder: Path, name: str, alpha: float) -> None:
    torch.set_num_threads(1)
    while True:
        WRITERS[name](folder, alpha)


def read_forever(folder: Path, name: str, results: Connection) -> None:
    torch.set_num_threads(1)
    for count in itertools.count():
        fine = is_whole(folder / name)
        if results.poll() or not fine:
            results.send((fine, count))
            return


def is_whole(path: Path) -> bool:
    if path.suffix == ".html":
        return path.read_text() in {"1.0 " * 5000, "2.0 " * 5000}
    (layer,) = open_adapter(path).layers
    adapter = layer.adapter()
    values = {adapter["weight"].scaling, *(x for p in adapter.parameters() for x in p.flatten().tolist())}
    return values in ({1.0}, {2.0})


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_a_reader_beside_two_writers_that_are_killed_finds_a_whole_adapter(name, tmp_path):
    WRITERS[name](tmp_path, 1.0)
    ours, theirs = PROCESSES.Pipe()
    reader = PROCESSES.Process(target=read_forever, args=(tmp_path, name, theirs))
    reader.start()
    writers = [PROCESSES.Process(target=write_forever, args=(tmp_path, name, alpha)) for alpha in (1.0, 2.0)]
    for writer in writers:
        writer.start()
    moments = random.Random(name)
    for kill in range(KILLS):
        time.sleep(moments.uniform(0, 0.02))
        writers[kill % 2].kill()
        writers[kill % 2].join()
        assert is_whole(tmp_path / name), kill
        writers[kill % 2] = PROCESSES.Process(target=write_forever, args=(tmp_path, name, 1.0 + kill % 2))
        writers[kill % 2].start()
    ours.send(None)
    reader.join(60)
    for process in (reader, *writers):
        process.kill()
    fine, reads = ours.recv()
    print(f"{name}: {KILLS} kills, {reads} reads")
    assert fine
    assert reads > KILLS
    assert is_whole(tmp_path / name)
