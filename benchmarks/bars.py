"""The targets of the layer benchmark, and the tables of its record."""

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Cell = dict[str, Any]
WHY = {
    "step of": "the table of steps shows the cost of LoRA's products alone, without autograd, norms or passes over"
    " X: thin products run at a fraction of the speed of square ones. DoRA on the weight also computes W + AB for its"
    " norms; LoKr has two products as long as X.",
    "in bfloat16": "adapters are in float32, so X, Y and their gradients are converted; a processor with bfloat16"
    " units makes the frozen step several times faster, but not these conversions.",
    "LoRA on the input": "the gradient of B needs that of X(I + AB), a product as large as XW.",
    "one token": "DoRA on the weight computes W + AB for its norms in every call; merge it before generating.",
    "slowest cell": "the worst of many cells, under load; if our layer and PEFT's compute the same products,"
    " either may be slower.",
    "DoRA on the weight, 77": "most of the added time is for W + AB in the norms; its share decreases with more rows.",
    "added time": "PEFT is slowed down less if pages are kept; LoHa spends most of its time on products that PEFT also"
    " computes.",
}
"""Reasons why targets are missed; each key is a part of the names of the targets that the reason explains."""
NOISE = 1.031
"""Largest ratio of the times of two identical layers that was observed in many measurements."""


@dataclass(frozen=True)
class Bar:
    """A target, the measured value and, if the worst cell decides, the name of this cell.

    Attributes:
        what: what is measured.
        demanded: the limit as text, such as "<= 0.7".
        measured: value with freed pages returned to the system, which is the default.
        reached: whether the target is reached, with pages returned and with pages kept.
        kept: value with freed pages kept; None if it was not measured.
        decided_by: name of the worst cell; empty if a mean over cells is compared.
    """

    what: str
    demanded: str
    measured: float
    reached: bool
    kept: float | None = None
    decided_by: str = ""


def at_most(what: str, most: float, measured: float, kept: float | None = None, decided_by: str = "") -> Bar:
    reached = max(measured, measured if kept is None else kept) <= most
    return Bar(what, f"<= {most:g}", measured, reached, kept, decided_by)


def over_base(cell: Cell, name: str = "ours", key: str = "train") -> float:
    return cell[key][name] / cell[key]["base"]


def added(cells: list[Cell]) -> float:
    """Return the time that our adapters add to the frozen layer's, on average, divided by what PEFT's add."""
    ours, peer = mean(map(over_base, cells)), mean(over_base(c, "peer") for c in cells)
    return (ours - 1) / max(peer - 1, 1e-9)


def leanness(cell: Cell) -> float:
    """Return our peak memory beyond the base layer's, divided by PEFT's; at least 0.05, to avoid zeros."""
    base = cell["peak"]["base"]
    return max((cell["peak"]["ours"] - base) / max(cell["peak"]["peer"] - base, 1), 0.05)


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return statistics.geometric_mean(values) if values else float("nan")


def label(cell: Cell) -> str:
    parts = (cell.get("family"), cell.get("rank"), cell.get("placement"), cell.get("shape"))
    return " ".join(str(part) for part in parts if part is not None)


def bars(results: Mapping[str, Any]) -> list[Bar]:
    found: list[Bar] = []

    def of(section: str, wanted: Mapping[str, object], pages: str = "returned") -> list[Cell]:
        cells = results.get(pages, {}).get(section, [])
        return [c for c in cells if all(c.get(key) == value for key, value in wanted.items())]

    def average(what: str, most: float, value: Callable[[list[Cell]], float], section: str, **wanted: object) -> None:
        cells, kept = of(section, wanted), of(section, wanted, "kept")
        if cells:
            found.append(at_most(what, most, value(cells), value(kept) if kept else None))

    def worst(what: str, most: float, value: Callable[[Cell], float], section: str, **wanted: object) -> None:
        cells, kept = of(section, wanted), of(section, wanted, "kept")
        cells, kept = (
            [c for c in some if (section, c.get("family")) != ("decoding", "loha")] for some in (cells, kept)
        )
        if cells:
            decisive = max(cells, key=value)
            found.append(at_most(what, most, value(decisive), max(map(value, kept)) if kept else None, label(decisive)))

    for family, most in (("lora", 0.70), ("dora", 0.30), ("lokr", 0.15), ("loha", 0.70)):
        average(f"{family}: added time, ours / peer", most, added, "training", family=family)
    behind = lambda c: c["train"]["ours"] / c["train"]["peer"] if "peer" in c["train"] else 0.0  # noqa: E731
    for section in ("training", "dropout", "without_gradient", "convolutions", "decoding"):
        worst(f"{section.replace('_', ' ')}: slowest cell, ours / peer", NOISE, behind, section)
    for family, bf16, limits in (
        ("dora", False, (1.05, 1.07, 1.03)), ("lokr", False, (1.08, 1.08, 1.08)), ("dora", True, (1.10, 1.10, 1.10)),
    ):  # fmt: skip
        for placement, most in zip(("weight", "input", "output"), limits, strict=True):
            what = f"step of a Llama block, {family}{' in bfloat16' if bf16 else ''}, {placement}: ours / frozen"
            step = lambda c, placement=placement: over_base(c, placement)  # noqa: E731
            worst(what, most, step, "steps", shape="llama", family=family, bf16=bf16)
    cross = {"shape": "SD-XL cross", "family": "dora", "rank": 4, "placement": "weight"}
    worst("DoRA on the weight, 77 x 2048 -> 1280: ours / base", 1.25, over_base, "training", **cross)
    wide = {"shape": "Llama-3.2-1B q, o", "family": "dora", "placement": "weight"}
    worst("DoRA on the weight, bfloat16, 512 x 2048: ours / base", 1.20, over_base, "bfloat16", **wide)
    few = {"family": "lora", "rank": 4, "placement": "input"}
    worst("LoRA on the input, X without gradient: ours / base", 1.6, over_base, "without_gradient", **few)
    cast = lambda c: float(c["cast"]["ours"])  # noqa: E731
    made = lambda c: c["launches"]["ours"]["kernels"] / c["launches"]["peer"]["kernels"]  # noqa: E731
    for family, most in (("lora", 12), ("dora", 16), ("lokr", 16)):
        worst(f"{family} cast to bfloat16: kernels, forward and backward", most, cast, "launches", family=family)
        worst(f"{family} as initialised: kernels, ours / peer", 1.0, made, "launches", family=family)
    average("peak memory beyond base, ours / peer", 0.36, lambda cells: mean(map(leanness, cells)), "training")
    output = {"family": "lora", "placement": "output"}
    average("the same, LoRA on the output", 1.0, lambda cells: mean(map(leanness, cells)), "training", **output)
    for_good = [c for c in of("merging", {}) if "layers" in c]
    if for_good:
        found.append(at_most("merging a model permanently: memory beyond it, in layers", 1.0, for_good[0]["layers"]))
    average("one token, all but LoHa: ours / base", 1.30, _no_loha, "decoding")
    for placement in ("input", "output"):
        worst(f"convolutions, LoRA r=4, {placement}: ours / base", 1.15, over_base, "convolutions", placement=placement)
    worst("convolutions, LoKr, weight: ours / base", 2.6, over_base, "convolutions", family="lokr")
    if spent := of("importing", {}):
        found.append(at_most("import beyond torch, CPU s", 0.2, spent[0]["ours"] - spent[0]["torch"]))
    return found


def _no_loha(cells: list[Cell]) -> float:
    return mean(over_base(c) for c in cells if c["family"] != "loha")


def markdown(record: Mapping[str, Any]) -> str:
    results, config = record["results"], record["config"]
    bars, *tables = (_lines(t(results)) for t in (_bars, _families, _steps, _kernels, _compiled))
    return "\n\n".join(filter(None, [_about(config, results.get("load", 0)), bars, _why(results), *tables])) + "\n"


def _why(results: Mapping[str, Any]) -> str:
    missed = [bar["what"] for bar in results["bars"] if not bar["reached"]]
    found = [f"- {part}: {why}" for part, why in WHY.items() if any(part in what for what in missed)]
    return "\n".join(["Missed targets:", "", *found]) if found else ""


def _about(config: Mapping[str, Any], load: float) -> str:
    versions = f"torch {config['torch']}, PEFT {config['peft']}"
    where = f"One thread of {config['cpus']} ({config['where']}), {versions}, float32"
    return (
        f"{where}\nby default. Peer: PEFT for weight placement; PEFT on an identity layer otherwise. Freed pages are\n"
        "returned to the system, the default of glibc, or kept, which helps code with large temporaries. Load average\n"
        f"at the end: {load:g}; above the number of processors, small operations appear slower than they are."
    )


def _lines(table: tuple[str, list[str], list[list[str]]]) -> str:
    title, head, rows = table
    if not rows:
        return ""
    lines = [title, "", *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))]
    return "\n".join(lines if title else lines[2:])


def _bars(results: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    rows = []
    for bar in (Bar(**found) for found in results["bars"]):
        kept = "" if bar.kept is None else f"{bar.kept:.2f}"
        reached = "yes" if bar.reached else "no"
        rows.append([bar.what, bar.demanded, f"{bar.measured:.2f}", kept, reached, bar.decided_by])
    return "", ["target", "limit", "measured", "pages kept", "reached", "worst cell"], rows


def _families(results: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    pages = [results[name].get("training", []) for name in ("returned", "kept")]
    rows = []
    for key in dict.fromkeys((c["family"], c["rank"], c["placement"]) for c in pages[0]):
        own = [[c for c in cells if (c["family"], c["rank"], c["placement"]) == key] for cells in pages]
        figures = [mean(over_base(c, name) for c in cells) for cells in own for name in ("ours", "peer")]
        figures.append(mean(map(leanness, own[0])))
        rows.append([f"{key[0]} r={key[1]}", key[2], *("" if f != f else f"{f:.2f}" for f in figures)])
    title = f"Forward and backward, geometric means over {len({c['shape'] for c in pages[0]})} attention shapes:"
    head = ["family", "placement", "ours / base", "peer / base", "pages kept: ours", "peer", "peak, ours / peer"]
    return title, head, rows


def _steps(results: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    rows = []
    names = ("peer", "weight", "input", "output", "products")
    kept = {(c["shape"], c["family"], c["bf16"]): c for c in results["kept"].get("steps", [])}
    for c in results["returned"].get("steps", []):
        other = kept.get((c["shape"], c["family"], c["bf16"]))
        figures = [
            f"{over_base(c, n):.2f}" + (f" ({over_base(other, n):.2f})" if other else "")
            for n in names
            if n in c["train"]
        ]
        figures += [""] * (len(names) - len(figures))
        rows.append([c["shape"], f"{c['family']} r={c['rank']}{' bfloat16' if c['bf16'] else ''}", *figures])
    title = (
        "Time of a training step with AdamW, divided by the frozen block's (in parentheses: pages kept). Last column:"
        " the frozen block's step and the products with A and B."
    )
    return title, ["block", "family", "PEFT", "weight", "input", "output", "products alone"], rows


def _kernels(results: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    rows = []
    for c in (c for c in results["returned"].get("launches", []) if "launches" in c):
        found = [c["launches"][name] for name in ("ours", "peer")]
        figures = [text for f in found for text in (str(f["kernels"]), f"{f['bytes'] / 2**20:.0f}")]
        figures += [str(c["cast"][name]) for name in ("ours", "peer")]
        rows.append([f"{c['family']} r={c['rank']}", c["placement"], *figures])
    title = (
        "Kernels and MB of a forward and a backward pass through a bfloat16 layer 2048 -> 2048 with float32 adapters,"
        " 512 rows (counted, not run; the frozen layer: 2, 24). Last columns: kernels with bfloat16 adapters."
    )
    return title, ["family", "placement", "ours", "MB", "peer", "MB", "ours, cast", "peer, cast"], rows


def _compiled(results: Mapping[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    cells = results["returned"].get("compiled", [])
    names = [name for name in (cells[0]["train"] if cells else ()) if name != "base"]
    rows = [
        [f"{c['family']} r={c['rank']}", *(f"{over_base(c, n):.2f}" for n in names), f"{c['compiling']:.0f}"]
        for c in cells
    ]
    title = "Time of a step of the Llama block, eager or compiled, divided by that of the eager frozen block:"
    return title, ["family", *names, "compiling, s"], rows
