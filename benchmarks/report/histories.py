"""Models of every history that a report tells apart, each made from a base that was trained here; and their pairs."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.report.networks import ARCHITECTURES, Model, fresh, state, trained
from ioadapt_theory.adapters import adapt, merge
from ioadapt_theory.checkpoints.neurons import mlps
from ioadapt_theory.report.kin.kinship import Kin
from tests.checkpoints import quantisers

BASE: Final[dict[str, Any]] = {"steps": 300, "rate": 2e-3}
Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models and what they are to each other.

    Attributes:
        source, target: names of models of ``made``.
        kin: the word that is right.
        leaves: other histories whose traces are the same in these two models.
    """

    source: str
    target: str
    kin: Kin
    leaves: tuple[Kin, ...] = ()


def pairs() -> tuple[Pair, ...]:
    """Every pair, with the histories' names."""
    tuned, merged = Kin.FINE_TUNED, Kin.MERGED
    return (
        Pair("base", "base.bf16", Kin.SAME),
        Pair("base", "base.renamed", Kin.SAME),
        Pair("base", "base.neurons", Kin.SAME),
        Pair("base", "base.turned", Kin.SAME),
        Pair("base", "full", tuned),
        Pair("full", "base", tuned),
        Pair("base", "light", tuned),
        Pair("base", "long", tuned),
        Pair("base", "few", tuned),
        Pair("base", "lora", merged),
        Pair("base", "lora.bf16", merged),
        Pair("full", "light", Kin.SIBLING, (tuned,)),  # the second has hardly left the base
        Pair("full", "other", Kin.SIBLING),
        Pair("full", "same-size student", Kin.SIBLING),
        Pair("base", "student", Kin.DISTILLED),
        Pair("base", "same-size student", Kin.DISTILLED),
        Pair("base", "fewer blocks", Kin.PRUNED),
        Pair("base", "fewer blocks, healed", Kin.PRUNED),
        Pair("base", "fewer neurons", Kin.PRUNED),
        Pair("base", "zeros", Kin.PRUNED),
        Pair("full", "average", merged),
        Pair("full", "slerp", merged),
        Pair("base", "arithmetic", merged),
        Pair("base", "stranger", Kin.STRANGER),
        Pair("full", "stranger, tuned", Kin.STRANGER),
        Pair("base", "base.fp8", Kin.QUANTISED),
        Pair("base", "base.gptq", Kin.QUANTISED),
        Pair("base", "base.nf4", Kin.QUANTISED),
        Pair("base", "full.nf4", tuned),
    )


def made(name: str, seed: int) -> dict[str, Model]:
    """Models by name: the base and what was made from it, in float32."""
    _, depth, inner = ARCHITECTURES[name]
    fit = partial(trained, name)
    base = fit(fresh(name, seed), "base", **BASE, seed=seed)
    found = {"base": base}
    found["full"] = fit(base, "a", steps=120, rate=7e-4, seed=seed + 1, decay=0.01)
    found["light"] = fit(base, "a", steps=40, rate=1e-4, seed=seed + 2)
    found["long"] = fit(base, "b", steps=240, rate=1e-3, seed=seed + 3)
    found["other"] = fit(base, "b", steps=120, rate=7e-4, seed=seed + 4)
    last = [n for n, _ in base.named_parameters()][-6].rpartition(".")[0]
    found["few"] = fit(base, "a", steps=80, rate=5e-4, seed=seed + 5, only=last.rpartition(".")[0] or last)
    if name != "resnet":  # which has one linear layer
        found["lora"] = _with_lora(name, base, seed)
    found["same-size student"] = fit(base, "b", steps=120, rate=7e-4, seed=seed + 6, teacher=found["full"])
    found["stranger"] = fit(fresh(name, seed + 100), "base", **BASE, seed=seed + 100)
    found["stranger, tuned"] = fit(found["stranger"], "a", steps=120, rate=7e-4, seed=seed + 101)
    for label, weights in _merges(*(state(found[n]) for n in ("base", "full", "other"))).items():
        found[label] = copy.deepcopy(base)
        found[label].load_state_dict(weights)
    found["zeros"] = _zeroed(base)
    small = fresh(name, seed, layers=max(2, depth // 2)) if depth > 2 else None
    if small is not None and name not in ("resnet", "unet", "convnext"):
        found["fewer blocks"] = _cut(base, small, depth)
        found["fewer blocks, healed"] = fit(found["fewer blocks"], "base", steps=15, rate=1e-4, seed=seed + 7)
        found["student"] = fit(found["fewer blocks"], "base", steps=200, rate=1.5e-3, seed=seed + 8, teacher=base)
    if _neurons(base):
        found["fewer neurons"] = _narrowed(base, fresh(name, seed, inner=inner * 3 // 4), inner * 3 // 4)
        found["base.neurons"] = _permuted(base, seed)
    if turned := _turned(base, seed):
        found["base.turned"] = turned
    return found


def _with_lora(name: str, base: Model, seed: int) -> Model:
    """A LoRA trained on the tuning data and written into the weights."""
    model = copy.deepcopy(base)
    adapt(model, target_modules="all-linear", placement="weight", rank=4)
    model = trained(name, model, "a", steps=80, rate=3e-3, seed=seed + 9, only="default")
    return merge(model, unload=True)


def _merges(base: Tensors, a: Tensors, b: Tensors) -> dict[str, Tensors]:
    """Average, spherical interpolation, and the sum of both updates at 0.7."""

    def slerp(x: Tensor, y: Tensor) -> Tensor:
        cosine = float((x * y).sum() / (x.norm() * y.norm()).clamp_min(1e-30))
        angle = torch.arccos(torch.tensor(max(-1.0, min(1.0, cosine))))
        if angle < 1e-4:
            return (x + y) / 2
        return (angle / 2).sin() / angle.sin() * (x + y)

    floats = {n for n, t in base.items() if t.is_floating_point()}
    rules: dict[str, Callable[[str], Tensor]] = {
        "average": lambda n: (a[n] + b[n]) / 2,
        "slerp": lambda n: slerp(a[n], b[n]),
        "arithmetic": lambda n: base[n] + 0.7 * (a[n] - base[n]) + 0.7 * (b[n] - base[n]),
    }
    return {label: {n: rule(n) if n in floats else t for n, t in base.items()} for label, rule in rules.items()}


def _zeroed(base: Model) -> Model:
    """Half of every matrix, the smaller half, set to zero."""
    other = copy.deepcopy(base)
    for p in other.parameters():
        if p.ndim > 1:
            p.data[p.data.abs() < p.data.abs().median()] = 0
    return other


def _cut(base: Model, small: Model, depth: int) -> Model:
    """Every other block of the base, the first and the last among them, renumbered."""
    kept = torch.linspace(0, depth - 1, max(2, depth // 2)).round().int().tolist()
    whole = state(base)
    numbered = re.compile(r"(.*\.(?:layers?|h)\.)(\d+)(\..*)")

    def origin(n: str) -> str:
        found = numbered.fullmatch(n)
        return f"{found[1]}{kept[int(found[2])]}{found[3]}" if found else n

    small.load_state_dict({n: whole[origin(n)] for n in state(small)})
    return small.eval()


def _neurons(model: Model) -> list[tuple[list[str], list[str]]]:
    names = [n for n, m in model.named_modules() if getattr(m, "weight", None) is not None]
    return [(reads, writes) for reads, writes in mlps(names) if writes]


def _stored_as_w(module: Any) -> bool:
    return type(module).__name__ == "Conv1D"


def _take(model: Model, like: Model, order: Callable[[int, int], Tensor]) -> Model:
    """Neurons of every MLP in an order, or fewer of them."""
    weights, like = state(model), copy.deepcopy(like)
    modules = dict(model.named_modules())
    for k, (reads, writes) in enumerate(_neurons(model)):
        count = modules[reads[0]].weight.shape[1 if _stored_as_w(modules[reads[0]]) else 0]
        kept = order(count, k)
        for layers, axis in ((reads, 0), (writes, 1)):
            for layer in layers:
                at = 1 - axis if _stored_as_w(modules[layer]) else axis
                weights[f"{layer}.weight"] = weights[f"{layer}.weight"].index_select(at, kept)
                if axis == 0 and f"{layer}.bias" in weights:
                    weights[f"{layer}.bias"] = weights[f"{layer}.bias"][kept]
    like.load_state_dict(weights)
    return like.eval()


def _permuted(base: Model, seed: int) -> Model:
    drawn = torch.Generator().manual_seed(seed)
    return _take(base, base, lambda count, _: torch.randperm(count, generator=drawn))


def _narrowed(base: Model, small: Model, inner: int) -> Model:
    drawn = torch.Generator().manual_seed(7)
    return _take(base, small, lambda count, _: torch.randperm(count, generator=drawn)[:inner].sort().values)


def _turned(base: Model, seed: int) -> Model | None:
    """Values and what reads them, in another basis of every head, as far as they are layers of their own."""
    other = copy.deepcopy(base)
    names = [n.removesuffix(".weight") for n, _ in other.named_parameters()]
    found = [(n, re.sub(r"(self_attn\.)?(attention\.)?(v_proj|value)$", "", n)) for n in names]
    drawn, turned = torch.Generator().manual_seed(seed), 0
    modules = dict(other.named_modules())
    for value, stem in found:
        if value == stem:
            continue
        ends = ("self_attn.o_proj", "output.dense", "attention.output.dense", "attention.o_proj", "o_proj")
        parent = value.rpartition(".")[0].rpartition(".")[0]
        writes = next((w for w in (f"{p}.{e}" for p in (stem.rstrip("."), parent) for e in ends) if w in modules), None)
        if writes is None or modules[writes].weight.shape[1] % modules[value].weight.shape[0]:
            continue
        v, o = modules[value], modules[writes]
        width = base.config.hidden_size // base.config.num_attention_heads
        groups = o.weight.shape[1] // v.weight.shape[0]
        if o.weight.shape[1] != base.config.hidden_size:
            continue
        for head in range(v.weight.shape[0] // width):
            q = torch.linalg.qr(torch.randn(width, width, generator=drawn, dtype=torch.float64)).Q.float()
            rows = slice(head * width, (head + 1) * width)
            v.weight.data[rows] = q @ v.weight.data[rows]
            if v.bias is not None:
                v.bias.data[rows] = q @ v.bias.data[rows]
            for k in range(groups):
                columns = slice((head * groups + k) * width, (head * groups + k + 1) * width)
                o.weight.data[:, columns] = o.weight.data[:, columns] @ q.T
        turned += 1
    return other if turned else None


def stored(label: str, model: Model) -> Mapping[str, Tensors]:
    """Other files of a model: name of the history -> tensors."""
    weights = {n: t.contiguous() for n, t in state(model).items()}
    seen: dict[int, str] = {}
    whole = {n: t for n, t in weights.items() if seen.setdefault(t.data_ptr(), n) == n}
    if label == "base":
        found = {
            "base.bf16": {n: t.bfloat16() if t.is_floating_point() else t for n, t in whole.items()},
            "base.renamed": {f"module.{n}": t for n, t in whole.items()},
        }
        ways = {"fp8": partial(quantisers.fp8_blocks, block=32)}
    else:
        halved = {n: t.bfloat16() if t.is_floating_point() else t for n, t in whole.items()}
        found = {"lora.bf16": halved} if label == "lora" else {}
        ways = {"fp8": partial(quantisers.fp8_blocks, block=32)} if label == "full" else {}
    for way, quantise in ways.items():
        if coded := _quantised(model, whole, quantise):
            found[f"{label}.{way}"] = coded
    return found


def _quantised(model: Model, whole: Tensors, quantise: Any) -> Tensors:
    """Linear layers as codes, where the sizes let them; the rest in bf16."""
    out: Tensors = {}
    linear = {n for n, m in model.named_modules() if type(m).__name__ == "Linear"}
    for n, t in whole.items():
        layer = n.removesuffix(".weight")
        if layer in linear and n.endswith(".weight") and not any(k % 32 for k in t.shape):
            out |= quantise(layer, t.float())
        else:
            out[n] = t.bfloat16() if t.is_floating_point() else t
    return out if len(out) > len(whole) else {}


def write(folder: Path, name: str, seed: int) -> None:
    """Every model of an architecture, each in a folder of its own as transformers and diffusers save them."""
    if (folder / "done").exists():
        return
    for label, model in made(name, seed).items():
        place = folder / label
        model.save_pretrained(place)
        file = next(place.glob("*.safetensors")).name
        for other, tensors in stored(label, model).items():
            (folder / other).mkdir(exist_ok=True)
            save_file({n: t.contiguous() for n, t in tensors.items()}, folder / other / file)
            config = json.loads((place / "config.json").read_text(encoding="utf-8"))
            (folder / other / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "done").touch()
