"""The sections of the layer benchmark, each of which runs in a separate process.

``python -m benchmarks.cells SECTION [--quick] [--device cuda]`` prints the measurements of a section as JSON.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks import blocks, counting, peers
from benchmarks.measure import alternate, forward, peak, saved, step
from ioadapt_theory.adapters import AdaptedLayer, adapt, merge

PLACEMENTS = ("weight", "input", "output")
FAMILIES = (("lora", 4), ("lora", 64), ("dora", 4), ("dora", 64), ("lokr", 128), ("loha", 64))
FEW = (("lora", 4), ("dora", 4), ("lokr", 128), ("loha", 64))


@dataclass(frozen=True)
class Shape:
    """The sizes of a projection in an attention block: n tokens, c input features and d output features."""

    name: str
    n: int
    c: int
    d: int


SHAPES = (
    Shape("SD-1.5 self 64x64", 4096, 320, 320),
    Shape("SD-1.5 self 32x32", 1024, 640, 640),
    Shape("SD-1.5 self 16x16", 256, 1280, 1280),
    Shape("SD-1.5 cross 640", 77, 768, 640),
    Shape("SD-XL cross", 77, 2048, 1280),
    Shape("Llama-3.2-1B q, o", 512, 2048, 2048),
    Shape("Llama-3.2-1B k, v", 512, 2048, 512),
)
NAMED = {shape.name: shape for shape in SHAPES}
CONVOLUTIONS = ((320, 32), (640, 16), (1280, 16))
"""Channels and side lengths of 3 x 3 convolutions in SD-1.5's residual blocks."""
COMPILED = (("lora", 16), ("dora", 16), ("lokr", 16), ("loha", 16))

Cell = dict[str, Any]
Todo = list[Callable[[], Cell]]


@dataclass(frozen=True)
class Setting:
    quick: bool = False
    device: str = "cpu"

    @property
    def seconds(self) -> float:
        return 0.05 if self.quick else 0.2

    def alternate(self, calls: dict[str, Callable[[], object]], share: float = 1.0) -> dict[str, float]:
        """Return the median seconds of each call; all rounds of all calls together take about share * self.seconds."""
        rounds = (3, 9) if self.quick else (3, 25)
        return alternate(calls, seconds=share * self.seconds, rounds=rounds, device=self.device)


def linear(
    setting: Setting, shape: Shape, family: str, rank: int, placement: str, *, bf16: bool = False,
    dropout: float = 0.0, needs: bool = True, memory: bool = False,
) -> Cell:  # fmt: skip
    """Measure a linear layer's passes and, if ``memory``, its memory; the input X requires a gradient if ``needs``."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    options: dict[str, Any] = {"dtype": dtype, "device": setting.device}
    make = lambda: nn.Linear(shape.c, shape.d, bias=False, **options)  # noqa: E731
    layers = peers.contenders(make, family, rank, placement, dropout)
    if not bf16 and not dropout:
        x = torch.randn(16, shape.c, **options)
        torch.testing.assert_close(layers["peer"].run(x), layers["ours"].run(x), rtol=1e-3, atol=1e-3)
    x = torch.randn(shape.n, shape.c, **options).requires_grad_(needs)
    gradient = torch.randn(shape.n, shape.d, **options)
    steps = {name: step(layer.run, x, gradient, layer.parameters) for name, layer in layers.items()}
    if not needs:
        steps["base"] = forward(layers["base"].run, x)
    cell: Cell = {**asdict(shape), "shape": shape.name, "family": family, "rank": rank, "placement": placement}
    cell["train"] = setting.alternate(steps)
    if memory:
        cell["peak"] = {name: peak(call, setting.device) for name, call in steps.items()}
        cell["saved"] = {
            name: saved(layer.run, x, [*layer.parameters, *_tensors(layer.run)]) for name, layer in layers.items()
        }
    return cell


def training(setting: Setting) -> Todo:
    shapes = (NAMED["SD-1.5 cross 640"],) if setting.quick else SHAPES
    cases = [(*f, p) for f in (FEW if setting.quick else FAMILIES) for p in PLACEMENTS]
    return [_call(linear, setting, s, *case, memory=True) for s in shapes for case in cases]


def bfloat16(setting: Setting) -> Todo:
    shapes = [NAMED["SD-1.5 self 16x16"], NAMED["Llama-3.2-1B q, o"]][: 1 if setting.quick else None]
    return [_call(linear, setting, s, *f, p, bf16=True) for s in shapes for f in FEW[:3] for p in PLACEMENTS]


def dropout(setting: Setting) -> Todo:
    shapes = [NAMED["SD-1.5 self 32x32"], NAMED["Llama-3.2-1B k, v"]][: 1 if setting.quick else None]
    cases = (("lora", 16), ("dora", 16))
    return [_call(linear, setting, s, *f, p, dropout=0.05) for s in shapes for f in cases for p in PLACEMENTS]


def without_gradient(setting: Setting) -> Todo:
    shapes = [s for s in SHAPES if "cross" in s.name][: 1 if setting.quick else None]
    cases = (("lora", 4), ("lora", 16), ("dora", 4))
    return [_call(linear, setting, s, *f, p, needs=False) for s in shapes for f in cases for p in PLACEMENTS]


def convolutions(setting: Setting) -> Todo:
    cases = [(*f, "weight") for f in (("lora", 4), ("dora", 4), ("lokr", 1), ("loha", 16))]
    cases += [("lora", 4, "input"), ("lora", 4, "output")]
    sizes = CONVOLUTIONS[: 1 if setting.quick else 2]
    return [_call(_convolution, setting, *size, *case) for size in sizes for case in cases]


def _convolution(setting: Setting, channels: int, side: int, family: str, rank: int, placement: str) -> Cell:
    make = lambda: nn.Conv2d(channels, channels, 3, padding=1, device=setting.device)  # noqa: E731
    rank = 10_000 if family == "lokr" else rank  # so large that the second factor is a full matrix
    layers = peers.contenders(make, family, rank, placement)
    x = torch.randn(1, channels, side, side, device=setting.device).requires_grad_()
    gradient = torch.randn_like(x, requires_grad=False)
    steps = {name: step(layer.run, x, gradient, layer.parameters) for name, layer in layers.items()}
    cell = {"shape": f"{channels} at {side}x{side}", "family": family, "rank": rank, "placement": placement}
    return {**cell, "train": setting.alternate(steps)}


def decoding(setting: Setting) -> Todo:
    return [_call(_token, setting, 2048, 2048, *f, p) for f in FEW for p in PLACEMENTS]


def _token(setting: Setting, c: int, d: int, family: str, rank: int, placement: str) -> Cell:
    layers = peers.contenders(lambda: nn.Linear(c, d, bias=False, device=setting.device), family, rank, placement)
    x = torch.randn(1, c, device=setting.device)
    for layer in layers.values():
        if isinstance(layer.run, nn.Module):
            layer.run.eval()
    times = setting.alternate({name: forward(layer.run, x) for name, layer in layers.items()})
    return {"shape": f"{c}->{d}", "family": family, "rank": rank, "placement": placement, "train": times}


def merging(setting: Setting) -> Todo:
    """Return calls that time the merging of a layer, against plain products (Eqs. 4a to 4c), and of a whole model."""
    size = (1024, 512) if setting.quick else (2048, 4096)
    found = [_call(_merging, setting, *size, *f, p) for f in FEW for p in PLACEMENTS]
    return [*found, _call(_merging_for_good, setting)]


def _merging(setting: Setting, c: int, d: int, family: str, rank: int, placement: str) -> Cell:
    layer, phi = peers.ours(nn.Linear(c, d, bias=False, device=setting.device), family, placement, rank)
    adapted: Any = layer.run
    assert isinstance(adapted, AdaptedLayer)
    function: Any = adapted.function
    family_of: Any = phi

    def product() -> Tensor:
        with torch.no_grad():
            w = function.f.dense()
            match placement:
                case "input":
                    return family_of.weight(function.f.near) @ w
                case "output":
                    return w @ family_of.weight(function.f.far)
                case _:
                    return family_of.weight(function.f)

    calls: dict[str, Callable[[], object]] = {"ours": adapted.merged_tensors, "naive": product}
    cell: Cell = {"shape": f"{c}->{d}", "family": family, "rank": rank, "placement": placement}
    memory = {name: peak(call, setting.device) / (4 * c * d) for name, call in calls.items()}
    return {**cell, "merge": setting.alternate(calls), "weights": memory}


def _merging_for_good(setting: Setting) -> Cell:
    def built() -> nn.Module:
        model = nn.Sequential(*(nn.Linear(512, 512, device=setting.device) for _ in range(8)))
        return adapt(model, target_modules=[str(i) for i in range(8)], placement="input", family="dora", init="random")

    beyond = peak(lambda: merge(built(), unload=True), setting.device) - peak(built, setting.device)
    return {"shape": "8 layers", "family": "dora", "rank": 8, "placement": "input", "layers": beyond / (4 * 512 * 513)}


def steps(setting: Setting) -> Todo:
    cases = [("llama", "dora", 16, False), ("llama", "lora", 16, False), ("llama", "lokr", 16, False)]
    cases += [("llama", "dora", 16, True), ("unet", "dora", 16, False), ("unet", "lora", 16, False)]
    return [_call(_step, setting, *case) for case in (cases[:1] if setting.quick else cases)]


def _step(setting: Setting, block: str, family: str, rank: int, bf16: bool) -> Cell:
    kind = blocks.BLOCKS[block]
    dtype = torch.bfloat16 if bf16 else torch.float32
    x = torch.randn(kind.shape, device=setting.device, dtype=dtype).requires_grad_()
    calls = {}
    for name, model in blocks.adapted(kind, family, rank, setting.device, dtype).items():
        own = [p for p in model.parameters() if p.requires_grad]
        calls[name] = blocks.training_step(model, own, x)
        calls[name]()  # the first step creates the optimizer's state
    if family != "lokr" and block == "llama":
        calls["products"] = blocks.products_alone(calls["base"], kind(), rank, dtype, setting.device)
    return {"shape": block, "family": family, "rank": rank, "bf16": bf16, "train": setting.alternate(calls, 60.0)}


def launches(setting: Setting) -> Todo:
    del setting
    cases = [(*f, p) for f in (("lora", 16), ("dora", 16), ("lokr", 128), ("loha", 16)) for p in PLACEMENTS]
    return [_call(counting.launches, *case) for case in cases]


def compiled(setting: Setting) -> Todo:
    return [_call(_compiled, setting, *case) for case in ((("dora", 16),) if setting.quick else COMPILED)]


def _compiled(setting: Setting, family: str, rank: int) -> Cell:
    x = torch.randn(blocks.Llama.shape, device=setting.device).requires_grad_()
    calls, began = {}, time.perf_counter()
    for name, model in blocks.adapted(blocks.Llama, family, rank, setting.device).items():
        if name in {"base", "peer", "input"}:
            own = [p for p in model.parameters() if p.requires_grad]
            calls[name] = blocks.training_step(model, own, x)
            whole: Any = torch.compile(model)
            calls[f"{name}, compiled"] = blocks.training_step(whole, own, x)
    for call in calls.values():
        call()
    spent = time.perf_counter() - began
    return {
        "shape": "llama",
        "family": family,
        "rank": rank,
        "compiling": spent,
        "train": setting.alternate(calls, 4.0),
    }


def importing(setting: Setting) -> Todo:
    return [_call(_importing, 1 if setting.quick else 3)]


def _importing(runs: int) -> Cell:
    lines = {"torch": "import torch", "ours": "import torch, ioadapt_theory.adapters", "peer": "import torch, peft"}

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


SECTIONS: dict[str, Callable[[Setting], Todo]] = {
    "training": training,
    "bfloat16": bfloat16,
    "dropout": dropout,
    "without_gradient": without_gradient,
    "convolutions": convolutions,
    "decoding": decoding,
    "steps": steps,
    "merging": merging,
    "launches": launches,
    "compiled": compiled,
    "importing": importing,
}
ONCE = frozenset({"merging", "launches", "compiled", "importing"})
"""Sections that are not measured a second time with glibc keeping freed pages."""


def _tensors(run: object) -> Iterator[Tensor]:
    """Yield the weights of a module, or of the modules in a function's closure; they do not count as saved memory."""
    if isinstance(run, nn.Module):
        yield from itertools.chain(run.parameters(), run.buffers())
    else:
        for cell in getattr(run, "__closure__", None) or ():
            value = cell.cell_contents
            yield from _tensors(value.run if isinstance(value, peers.Contender) else value)


def _call(function: Callable[..., Cell], *args: Any, **options: Any) -> Callable[[], Cell]:
    return lambda: function(*args, **options)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", choices=SECTIONS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    todo = SECTIONS[args.section](Setting(args.quick, args.device))
    cells = [cell() for cell in tqdm(todo, desc=args.section, unit="cell", disable=None)]
    json.dump(cells, sys.stdout)


if __name__ == "__main__":
    main()
