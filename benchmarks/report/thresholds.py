"""What `thresholds.toml` counts, from rows of ``moves``: limits fitted on some members, advice counted on the others.

    python -m benchmarks.report.moves --out moves.jsonl
    python -m benchmarks.report.thresholds moves.jsonl

prints for every advice in how many moves of the other members it was right, and how well the effect on a batch tells
related moves apart, with the limit that either half would set. A move whose layers have several words is "undecided".
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from ioadapt_theory.adapters.rules.verdict import THRESHOLDS, Word

Row = Mapping[str, Any]
FIXED: Final = range(4)
"""Members whose moves limits are fitted on."""
HALF: Final = 0.5
STRANGER: Final = "apart"
"""The target that was trained apart; the others are related to the source."""
WORDS: Final = {"shared": Word.SHARED, "undecided": Word.UNDECIDED, "nothing": Word.NOTHING}
SCORES: Final = ("effect", "effect with elements", "cosine")


def harmful(row: Row, kept: float) -> bool:
    """Whether the error is above that without adapter by a tenth of it."""
    return kept * row["gain"] < -0.1 * row["without"]


def outcome(rows: Sequence[Row], which: str = "kept") -> str:
    """Moves that kept over half, and those that did harm."""
    good = sum(row[which] > HALF for row in rows)
    harm = sum(harmful(row, row[which]) for row in rows)
    return f"in {good} of {len(rows)} moves more than half was kept, harm in {harm}"


def word(row: Row) -> str:
    """The report's word for the move."""
    return str(row["word"]) if row["word"] in {str(w) for w in Word} else str(Word.UNDECIDED)


def side(row: Row) -> str | None:
    """The side that placement="auto" takes in most of the layers."""
    t = THRESHOLDS

    def one(near: Sequence[float | None], far: Sequence[float | None]) -> str | None:
        (a, za), (b, zb) = ((n[0] or 0.0, n[1] or 0.0) for n in (near, far))
        if za >= t.z and a >= t.input:
            return "input"
        if zb >= t.z and b >= t.output:
            return "output"
        return "input" if za >= t.z else None

    known = [(near or (None, None), far or (None, None)) for near, far in zip(row["input"], row["output"], strict=True)]
    return Counter(one(near, far) for near, far in known).most_common(1)[0][0]


def counts(rows: Sequence[Row]) -> dict[str, str]:
    """How every advice did on these moves, as ``thresholds.toml`` says it."""
    t = THRESHOLDS
    found = {key: outcome([r for r in rows if word(r) == w]) for key, w in WORDS.items()}
    lora = [row for row in rows if row["placement"] == "weight"]
    shared = [row for row in lora if word(row) != Word.NOTHING]
    off = [row for row in shared if any(not 1 / t.ratio <= (n or 1.0) <= t.ratio for n in row["norms"])]
    better = sum(row["rescaled"] >= row["kept"] for row in off)
    harm, before = (sum(harmful(row, row[key]) for row in off) for key in ("rescaled", "kept"))
    found["rescaled"] = f"not worse than a plain copy in {better} of {len(off)} moves, harm in {harm}"
    found["rescaled"] += f" where the copy had {before}"
    found["convert"] = "undecided LoRA: " + _beside([r for r in lora if word(r) == Word.UNDECIDED], "converted")
    at = {(*place(row), row["placement"]): row for row in rows}
    places = {place(row): side(row) for row in rows}
    taken = [at[*key, named] for key, named in places.items() if named and (*key, named) in at]
    left = [at[*key, "input"] for key, named in places.items() if named is None and (*key, "input") in at]
    none = sum(row["kept"] > HALF for row in left)
    found["auto"] = f"{outcome(taken)}; where it puts none, a copy kept half in {none} of {len(left)}"
    copy = [row for row in rows if row["effect"] >= t.kept]
    rest = [row for row in rows if row["effect"] < t.kept]
    found["batch_copy"] = outcome(copy)
    found["batch_rescaled"] = _beside([row for row in rest if row["cosine"] >= t.cosine], "strength")
    found["batch_start"] = outcome([row for row in rest if t.start <= row["cosine"] < t.cosine])
    found["batch_retrain"] = outcome([row for row in rest if row["cosine"] < t.start])
    return found


def place(row: Row) -> tuple[Any, ...]:
    """What is alike in the moves of all placements."""
    return tuple(row[key] for key in ("member", "task", "layer", "target"))


def _beside(rows: Sequence[Row], which: str) -> str:
    copies = sum(row["kept"] > HALF for row in rows)
    return f"{outcome(rows, which)}; plain copies {copies} and {sum(harmful(row, row['kept']) for row in rows)}"


def area(scores: Sequence[float], good: Sequence[bool]) -> float:
    """The chance that a move that kept over half has a higher score than one that did not (AUC)."""
    a, b = (np.array([s for s, g in zip(scores, good, strict=True) if g is which]) for which in (True, False))
    if not len(a) or not len(b):
        return float("nan")
    return float(((a[:, None] > b).mean() + (a[:, None] >= b).mean()) / 2)


def limit(scores: Sequence[float], good: Sequence[bool]) -> float:
    """The limit with the best mean of both hit rates."""
    x, y = np.array(scores), np.array(good)
    if not len(x) or y.all() or not y.any():
        return float("nan")
    return max(np.unique(x).tolist(), key=lambda cut: float((x >= cut)[y].mean() + (x < cut)[~y].mean()))


def lines(rows: Sequence[Row]) -> list[str]:
    """All that is printed."""
    halves = {
        "fitted": [row for row in rows if row["member"] in FIXED],
        "tested": [row for row in rows if row["member"] not in FIXED],
    }
    found = []
    for half, some in halves.items():
        related = [row for row in some if row["target"] != STRANGER]
        good = [row["kept"] > HALF for row in related]
        members = ", ".join(map(str, sorted({row["member"] for row in some})))
        found.append(f"# {half}: {len(some)} moves of members {members or 'none'}, {len(related)} of them related")
        for score in SCORES:
            values = [row[score] for row in related]
            found.append(f"#   {score}: AUC among related {area(values, good):.3f}, limit {limit(values, good):.2f}")
    return found + [f'{key} = "{text}"' for key, text in counts(halves["tested"]).items()]


def main(argv: list[str] | None = None) -> int:
    """Print the limits and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+")
    args = parser.parse_args(argv)
    rows = [json.loads(line) for path in args.rows for line in path.read_text(encoding="utf-8").splitlines()]
    sys.stdout.write("\n".join(lines(rows)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
