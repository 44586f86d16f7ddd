"""`ioadapt similarity`, compared with `load_file` and `F.cosine_similarity`, on models shaped like SD-1.5.

Every case runs in a separate process, on files in the page cache. CPU seconds and memory are those of the comparison
and its threads, without imports; memory is measured in a separate run, since sampling it takes time. The weights
repeat after four million random values, so that the files are written in seconds.
"""

import argparse
import csv
import json
import math
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bars import Bar
from benchmarks.resident import extra
from ioadapt_theory.errors import InvalidValueError
from ioadapt_theory.results import record

SHAPES = Path(__file__).with_name("unet_shapes.tsv")
MODELS = 2
ROUNDS = 3
FREE = 5e9
"""Bytes of free disk space that the full run requires; it writes two files of 1.72 GB."""


def shapes(*, divisor: int = 1) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the 686 tensors of SD-1.5's UNet, with sizes of at least 32 divided by ``divisor``."""
    with SHAPES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t"))
    full = {row["name"]: tuple(map(int, row["sd15"].split("x"))) for row in rows if row["sd15"] != "-"}
    return {name: tuple(n // divisor if n >= 32 else n for n in shape) for name, shape in full.items()}


def write(path: Path, sizes: Mapping[str, tuple[int, ...]], noise: float, seed: int) -> None:
    """Write a float16 model: values that all models share, plus its own noise; both repeat after 4,000,037 values."""
    header, end = {}, 0
    for name, shape in sizes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    base = np.random.default_rng(0).standard_normal(4_000_037, dtype=np.float32)
    own = noise * np.random.default_rng(seed).standard_normal(4_000_037, dtype=np.float32)
    values = (base + own).astype(np.float16)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for left in range(end // 2, 0, -len(values)):
            file.write(values[:left].tobytes())


def ours(paths: list[Path], **options: Any) -> dict[str, float]:
    """Compare two files; return the cosines of their layers."""
    from ioadapt_theory.checkpoints.files.readers import open_file
    from ioadapt_theory.similarity import compare

    comparison = compare(*map(open_file, paths), **options)
    return {row.name: row.values[0, 1].cosine for row in comparison.rows}


def loaded(paths: list[Path], *, single: bool) -> dict[str, float]:
    """Load two files, and return the cosine of each tensor, in float32 if ``single``, else in float16."""
    import torch
    from safetensors.torch import load_file

    one, two = (load_file(path) for path in paths)
    found = {}
    for name in one:
        a, b = (t[name].float() if single else t[name] for t in (one, two))
        found[name] = torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0).item()
    return found


def exact(paths: list[Path]) -> dict[str, float]:
    """Return the cosines of two files' tensors in float64 with numpy's pairwise sums, as a reference."""
    from safetensors import safe_open

    with safe_open(paths[0], "np") as one, safe_open(paths[1], "np") as two:
        found = {}
        for name in one.keys():
            a, b = (f.get_tensor(name).astype(np.float64).ravel() for f in (one, two))
            found[name] = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
    return found


CASES: dict[str, Callable[[list[Path]], dict[str, float]]] = {
    "ours": lambda paths: ours(paths, threads=1),
    "ours, 2 threads": lambda paths: ours(paths, threads=2),
    "load_file + F.cosine_similarity(.float())": lambda paths: loaded(paths, single=True),
    "load_file + F.cosine_similarity in fp16": lambda paths: loaded(paths, single=False),
}


def child(case: str, folder: Path, *, memory: bool) -> dict[str, Any]:
    """Run one of CASES, or "exact"; return the memory it needs if ``memory``, and otherwise its times and cosines."""
    import torch

    from ioadapt_theory.similarity import compute  # noqa: F401  (imported before the measurement)

    torch.set_num_threads(1)
    paths = sorted(folder.glob("*.safetensors"))
    run = (CASES | {"exact": exact})[case]
    if memory:
        return {"extra_mb": extra(lambda: run(paths))}
    cpu, wall = spent(), time.perf_counter()
    cosines = run(paths)
    return {"wall": time.perf_counter() - wall, "cpu": spent() - cpu, "cosines": cosines}


def spent() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def measured(case: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Return a case's cosines, its median CPU and wall seconds over processes, and its memory in one more process."""

    def run(*options: str) -> dict[str, Any]:
        call = [sys.executable, "-m", "benchmarks.similarity", "--case", case, "--folder", str(folder), *options]
        done = subprocess.run(call, cwd=Path(__file__).parents[1], check=True, capture_output=True)
        return dict(json.loads(done.stdout))

    runs = [run() for _ in range(rounds)]
    times = {key: statistics.median(r[key] for r in runs) for key in ("cpu", "wall")}
    return times | run("--memory") | {"cosines": runs[0]["cosines"]}


def command(folder: Path, *options: str) -> float:
    paths = map(str, sorted(folder.glob("*.safetensors")))
    call = [sys.executable, "-m", "ioadapt_theory", "similarity", *paths, "--threads", "1", "--quiet", *options]
    before = spent()
    subprocess.run(call, cwd=Path(__file__).parents[1], check=True, capture_output=True)
    return spent() - before


def start_up() -> float:
    """Return the wall seconds of the command with --help: the fastest of five runs, to reduce noise."""
    call = [sys.executable, "-m", "ioadapt_theory", "similarity", "--help"]
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run(call, cwd=Path(__file__).parents[1], check=True, capture_output=True)
        times.append(time.perf_counter() - begin)
    return min(times)


def main(quick: bool = False) -> dict[str, Any]:
    """Write the models' files, and measure all cases.

    Returns:
        The record of all cases and targets.

    Raises:
        InvalidValueError: there is not enough disk space for the full run.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        free = shutil.disk_usage(folder).free
        if not quick and free < FREE:
            has = f"{folder} has {free / 1e9:.1f} GB of free space"
            msg = f"{has}, but the full run needs {FREE / 1e9:g} GB; free some space, or use --quick."
            raise InvalidValueError(msg)
        sizes = shapes(divisor=8 if quick else 1)
        for i in range(MODELS):
            write(folder / f"m{i}.safetensors", sizes, 0.1 * (i + 1), i + 1)
        reference = measured("exact", folder, 1)["cosines"]  # also warms the page cache
        cells = {}
        for case in CASES:
            cell = measured(case, folder, 1 if quick else ROUNDS)
            cosines = cell.pop("cosines")
            cell["max_error"] = max(abs(cosines[n] - reference[n]) for n in reference)
            cell["outside"] = sum(not -1 <= x <= 1 for x in cosines.values())
            cells[case] = cell
        whole = statistics.median(command(folder) for _ in range(1 if quick else ROUNDS))
        spaces = command(folder, "--space", "input")
    results: dict[str, Any] = {
        "tensors": len(sizes),
        "parameters": sum(map(math.prod, sizes.values())),
        "cases": cells,
        "command": whole,
        "command_space": spaces,
        "start_up": start_up(),
        "quick": quick,
    }
    results["bars"] = [asdict(bar) for bar in bars(results)]
    return record("similarity", config={"quick": quick, "cpus": os.cpu_count()}, results=results)


def bars(results: Mapping[str, Any]) -> list[Bar]:
    """Return the targets with their measured values; a quick run leaves out those that need large files."""
    cells = results["cases"]
    us, two, peer = cells["ours"], cells["ours, 2 threads"], cells["load_file + F.cosine_similarity(.float())"]
    found = [
        Bar("largest error of a cosine", "< 1e-10", us["max_error"], us["max_error"] < 1e-10),
        Bar("extra memory with 2 threads, MB", "< 100", two["extra_mb"], two["extra_mb"] < 100),
        Bar("--help, s", "< 0.3", results["start_up"], results["start_up"] < 0.3),
    ]
    if not results["quick"]:
        gain = us["wall"] / two["wall"]
        found += [
            Bar("a pair in float64, CPU s", "<= 2", us["cpu"], us["cpu"] <= 2),
            Bar("with --space input, CPU s", "<= 120", results["command_space"], results["command_space"] <= 120),
            Bar(
                "load_file + F.cosine_similarity / ours, CPU",
                ">= 5",
                peer["cpu"] / us["cpu"],
                peer["cpu"] / us["cpu"] >= 5,
            ),
            Bar("1 thread / 2 threads, wall (with two idle cores)", "> 1", gain, gain > 1),
        ]
    return found


def table(content: Mapping[str, Any]) -> str:
    results = content["results"]
    lines = [f"{results['tensors']} tensors, {results['parameters'] / 1e6:.1f} M parameters, fp16"]
    lines += [f"{'':<46}{'CPU s':>8}{'wall s':>8}{'extra MB':>10}{'max error':>11}{'|cos|>1':>9}"]
    for case, cell in results["cases"].items():
        lines.append(
            f"{case:<46}{cell['cpu']:>8.2f}{cell['wall']:>8.2f}{cell['extra_mb']:>10.0f}"
            f"{cell['max_error']:>11.1e}{cell['outside']:>9}"
        )
    lines += ["", f"the whole command with the import of torch: {results['command']:.2f} CPU s", ""] + [
        f"{b['what']:<52}{b['demanded']:>9}{b['measured']:>11.3g}  {'yes' if b['reached'] else 'NO'}"
        for b in results["bars"]
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":  # one case, as called by ``measured``
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--memory", action="store_true")
    chosen = parser.parse_args()
    sys.stdout.write(json.dumps(child(chosen.case, chosen.folder, memory=chosen.memory)))
