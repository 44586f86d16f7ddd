"""The adapted layer beside its frozen base layer, PEFT, LyCORIS and the naive forms of input and output placement."""

import contextlib
import copy
import itertools
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks import bars, peers
from benchmarks.measure import alternate, forward, peak, saved, step
from ioadapt_theory.adapters import AdaptedLayer, cached, share
from ioadapt_theory.results import record

PLACEMENTS = ("weight", "input", "output")
FAMILIES = (("lora", 4), ("lora", 16), ("lora", 64), ("dora", 4), ("dora", 64), ("lokr", 128), ("loha", 64))


@dataclass(frozen=True)
class Shape:
    """n tokens through a projection of an attention block, c to d features."""

    name: str
    n: int
    c: int
    d: int
    bias: bool = False


SHAPES = (
    Shape("SD-1.5 self 64x64", 4096, 320, 320),
    Shape("SD-1.5 self 32x32", 1024, 640, 640),
    Shape("SD-1.5 self 16x16", 256, 1280, 1280),
    Shape("SD-1.5 cross 320", 77, 768, 320),
    Shape("SD-1.5 cross 640", 77, 768, 640),
    Shape("SD-1.5 cross 1280", 77, 768, 1280),
    Shape("SD-XL self 32x32", 1024, 1280, 1280),
    Shape("SD-XL cross", 77, 2048, 1280),
    Shape("Llama-3.2-1B q, o", 512, 2048, 2048),
    Shape("Llama-3.2-1B k, v", 512, 2048, 512),
    Shape("Llama-3.2-1B up", 512, 2048, 8192),
    Shape("FLUX 32x32", 1024, 3072, 3072, bias=True),
)
QUICK = (SHAPES[2], SHAPES[4])
CONVOLUTIONS = ((320, 64), (640, 32), (1280, 16))
"""Channels and side of the 3 x 3 convolutions in SD-1.5's residual blocks."""

Cell = dict[str, Any]


def contenders(shape: Shape, family: str, rank: int, placement: str, dtype: torch.dtype) -> dict[str, peers.Contender]:
    """Base layer, ours and the peers on equal weights; refuses to compare layers that do not agree."""
    frozen = nn.Linear(shape.c, shape.d, bias=shape.bias, dtype=dtype).requires_grad_(requires_grad=False)
    found = {"base": peers.Contender(frozen, [])}
    found["ours"], phi = peers.ours(copy.deepcopy(frozen), family, placement, rank)
    if placement == "weight":
        found["peft"] = peers.peft(copy.deepcopy(frozen), family, rank, phi)
        if dtype is torch.float32:
            found["lycoris"] = peers.lycoris(copy.deepcopy(frozen), family, rank, phi)
    else:
        found["naive"] = peers.naive(copy.deepcopy(frozen), family, placement, rank, phi)
    if dtype is torch.float32:
        x = torch.randn(16, shape.c)
        for name in found.keys() - {"base", "ours"}:
            torch.testing.assert_close(found[name].run(x), found["ours"].run(x), rtol=1e-3, atol=1e-3, msg=name)
    return found


def training(shape: Shape, family: str, rank: int, placement: str, *, seconds: float, bf16: bool = False) -> Cell:
    """Forward, forward + backward, bytes kept for backward, and peak memory of one layer of a network."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    layers = contenders(shape, family, rank, placement, dtype)
    x = torch.randn(shape.n, shape.c, dtype=dtype).requires_grad_()
    gradient = torch.randn(shape.n, shape.d, dtype=dtype)
    steps = {name: step(layer.run, x, gradient, layer.parameters) for name, layer in layers.items()}
    kept = shape.n * (shape.c + shape.d if (family, placement) == ("dora", "weight") else max(shape.c, shape.d))
    allowed = kept + shape.n * rank + 8 * (rank + 1) * (shape.c + shape.d)
    cell: Cell = {
        **asdict(shape), "shape": shape.name, "family": family, "rank": rank, "placement": placement,
        "wide": shape.c == shape.d >= 1280 and shape.n >= 256, "allowed": allowed * x.element_size(),
    }  # fmt: skip
    with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
        cell["train"] = alternate(steps, seconds=seconds)
        cell["forward"] = alternate({k: forward(v.run, x) for k, v in layers.items()}, seconds=seconds / 3)
        cell["peak"] = {name: peak(call) for name, call in steps.items()}
        cell["saved"] = {
            name: saved(layer.run, x, [*layer.parameters, *_tensors(layer.run)]) for name, layer in layers.items()
        }
    return cell


class Three(nn.Module):
    """Three layers on one X, as q, k and v are."""

    def __init__(self, *runs: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.runs = runs
        self.parts = nn.ModuleList(run for run in runs if isinstance(run, nn.Module))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Their outputs on a tensor that is new in every call, as in a network."""
        x = x.view_as(x)
        return [run(x) for run in self.runs]


def sharing(shape: Shape, family: str, rank: int, placement: str, *, seconds: float) -> Cell:
    """Forward + backward of three layers on one X: bare, adapted apart, with ``share``, and the peer's."""
    drawn = [contenders(shape, family, rank, placement, torch.float32) for _ in range(3)]
    x = torch.randn(shape.n, shape.c).requires_grad_()
    gradient = [torch.randn(shape.n, shape.d) for _ in range(3)]
    steps = {}
    for name in drawn[0].keys() - {"lycoris"}:
        three = Three(*(found[name].run for found in drawn))
        steps[name] = step(three, x, gradient, [p for found in drawn for p in found[name].parameters])
        if name == "ours":
            other = share(copy.deepcopy(three))
            steps["shared"] = step(other, x, gradient, [p for p in other.parameters() if p.requires_grad])
    cell: Cell = {**asdict(shape), "shape": shape.name, "family": family, "rank": rank, "placement": placement}
    times = alternate(steps, seconds=seconds)
    return {**cell, "train": times, "peak": {name: peak(call) for name, call in steps.items()}}


def confirmed(*arguments: Any, **options: Any) -> Cell:
    """A training cell; one in which we are slower than the peer beyond the noise is the middle of three."""
    cells = [training(*arguments, **options)]
    if bars.speedup(cells[0]) < 1 / bars.NOISE:
        cells += [training(*arguments, **options) for _ in range(2)]
    return sorted(cells, key=bars.speedup)[len(cells) // 2]


def decoding(c: int, d: int, family: str, rank: int, placement: str, *, seconds: float) -> Cell:
    """One token through a frozen layer, as when generating text; ``cached`` keeps products of parameters alone."""
    layers = contenders(Shape("", 1, c, d), family, rank, placement, torch.float32)
    x = torch.randn(1, c)
    for layer in layers.values():
        if isinstance(layer.run, nn.Module):
            layer.run.eval()
    calls = {name: forward(layer.run, x) for name, layer in layers.items()}

    adapted = layers["ours"].run
    assert isinstance(adapted, nn.Module)
    with cached():
        kept = {"base": calls["base"], "ours, cached": forward(adapted, x)}
        times = alternate(kept, seconds=seconds / 2)
    bare = alternate(calls, seconds=seconds / 2)
    scale = bare["base"] / times["base"]
    times = {**bare, "ours, cached": times["ours, cached"] * scale}
    return {"c": c, "d": d, "family": family, "rank": rank, "placement": placement, "decode": times}


def merging(c: int, d: int, family: str, rank: int, placement: str, *, seconds: float) -> Cell:
    """Writing an adapter into a c x d weight, beside the naive order that builds Φ(I) and multiplies it with W."""
    _, phi = peers.ours(nn.Linear(c, d, bias=False), family, placement, rank)
    layer, _ = peers.ours(nn.Linear(c, d, bias=False), family, placement, rank)
    adapted = layer.run
    assert isinstance(adapted, AdaptedLayer)
    function: Any = adapted.function
    w, phi = function.f.dense(), function.phi

    def product() -> Tensor:
        with torch.no_grad():
            match placement:
                case "input":
                    return phi.weight(function.f.near) @ w
                case "output":
                    return w @ phi.weight(function.f.far)
                case _:
                    return phi.weight(function.f)

    calls: dict[str, Callable[[], object]] = {"ours": adapted.merged_tensors, "naive": product}
    cell: Cell = {"c": c, "d": d, "family": family, "rank": rank, "placement": placement}
    times = alternate(calls, seconds=seconds, rounds=(3, 9))
    return {**cell, "merge": times, "peak": {k: peak(call) for k, call in calls.items()}, "weight": 4 * c * d}


def convolution(channels: int, side: int, placement: str, *, seconds: float) -> Cell:
    """LoRA of rank 4 on a 3 x 3 convolution, PEFT's on the kernel beside it."""
    base = nn.Conv2d(channels, channels, 3, padding=1).requires_grad_(requires_grad=False)
    layers = {"base": peers.Contender(base, [])}
    layers["ours"], phi = peers.ours(copy.deepcopy(base), "lora", placement, 4)
    if placement == "weight":
        layers["peft"] = peers.peft(copy.deepcopy(base), "lora", 4, phi)
    x = torch.randn(1, channels, side, side).requires_grad_()
    gradient = torch.randn(1, channels, side, side)
    steps = {name: step(layer.run, x, gradient, layer.parameters) for name, layer in layers.items()}
    return {"channels": channels, "side": side, "placement": placement, "train": alternate(steps, seconds=seconds)}


def importing(runs: int) -> dict[str, float]:
    """CPU seconds of a fresh interpreter: torch, this package's adapters, PEFT."""
    lines = {"torch": "import torch", "ours": "import torch, ioadapt_theory.adapters", "peft": "import torch, peft"}

    def spent(line: str) -> float:
        before = os.times()
        subprocess.run([sys.executable, "-c", line], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    times: dict[str, list[float]] = {name: [] for name in lines}
    for _ in range(runs):
        for name, line in lines.items():
            times[name].append(spent(line))
    return {name: sorted(values)[len(values) // 2] for name, values in times.items()}


def cpu() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _tensors(run: object) -> Iterator[Tensor]:
    """The weights of a layer, whose bytes are not the graph's."""
    if isinstance(run, nn.Module):
        yield from itertools.chain(run.parameters(), run.buffers())
    else:  # the closure of a naive form
        for cell in getattr(run, "__closure__", None) or ():
            value = cell.cell_contents
            yield from _tensors(value.run if isinstance(value, peers.Contender) else value)


def measure(*, quick: bool) -> dict[str, list[Cell] | dict[str, float]]:
    """All cells, with a progress bar on stderr."""
    seconds = 0.1 if quick else 0.5
    shapes = QUICK if quick else SHAPES
    matrix = [(*family, placement) for family in FAMILIES for placement in PLACEMENTS]
    wide = [s for s in shapes if s.c == s.d >= 1280 and s.n >= 256 and not s.bias]
    sizes = [(2048, 512)] if quick else [(2048, 2048), (2048, 8192)]
    few = [f for f in matrix if f[:2] in (("lora", 4), ("dora", 4), ("lokr", 128), ("loha", 64))]
    plan: dict[str, list[Callable[[], Cell]]] = {
        "training": [_call(confirmed, s, *f, seconds=seconds) for s in shapes for f in (few[:9] if s.bias else matrix)],
        "autocast": [_call(training, s, *f, seconds=seconds, bf16=True) for s in wide for f in few if f[0] != "loha"],
        "sharing": [
            _call(sharing, s, *f, seconds=2 * seconds)
            for s in shapes
            if s.c == s.d and s.n >= 256 and not s.bias
            for f in few
            if f[0] in {"lora", "dora"}
        ],
        "decoding": [_call(decoding, *size, *f, seconds=seconds) for size in sizes for f in few],
        "merging": [_call(merging, *size, *f, seconds=seconds) for size in sizes[-1:] for f in few],
        "convolutions": [
            _call(convolution, *size, p, seconds=2 * seconds)
            for size in CONVOLUTIONS[-1 if quick else 0 :]
            for p in PLACEMENTS
        ],
    }
    found: dict[str, Any] = {}
    with tqdm(total=sum(map(len, plan.values())), desc="layer", unit="cell", disable=None) as progress:
        for section, cells in plan.items():
            found[section] = []
            for cell in cells:
                found[section].append(cell())
                progress.update()
    found["importing"] = importing(1 if quick else 5)
    return found


def _call(function: Callable[..., Cell], *args: Any, **options: Any) -> Callable[[], Cell]:
    return lambda: function(*args, **options)


def main(quick: bool = False) -> dict[str, Any]:
    """Measure on one thread; returns the record."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    results = measure(quick=quick)
    versions = {name: metadata.version(name) for name in ("torch", "peft", "lycoris_lora")}
    config = {"quick": quick, "threads": 1, "cpu": cpu(), "cpus": os.cpu_count(), **versions}
    return record("layer", config=config, results={**results, "bars": [asdict(b) for b in bars.bars(results)]})


table = bars.markdown
