"""Models derived from a small trained base, models that are unrelated to it, and the correct relation of each pair."""

import copy
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor

from benchmarks.report.networks import ARCHITECTURES, Model, fresh, state, trained
from ioadapt_theory.adapters import adapt, merge
from ioadapt_theory.reporting.kin.kinship import Relation
from ioadapt_theory.reporting.kin.orders import mlps

BASE: Final[dict[str, Any]] = {"steps": 300, "rate": 2e-3}
PAIRS: Final = (
    ("base", "base in bfloat16", Relation.SAME),
    ("base", "neurons in another order", Relation.SAME),
    ("base", "float8", Relation.RELATED),
    ("base", "int8", Relation.RELATED),
    ("base", "zeros", Relation.RELATED),
    ("base", "fewer blocks", Relation.RELATED),
    ("base", "fewer neurons", Relation.RELATED),
    ("base", "full", Relation.RELATED),
    ("base", "light", Relation.RELATED),
    ("base", "long", Relation.RELATED),
    ("base", "few", Relation.RELATED),
    ("base", "lora", Relation.RELATED),
    ("full", "other", Relation.RELATED),
    ("full", "average", Relation.RELATED),
    ("base", "student", Relation.RELATED),
    ("base", "fewer blocks, healed", Relation.RELATED),
    ("full", "full in int8, tuned", Relation.RELATED),
    ("base", "stranger", Relation.UNRELATED),
    ("full", "stranger, tuned", Relation.UNRELATED),
    ("base", "narrower stranger", Relation.DIFFERENT),
)
"""Source, target and their correct relation; each pair is tested in both directions."""


def made(name: str, seed: int) -> dict[str, Model]:
    """Return a base of architecture ``name``, models derived from it, and unrelated ones, by their names in PAIRS."""
    _, depth, inner = ARCHITECTURES[name]
    fit = partial(trained, name)
    base = fit(fresh(name, seed), "base", **BASE, seed=seed)
    models = {"base": base, "base in bfloat16": copy.deepcopy(base).bfloat16()}
    models["full"] = fit(base, "a", steps=120, rate=7e-4, seed=seed + 1, decay=0.01)
    models["light"] = fit(base, "a", steps=40, rate=1e-4, seed=seed + 2)
    models["long"] = fit(base, "b", steps=240, rate=1e-3, seed=seed + 3)
    models["other"] = fit(base, "b", steps=120, rate=7e-4, seed=seed + 4)
    last = [n for n, _ in base.named_parameters()][-6].rpartition(".")[0]
    models["few"] = fit(base, "a", steps=80, rate=5e-4, seed=seed + 5, only=last.rpartition(".")[0] or last)
    lora = adapt(copy.deepcopy(base), target_modules="all-linear", placement="weight", rank=4)
    models["lora"] = merge(trained(name, lora, "a", steps=80, rate=3e-3, seed=seed + 9, only="default"), unload=True)
    models["student"] = fit(base, "b", steps=120, rate=7e-4, seed=seed + 6, teacher=models["full"])
    models["stranger"] = fit(fresh(name, seed + 100), "base", **BASE, seed=seed + 100)
    models["stranger, tuned"] = fit(models["stranger"], "a", steps=120, rate=7e-4, seed=seed + 101)
    models["narrower stranger"] = fresh(name, seed + 102, inner=inner * 3 // 4)
    other = state(models["other"])
    models["average"] = _changed(models["full"], lambda n, w: (w + other[n]) / 2)
    models["zeros"] = _changed(base, lambda _, w: w * (w.abs() >= w.abs().median()) if w.ndim > 1 else w)
    models["int8"] = _changed(base, _int8)
    models["float8"] = _changed(base, _float8)
    models["full in int8, tuned"] = fit(_changed(models["full"], _int8), "b", steps=40, rate=3e-4, seed=seed + 10)
    if name != "convnext":
        small = fresh(name, seed, layers=depth // 2)
        models["fewer blocks"] = _cut(base, small, depth)
        models["fewer blocks, healed"] = fit(models["fewer blocks"], "base", steps=15, rate=1e-4, seed=seed + 7)
        drawn = torch.Generator().manual_seed(seed)
        few = fresh(name, seed, inner=inner * 3 // 4)
        models["fewer neurons"] = _neurons(base, few, lambda n: torch.randperm(n, generator=drawn)[: n * 3 // 4])
        models["neurons in another order"] = _neurons(base, base, lambda n: torch.randperm(n, generator=drawn))
    return models


def _changed(model: Model, change: Callable[[str, Tensor], Tensor]) -> Model:
    other = copy.deepcopy(model)
    other.load_state_dict({n: change(n, w) if w.is_floating_point() else w for n, w in state(model).items()})
    return other


def _int8(_: str, w: Tensor) -> Tensor:
    if w.ndim < 2:
        return w
    step = w.flatten(1).abs().amax(1).clamp_min(1e-12).view(-1, *[1] * (w.ndim - 1)) / 127
    return (w / step).round() * step


def _float8(_: str, w: Tensor) -> Tensor:
    return w if w.ndim < 2 else (w / w.abs().max() * 400).to(torch.float8_e4m3fn).float() * w.abs().max() / 400


def _cut(base: Model, small: Model, depth: int) -> Model:
    """Copy evenly spaced blocks of the base, including the first and the last, to ``small``, and return it."""
    kept = torch.linspace(0, depth - 1, depth // 2).round().int().tolist()
    whole = state(base)

    def origin(n: str) -> str:
        return re.sub(r"(\.(?:layers?|h)\.)(\d+)\.", lambda m: f"{m[1]}{kept[int(m[2])]}.", n)

    small.load_state_dict({n: whole[origin(n)] for n in state(small)})
    return small.eval()


def _neurons(model: Model, like: Model, order: Callable[[int], Tensor]) -> Model:
    """Return a copy of ``like`` with the weights of ``model``, and in every MLP the neurons that ``order`` selects."""
    weights, modules, like = state(model), dict(model.named_modules()), copy.deepcopy(like)
    for reads, writes in mlps([n for n, m in modules.items() if getattr(m, "weight", None) is not None]):
        if not writes:
            continue
        first = int(type(modules[reads[0]]).__name__ != "Conv1D")  # Conv1D stores the inputs first
        kept = order(modules[reads[0]].weight.shape[1 - first])
        for layers, axis in ((reads, 1 - first), (writes, first)):
            for layer in layers:
                weights[f"{layer}.weight"] = weights[f"{layer}.weight"].index_select(axis, kept)
                if layers is reads and f"{layer}.bias" in weights:
                    weights[f"{layer}.bias"] = weights[f"{layer}.bias"][kept]
    like.load_state_dict(weights)
    return like.eval()
