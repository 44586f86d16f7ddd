"""Tables of the record of the carry benchmark: shares kept, harm, predictions, and the intervals' coverage."""

import statistics
from collections.abc import Iterable, Mapping
from typing import Any, Final

from scipy.stats import spearmanr

from benchmarks.carry.fit import coverage

Moves = list[dict[str, Any]]
NAMES: Final = {"gauge": "same function", "apart": "independent", "data": "fewer data"}
HARD: Final = ("distilled", "apart", "width", "depth", "activation")
OURS: Final = ("closed form", "default", "50 steps")
HARM: Final = -0.1
"""Share below which an adapter does harm."""


def table(record: Mapping[str, Any]) -> str:
    """Return all tables as text."""
    moves, config = record["results"]["moves"], record["config"]
    parts = [f"{title}\n\n{_aligned(lines)}" for title, lines in tables(moves).items()]
    families, digest = ", ".join(config["families"]), config["code"]["digest"]
    made = f"Families: {families}; seeds: {config['seeds']}; digest of the code: {digest}."
    return "\n\n".join([*parts, _sentences(moves), made]) + "\n"


def tables(moves: Moves) -> dict[str, list[tuple[str, ...]]]:
    """Return title -> lines, the first of which has the heads of the columns."""
    weight = [m for m in moves if m["placement"] == "weight"]
    inputs = [m for m in moves if m["placement"] == "input"]
    return {
        "LoRA: median share of the gain kept, by relation": _methods(weight),
        "Input adapters: median share of the gain kept, by relation": _methods(inputs),
        "Median share kept on distilled, independent, wider, deeper and other activations, by family": _families(moves),
        "Share of transfers whose measured share is inside the 80 % interval": _coverage(moves),
    }


def markdown(moves: Moves) -> str:
    """Return the tables of docs/carry.md: all but that by family, and a few methods for input adapters."""
    lora, inputs, _, covered = tables(moves).items()
    few = [line for line in inputs[1] if line[0] in {"method", "copy", "BiCo", *OURS, "plain, from zero"}]
    parts = []
    for title, (head, *lines) in (lora, (inputs[0], few), covered):
        rows = [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines)]
        parts.append("\n".join([f"{title}:", "", *rows]))
    return "\n\n".join([*parts, _sentences(moves)])


def _methods(moves: Moves) -> list[tuple[str, ...]]:
    relations = list(dict.fromkeys(m["relation"] for m in moves))
    lines = [("method", *(NAMES.get(r, r) for r in relations), "harm", "CPU s")]
    for name in (n for n in moves[0]["kept"] if "inputs" not in n):
        kept = [m["kept"].get(name) for m in moves]
        if all(k is None for k in kept):
            continue
        cells = [_median(m["kept"].get(name) for m in moves if m["relation"] == r) for r in relations]
        harm, found = sum(k is not None and k < HARM for k in kept), sum(k is not None for k in kept)
        lines.append((name, *cells, f"{harm} of {found}", _median(m["seconds"].get(name) for m in moves)))
    return lines


def _families(moves: Moves) -> list[tuple[str, ...]]:
    names = [n for n in moves[0]["kept"] if "inputs" not in n and any(m["kept"].get(n) is not None for m in moves)]
    families = list(dict.fromkeys(m["family"] for m in moves))
    lines = [("method", *families)]
    for name in names:
        hard = [m for m in moves if m["relation"] in HARD]
        lines.append((name, *(_median(m["kept"].get(name) for m in hard if m["family"] == f) for f in families)))
    return lines


def _coverage(moves: Moves) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = [("need", "inputs", "predictions", "inside", "family left out", "median width")]
    for (need, inputs), found in coverage(moves).items():
        lines.append(
            (need, str(inputs), str(found.count), *(f"{v:.2f}" for v in (found.inside, found.out, found.width)))
        )
    return lines


def _sentences(moves: Moves) -> str:
    default = [(m["kept"]["default"], p["share"]) for m in moves for p in m["predicted"] if p["of"] == "default"]
    copies = [(p["kept"], p["share"]) for m in moves for p in m["predicted"] if p["of"] == "copy" and p["inputs"] > 64]
    hard = [m for m in moves if m["relation"] in HARD]
    which = f"the {len(hard)} hard ones ({', '.join(HARD)})"
    lines = [f"{len(moves)} transfers. Medians over {which}: {_list(hard)}."]
    lines.append(f"Lowest share of the default: {min(k for k, _ in default):.2f}.")
    for name, pairs in (("default", default), ("copy", copies)):
        error = statistics.median(abs(k - p) for k, p in pairs)
        rank = spearmanr([k for k, _ in pairs], [p for _, p in pairs]).statistic
        lines.append(f"Predictions of the {name}: median error {error:.3f}, rank correlation {rank:.2f}.")
    for rival in ("plain, from zero", "plain, from the copy"):
        both = [(m["kept"]["default"], m["kept"][rival]) for m in hard if m["kept"].get(rival) is not None]
        ahead = statistics.median(a - b for a, b in both)
        worse = sum(a < b - 0.02 for a, b in both)
        lines.append(f"Default minus {rival}: median {ahead:z.2f}; lower by more than 0.02 in {worse} of {len(both)}.")
    return "\n".join(lines)


def _list(moves: Moves) -> str:
    names = [*OURS, "plain, from zero", "Theseus", "BiCo", "copy"]
    return ", ".join(f"{name} {_median(m['kept'].get(name) for m in moves)}" for name in names)


def _median(values: Iterable[float | None]) -> str:
    found = [v for v in values if v is not None]
    return f"{statistics.median(found):z.2f}" if found else "-"


def _aligned(lines: list[tuple[str, ...]]) -> str:
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    rows = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(row.rstrip() for row in rows)
