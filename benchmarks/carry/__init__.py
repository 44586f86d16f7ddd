"""The share of an adapter's gain that ``transfer`` and other methods retain on another model, for small networks."""

import statistics
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from benchmarks.carry.models import Move, loss, pictures, require_digits, texts
from benchmarks.carry.peers import RULES, by_activations, by_rule, carried, distilled
from ioadapt_theory import results
from ioadapt_theory.adapters import disable
from toys.transfer.cache import figures

STEPS = 50
FAMILIES = ("mlp", "cnn", "bytes")
REVISION = 4
"""Version of the measurements; a new version invalidates the cached results."""
BARS = {
    "gauge": (0.97, 0.97), "fine-tuned": (0.85, 0.85), "distilled": (0.7, 0.8), "apart": (0.65, 0.7),
    "width": (0.6, 0.7), "depth": (0.4, 0.5), "activation": (0.5, 0.6), "data": (0.5, 0.6),
}  # fmt: skip
"""Lower limits for the median share of the gain (loss reduction) that is kept, by default and after STEPS steps."""
TEXT_BARS = {"apart": (0.35, 0.55), "width": (0.35, 0.55), "depth": (0.35, 0.55)}

NAMES = {
    "gauge": "same function", "apart": "independent", "chosen": "default", "refined": f"{STEPS} steps",
    "from zero": f"{STEPS} from zero",
}  # fmt: skip
"""Names in the table of relations and methods whose names in the record are different."""


def main(*, quick: bool = False, seeds: int = 3, cache: Path = Path("out/bench/cache")) -> dict[str, Any]:
    """Train the networks, move adapters with every method, and measure the gain on labelled data.

    Args:
        quick: move only one adapter, to four targets.
        seeds: number of seeds per family.
        cache: folder for the results of each family and seed, from which an interrupted run resumes.

    Returns:
        The benchmark record, with one entry per adapter and target.
    """
    require_digits()
    rows = []
    for seed in range(1 if quick else seeds):
        for family in ("mlp",) if quick else FAMILIES:
            key = {"benchmark": "carry", "revision": REVISION, "family": family, "seed": seed, "quick": quick}
            part = partial(_moves, family, seed, count=4 if quick else None)
            rows += figures(cache, key, part)["moves"]
    config = {"seeds": seeds, "steps": STEPS, "quick": quick}
    return results.record("carry", config=config, results={"moves": rows})


def _moves(family: str, seed: int, count: int | None) -> dict[str, Any]:
    moves = texts(seed) if family == "bytes" else pictures(family, seed)
    return {"moves": [measured(move) for move in moves[:count]]}


def measured(move: Move) -> dict[str, Any]:
    """Return the share of the gain (loss reduction on test rows) that each method keeps, with times and predictions."""
    with disable(move.source):
        before = loss(move.source, move.test)
    gain, plain = before - loss(move.source, move.test), loss(move.target, move.test)
    row: dict[str, Any] = {k: getattr(move, k) for k in ("family", "relation", "adapted", "placement", "seed")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, steps in (("closed form", 0), ("chosen", None), ("refined", STEPS)):
            started = time.process_time()
            target, outcome = carried(move, steps)
            row[f"{name}_seconds"] = time.process_time() - started
            row[name], row[f"{name}_predicted"] = (plain - loss(target, move.test)) / gain, outcome.kept  # type: ignore[attr-defined]
            if name == "refined":
                row["from zero"] = (plain - loss(distilled(move, STEPS), move.test)) / gain
        for name, rule in RULES.items():
            made = by_rule(move, rule)
            row[name] = None if made is None else (plain - loss(made, move.test)) / gain
        made = by_activations(move)
        row["activations"] = None if made is None else (plain - loss(made, move.test)) / gain
    return row


def table(record: dict[str, Any]) -> str:
    moves = record["results"]["moves"]
    heads: tuple[str, ...] = ("family", "relation", "pairs", "closed form", "default", "limit", "50 steps", "limit")
    heads += ("50 from zero", "lowest", "copy", "prediction error", "CPU s")
    lines: list[tuple[str, ...]] = [heads]
    for family, relation in dict.fromkeys((m["family"], m["relation"]) for m in moves):
        own = [m for m in moves if (m["family"], m["relation"]) == (family, relation)]
        bars = (TEXT_BARS if family == "bytes" else {}).get(relation, BARS[relation])
        errors = [abs(m["chosen_predicted"] - m["chosen"]) for m in own]
        cells: tuple[str, ...] = (_median(own, "closed form"), _median(own, "chosen"), f"{bars[0]:.2f}")
        cells += (_median(own, "refined"), f"{bars[1]:.2f}")
        cells += (_median(own, "from zero"), f"{min(m['chosen'] for m in own):.2f}", _median(own, "copy"))
        cells += (f"{statistics.median(errors):.2f}", _median(own, "chosen_seconds"))
        lines.append((family, NAMES.get(relation, relation), str(len(own)), *cells))
    shares, predicted = ([m[k] for m in moves] for k in ("chosen", "chosen_predicted"))
    errors = [abs(a - b) for a, b in zip(shares, predicted, strict=True)]
    text = [
        _aligned(lines),
        f"harm: {sum(s < -0.1 for s in shares)} of {len(shares)} below -0.1 (limit: 2 %), lowest {min(shares):.2f}",
        f"prediction: median error {statistics.median(errors):.3f},"
        f" Spearman correlation {spearmanr(shares, predicted).statistic:.2f}",
        f"{STEPS} steps from the closed form keep {_lead(moves):.2f} more of the gain than {STEPS} steps from zero"
        f" (median; predicted: {_lead(moves, '_predicted'):.2f})",
        "",
        _aligned(_peers(moves)),
    ]
    return "\n".join(text) + "\n"


def _lead(moves: list[dict[str, Any]], kind: str = "") -> float:
    both = [(m[f"refined{kind}"], m.get(f"from zero{kind}")) for m in moves]
    return statistics.median(one - zero for one, zero in both if zero is not None)


def _peers(moves: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    own = [m for m in moves if m["copy"] is not None]
    relations = list(dict.fromkeys(m["relation"] for m in own))
    lines = [("LoRA, same sizes", *(NAMES.get(r, r) for r in relations), "harm")]
    for name in (*RULES, "activations", "from zero", "closed form", "chosen", "refined"):
        cells = [_median([m for m in own if m["relation"] == relation], name) for relation in relations]
        values = [m[name] for m in own if m[name] is not None]
        lines.append((NAMES.get(name, name), *cells, f"{sum(v < -0.1 for v in values)} of {len(values)}"))
    return lines


def _median(moves: list[dict[str, Any]], key: str) -> str:
    values = [m[key] for m in moves if m.get(key) is not None]
    return f"{statistics.median(values):.2f}" if values else "-"


def _aligned(lines: list[tuple[str, ...]]) -> str:
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
