"""From measured cells to the bars they are held against and the table of the README."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Cell = dict[str, Any]
NOISE = 1.031
"""What the ratio of two equal layers reaches in one measurement out of many."""


@dataclass(frozen=True)
class Bar:
    """One thing that is demanded, what was measured, and the cell that decides where it is the worst of many."""

    what: str
    demanded: str
    measured: float
    reached: bool
    decided_by: str = ""


def peer(cell: Cell, key: str) -> float:
    """PEFT's value for weight placement, the naive form's for the others."""
    values = cell[key]
    return values["peft"] if "peft" in values else values["naive"]


def speedup(cell: Cell) -> float:
    """Forward + backward of the peer over ours."""
    return peer(cell, "train") / cell["train"]["ours"]


def overhead(cell: Cell) -> float:
    """Forward + backward of ours over the frozen base layer's."""
    return cell["train"]["ours"] / cell["train"]["base"]


def leanness(cell: Cell) -> float:
    """Peak memory beyond the base layer's, ours over the peer's; at least 0.05, so that no zero decides a mean."""
    base = cell["peak"]["base"]
    return max((cell["peak"]["ours"] - base) / max(peer(cell, "peak") - base, 1), 0.05)


def mean(values: Iterable[float]) -> float:
    """The geometric mean; NaN of nothing."""
    values = list(values)
    return statistics.geometric_mean(values) if values else float("nan")


def label(cell: Cell) -> str:
    """The cell in words."""
    parts = [cell.get("family", "lora"), str(cell.get("rank", 4)), cell["placement"]]
    parts.append(cell.get("shape") or "->".join(str(cell[k]) for k in ("c", "d", "channels", "side") if k in cell))
    return " ".join(parts)


def bars(results: dict[str, Any]) -> list[Bar]:
    """Every bar, over the cells that were measured."""
    cells = [c for c in results["training"] if not c["shape"].startswith("FLUX")]
    wide = [c for c in cells if c["wide"]]
    found: list[Bar] = []

    def average(what: str, least: float, values: list[Cell], of: Callable[[Cell], float] = speedup) -> None:
        if values:
            value = mean(map(of, values))
            found.append(Bar(what, f">= {least}", value, value >= least))

    def every(what: str, most: float, values: list[Cell], of: Callable[[Cell], float]) -> None:
        if values:
            worst = max(values, key=of)
            found.append(Bar(what, f"<= {most}", of(worst), of(worst) <= most, label(worst)))

    def only(values: list[Cell], family: str, rank: int, placement: str = "") -> list[Cell]:
        return [c for c in values if (c["family"], c["rank"]) == (family, rank) and placement in (c["placement"], "")]

    average("all families, placements and shapes: peer / ours", 1.5, cells)
    every("slowest cell: ours / peer (noise: 0.03)", NOISE, cells, lambda c: 1 / speedup(c))
    for placement, least in (("weight", 2.0), ("output", 2.0), ("input", 1.8)):
        average(f"DoRA r=4 {placement}: peer / ours", least, only(cells, "dora", 4, placement))
    for placement in ("weight", "output", "input"):
        average(f"LoKr {placement}: peer / ours", 2.0, only(cells, "lokr", 128, placement))
    for family, rank, most, half in (("lora", 4, 1.10, 1.12), ("dora", 4, 1.13, 1.20), ("lokr", 128, 1.30, 1.25)):
        every(f"{family} {rank}, c = d >= 1280, n >= 256: ours / base", most, only(wide, family, rank), overhead)
        halves = only(results["autocast"], family, rank)
        every(f"{family} {rank}, the same in bfloat16 under autocast", half, halves, overhead)
    lora = only(results["sharing"], "lora", 4, "weight")
    every(
        "three LoRA r=4 on one X, share(): ours / base", 1.06, lora, lambda c: c["train"]["shared"] / c["train"]["base"]
    )
    kept = [c for c in cells if c["family"] in {"lora", "dora"}]
    every(
        "bytes kept for backward / allowed (x or y, n r, O(r(c + d)))",
        1.0,
        kept,
        lambda c: c["saved"]["ours"] / c["allowed"],
    )
    value = mean(map(leanness, cells))
    found.append(Bar("peak memory beyond base: ours / peer", "<= 0.4", value, value <= 0.4))
    decoding = [c for c in results["decoding"] if c["family"] != "loha"]
    every(
        "one token: ours / base, cached()", 1.35, decoding, lambda c: c["decode"]["ours, cached"] / c["decode"]["base"]
    )
    merging = [c for c in results["merging"] if c["family"] == "lora" and c["placement"] != "weight"]
    every(
        "merging, LoRA input and output: ours / naive", 0.1, merging, lambda c: c["merge"]["ours"] / c["merge"]["naive"]
    )
    beyond = "merging: memory beyond the result, in weights"
    every(beyond, 1.0, results["merging"], lambda c: c["peak"]["ours"] / c["weight"] - 1)
    sides = [c for c in results["convolutions"] if c["placement"] != "weight"]
    every("convolutions, LoRA r=4, input and output: ours / base", 1.15, sides, overhead)
    spent = results["importing"]["ours"] - results["importing"]["torch"]
    found.append(Bar("import beyond torch, CPU s", "<= 0.2", spent, spent <= 0.2))
    return found


def markdown(record: dict[str, Any]) -> str:
    """Tables: families against base and peers; one line a bar."""
    results, config = record["results"], record["config"]
    cells = [c for c in results["training"] if not c["shape"].startswith("FLUX")]
    shapes = len({c["shape"] for c in cells})
    lines = [
        f"Forward + backward, float32, one thread of {config['cpus']} ({config['cpu']}), torch {config['torch']}, PEFT"
        f" {config['peft']}, LyCORIS {config['lycoris_lora']}; geometric means over {shapes} attention shapes.",
        "Peer: PEFT for weight placement, for the others PEFT's layer on an identity (the naive form). Forward alone:"
        " peer / ours. Added: what comes on top of the base layer's time. Peak: memory on top of it, ours / peer.",
        "",
        "| family | placement | ours / base | peer / base | LyCORIS / base | added, ours / peer | peer / ours (worst)"
        " | forward | peak |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for key in dict.fromkeys((c["family"], c["rank"], c["placement"]) for c in cells):
        own = [c for c in cells if (c["family"], c["rank"], c["placement"]) == key]
        other = mean(c["train"]["lycoris"] / c["train"]["base"] for c in own if "lycoris" in c["train"])
        us, peers = mean(map(overhead, own)), mean(peer(c, "train") / c["train"]["base"] for c in own)
        row = (
            f"{key[0]} r={key[1]}", key[2], f"{us:.2f}", f"{peers:.2f}", f"{other:.2f}" if other == other else "",
            f"{(us - 1) / (peers - 1):.2f}",
            f"{mean(map(speedup, own)):.2f} ({min(map(speedup, own)):.2f})",
            f"{mean(peer(c, 'forward') / c['forward']['ours'] for c in own):.2f}", f"{mean(map(leanness, own)):.2f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(row)} |")
    lines += ["", "Three layers on one X (q, k, v), forward + backward / base:", ""]
    lines += [
        "| family | placement | apart | share() | peer | peak apart | share() | peer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key in dict.fromkeys((c["family"], c["rank"], c["placement"]) for c in results["sharing"]):
        own = [c for c in results["sharing"] if (c["family"], c["rank"], c["placement"]) == key]
        means = (
            mean((peer(c, k) if which == "peer" else c[k][which]) / c[k]["base"] for c in own)
            for k in ("train", "peak")
            for which in ("ours", "shared", "peer")
        )
        lines.append(f"| {key[0]} r={key[1]} | {key[2]} | {' | '.join(f'{m:.2f}' for m in means)} |")
    lines += ["", "| bar | demanded | measured | reached | worst cell |", "|---|---|---|---|---|"]
    for bar in results["bars"]:
        reached = "yes" if bar["reached"] else "no"
        lines.append(f"| {bar['what']} | {bar['demanded']} | {bar['measured']:.2f} | {reached} | {bar['decided_by']} |")
    return "\n".join([*lines, ""])
